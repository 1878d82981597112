#!/bin/bash
# Capabilities in all five sets, no-new-privs, securebits.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

kill_=20 both=401	# CAP_CHOWN is bit 0, CAP_KILL 5, CAP_NET_BIND_SERVICE 10
all=$(awk '/^CapBnd/ { print $2 }' /proc/self/status | sed 's/^0*//')
wide() { printf '%09x' "0x$1"; }
sets() { echo "bounding=$1 permitted=$(wide "$2") effective=$(wide "$3") inheritable=$(wide "$4") ambient=$5"; }

claim "caps=none leaves no set with anything, as root and as another user"
says "$(sets 0 0 0 0 0)" -- "$P" caps
says "$(sets 0 0 0 0 0)" user=svc -- "$P" caps

claim "caps=NAME...: bounding, permitted and effective; inheritable and ambient stay empty for root"
says "$(sets $both $both $both 0 0)" caps="chown net_bind_service" -- "$P" caps

claim "caps=NAME... for another user: ambient too, or they would be gone at exec"
says "$(sets $both $both $both $both $both)" user=svc caps="chown net_bind_service" -- "$P" caps

claim "each of the five sets by itself"
box caps.bounding="chown net_bind_service" -- "$P" caps
like "bounding" "$text" "bounding=401 permitted=*"
box user=svc caps="chown kill" caps.ambient=kill caps.inheritable="chown kill" -- "$P" caps
same "ambient" "$text" "$(sets 21 $kill_ $kill_ 21 $kill_)"
box caps="chown kill" caps.inheritable=kill -- "$P" caps
same "inheritable" "$text" "$(sets 21 21 21 $kill_ 0)"
refused "bounding set lacks" caps=chown caps.permitted="chown kill" -- "${ran[@]}"
refused "permitted set lacks" caps=chown caps.effective=kill -- "${ran[@]}"
refused "must be permitted and inheritable" caps=chown caps.ambient=kill -- "${ran[@]}"

claim "caps=all is what the caller has, all but one is that; outside reads the same"
start a caps="all -sys_admin -sys_resource" && {
	want=$(printf '%x' $((0x$all & ~0x200000 & ~0x1000000)))
	answers "$(sets "$want" "$want" "$want" 0 0)" a caps
	same "CapBnd" "$(awk '/^CapBnd/ { print $2 }' "/proc/$(payload a)/status")" "$(printf '%016x' "0x$want")"
	stop a
}

claim "a capability that hutch lacks is refused, not left out"
if [ $((0x$all & 0x1000000)) = 0 ]; then
	refused "" caps=sys_resource -- "${ran[@]}"
else
	text=$(timeout 20 setpriv --bounding-set -kill --inh-caps -kill "$H" run root="$R" caps=kill -- "${ran[@]}" 2>&1)
	same "status" "$?" 125
fi

claim "no-new-privs: a set-uid program gains nothing; no-new-privs=no is written, not guessed"
cp "$R/bin/probe" "$R/bin/suid"
chmod 4755 "$R/bin/suid"
box user=svc -- /bin/suid ids
like "default" "$text" "uid=1000,1000,1000 *"
box user=svc no-new-privs=no -- /bin/suid ids
like "nosuid on the root" "$text" "uid=1000,1000,1000 *"
box user=svc no-new-privs=no bind="$R/bin /data suid" -- /data/suid ids
like "suid on a bind" "$text" "uid=1000,0,0 *"
box user=svc bind="$R/bin /data suid" -- /data/suid ids
like "no-new-privs stops it" "$text" "uid=1000,1000,1000 *"
says "no-new-privs=0 securebits=0 dumpable=1" no-new-privs=no -- "$P" privileges
rm "$R/bin/suid"

claim "securebits: each word, and locked"
says "no-new-privs=1 securebits=1 dumpable=1" securebits=noroot -- "$P" privileges
says "no-new-privs=1 securebits=4 dumpable=1" securebits=no-setuid-fixup -- "$P" privileges
says "no-new-privs=1 securebits=40 dumpable=1" securebits=no-ambient-raise -- "$P" privileges
says "no-new-privs=1 securebits=3 dumpable=1" securebits="noroot locked" -- "$P" privileges
box securebits=noroot caps=chown -- "$P" caps
same "noroot: root is nobody special" "$text" "$(sets 1 0 0 0 0)"

claim "with a capability the payload can do that, and only that"
box caps=mknod -- "$P" mknod /dev/shm/node , tmpfs /tmp
same "mknod" "$text" $'ok\nEPERM'
box caps=sys_admin -- "$P" tmpfs /tmp , mknod /dev/shm/node , umount /proc
same "sys_admin" "$text" $'ok\nEPERM\nEINVAL'

claim "signals are the caller's for a payload with sys_admin too, and --status-fd works"
says $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000' caps=sys_admin -- "$P" masks
text=$(timeout 20 "$H" run --status-fd=7 root="$R" caps=sys_admin -- "$P" exit 3 7>&1 >/dev/null)
like "status" "$text" '*"started"*"exited","status":3}'

claim "a payload with sys_admin cannot undo the mounts it was given: they are locked"
start a caps=sys_admin bind="$T /data" && {
	answers EINVAL a umount /proc/sys
	answers EINVAL a umount /data
	answers EPERM a rw /data
	answers EPERM a rw /
	answers EPERM a rw /proc/sys
	ask a escape
	same "escape" "$text" inside
	stop a
}

claim "plan calls a payload with sys_admin in the host's user namespace host-equivalent"
text=$(timeout 20 "$H" plan root="$R" caps=sys_admin -- "$P" 2>&1)
like "plan" "$text" "*host-equivalent*"
like "plan" "$text" "*seal*"
text=$(timeout 20 "$H" plan root="$R" -- "$P" 2>&1)
unlike "plan" "$text" "*host-equivalent*"
