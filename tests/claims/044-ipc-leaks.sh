#!/bin/bash
# What goes past an IPC namespace: each is closed, seen from inside, or named by plan and check.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# A /dev of this host's own, so that nothing is made in the machine's.
mkdir -p "$T/dev"/{pts,shm,mqueue}
for node in null zero full random urandom tty; do cp -a "/dev/$node" "$T/dev/"; done
ln -s /proc/self/fd "$T/dev/fd"
mount --bind "$T/dev" /dev
mount -t tmpfs shm /dev/shm
mount -t mqueue mq /dev/mqueue
echo outside >/dev/shm/secret
"$T/probe" mq-make /outside >/dev/null
mkdir -p "$R/mnt"

# what plan says is shared with the host
shared() {
	local args
	with_root "$@"
	text=$("$H" plan "${args[@]}" 2>&1 | sed -n 's/^# shared with the host: //p')
}

named() {	# WHAT KEY...
	shared "${@:2}" -- "$P"
	like "plan ${*:2}" "$text" "*$1*"
}

unnamed() {	# WHAT KEY...
	shared "${@:2}" -- "$P"
	unlike "plan ${*:2}" "$text" "*$1*"
}

# The probe, also where the host's root is the sandbox's.
program() {
	case " $* " in *" root=/ "*) prog=$T/probe ;; *) prog=$P ;; esac
}

# WHAT PATH KEY...: a file of the host is seen at PATH, and plan names it; or neither.
open() {
	program "$@"
	says "$(stat -c 'file %04a 0:0' /dev/shm/secret)" "${@:3}" -- "$prog" stat "$2"
	named "$1" "${@:3}"
}
queue_open() {
	program "$@"
	says "file 0600 0:0" "${@:3}" -- "$prog" stat "$2"
	named "$1" "${@:3}"
}
closed() {
	program "$@"
	box "${@:3}" -- "$prog" stat "$2"
	same "${*:3}" "$text" ENOENT
	unnamed "$1" "${@:3}"
}

# An older one shares no /dev/shm, and cannot make all mounts below the root nodev at once.
new_kernel() {
	[ "${CLAIM_KERNEL:-}" = old ] || "$@"
}

claim "/dev/shm: a sandbox has its own, whatever its /dev is made of, or plan names the host's"
closed /dev/shm /dev/shm/secret
closed /dev/shm /dev/shm/secret dev=host
closed /dev/shm /dev/shm/secret root=/
new_kernel closed /dev/shm /dev/shm/secret dev=host shm="group desk"
open "/dev/shm (dev=host, shm=none)" /dev/shm/secret dev=host shm=none
closed /dev/shm /dev/shm/secret dev=host shm=none tmpfs=/dev/shm
new_kernel open "/dev/shm (root=/, dev=none)" /dev/shm/secret root=/ dev=none
new_kernel closed /dev/shm /dev/shm/secret root=/ dev=none tmpfs=/dev
open "/dev/shm (bind=/dev)" /mnt/shm/secret bind="/dev /mnt rec"
closed /dev/shm /mnt/shm/secret bind="/dev /mnt"
closed /dev/shm /mnt/shm/secret bind="/dev /mnt rec" tmpfs=/mnt/shm
open "/dev/shm (bind=/dev/shm)" /mnt/secret bind="/dev/shm /mnt"
open "/dev/shm (bind=/)" /mnt/dev/shm/secret bind="/ /mnt rec"

claim "queues: no mount of the host's is left below a /dev of hutch's making, or plan names it"
closed /dev/mqueue /dev/mqueue/outside
closed /dev/mqueue /dev/mqueue/outside dev=host
closed /dev/mqueue /dev/mqueue/outside root=/
new_kernel queue_open "/dev/mqueue (root=/, dev=none)" /dev/mqueue/outside root=/ dev=none
new_kernel closed /dev/mqueue /dev/mqueue/outside root=/ dev=none mqueue=/dev/mqueue
queue_open "/dev/mqueue (bind=/dev)" /mnt/mqueue/outside bind="/dev /mnt rec"
closed /dev/mqueue /mnt/mqueue/outside bind="/dev /mnt rec" mqueue=/mnt/mqueue
queue_open "System V objects and POSIX queues (ipc=host)" /dev/mqueue/outside ipc=host
queue_open "System V objects and POSIX queues (ipc=host)" /dev/mqueue/outside ipc=host dev=host
[ -e /dev/mqueue/outside ] || note "the host's own mount"

claim "with dev=host the host's own /dev stays as it is, and what is made inside is the sandbox's"
start a dev=host && {
	answers ok a make /dev/shm/inside
	answers ok a mq-make /inside
	same "shm outside" "$(ls /dev/shm)" secret
	same "queues outside" "$(ls /dev/mqueue)" outside
	like "nothing else differs" "$("$T/probe" enter "/proc/${init_pid[a]}/ns/mnt" ls /dev)" "*null*"
	stop a
}

claim "abstract sockets: named with the host's network, out of reach without it"
: >"$T/listen"
"$T/probe" listen hutch-leak >"$T/listen" &
server=$!
until grep -q ok "$T/listen"; do sleep 0.02; done
for keys in net=host ns="mount ipc pid"; do
	says ok "$keys" -- "$P" connect hutch-leak
	named "abstract sockets (net=host)" "$keys"
done
for keys in net=none net=new; do
	box "$keys" -- "$P" connect hutch-leak
	same "$keys" "$text" ECONNREFUSED
	unnamed "abstract sockets" "$keys"
done
kill $server
wait $server 2>/dev/null

claim "keyrings: a new session keyring, or it is named; that of the user goes with the user namespace"
launcher=("$T/probe" key-session-with session-secret)
box -- "$P" key-find session-secret
same "new" "$text" ENOKEY
unnamed "session keyring"
box keyring=inherit -- "$P" key-find session-secret
same "inherit" "$text" ok
launcher=()
named "the session keyring (keyring=inherit)" keyring=inherit
"$T/probe" key-add user-secret -4 >/dev/null
says ok -- "$P" key-find user-secret -4
named "the keyring of its user (ns.user=host)"
own=(ns.user=new uidmap="0 100000 10" gidmap="0 100000 10" user=root)
chmod 755 "$T" "$R"
box "${own[@]}" -- "$P" key-find user-secret -4
same "a user namespace of its own" "$text" ENOKEY
unnamed "the keyring of its user" "${own[@]}"

claim "all files with ns.mount=host"
text=$("$H" plan ns="ipc pid" -- "$P" | sed -n 's/^# shared with the host: //p')
like "plan" "$text" "*/dev/shm as all files (ns.mount=host)*"

claim "check tells what was not said, to who keeps his IPC apart, and finds nothing wrong in it"
checked() {	# WANT KEY...
	local want=$1
	shift
	text=$("$H" check root="$R" "$@" -- "$P" 2>&1)
	status=$?
	like "check $*" "$status $text" "$want"
}
checked "0 "
checked "0 " net=host keyring=inherit
checked "0 hutch: note: shared with the host: abstract sockets (net=host)" ipc="group desk" shm=private
checked "0 " ipc=new net=host
checked "0 " ipc.msgmax=4096 net=none
checked "0 argument 2: note: shared with the host: /dev/shm (bind=/dev)
argument 2: note: shared with the host: /dev/mqueue (bind=/dev)" bind="/dev /mnt rec"
checked "0 " bind="/dev/shm /mnt"
