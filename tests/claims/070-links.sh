#!/bin/bash
# A root that tries to lead hutch out of it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# What must stay as it is: a "host" beside the root.
mkdir -p "$T/host/"{pts,shm,mqueue,deep}
echo mine >"$T/host/file"
outside() { find "$T/host" -printf '%P %y %m %s\n' | sort; }
outside >"$T/outside"
safe() {
	same "outside" "$(outside | diff "$T/outside" -)" ""
	same "the host's mounts" "$(host_mounts | diff "$T/mark" -)" ""
}

evil() {
	rm -rf "$T/evil"
	tree "$T/evil"
}

claim "dev -> ../../host: nothing is mounted or made outside"
evil
rmdir "$T/evil/dev"
ln -s ../host "$T/evil/dev"
box root="$T/evil" -- "$P" ls /
safe
rm "$T/evil/dev"
ln -s "../../../../../../..$T/host" "$T/evil/dev"
box root="$T/evil" -- "$P" ls /
safe

claim "dev, proc, tmp as links inside the root are followed inside the root"
evil
rmdir "$T/evil/dev"
mkdir "$T/evil/real"
ln -s /real "$T/evil/dev"
box root="$T/evil" -- "$P" stat /real/null
same "inside" "$text" "char 0666 0:0 1,3"

claim "etc -> /: a file, a bind and a tmpfs below it land in the root"
evil
rm -rf "$T/evil/etc"
ln -s / "$T/evil/etc"
box root="$T/evil" bind="$T/host/file /etc/hutch-claim create" root-mode=rw -- "$P" cat /hutch-claim
same "inside" "$text" mine
[ ! -e /hutch-claim ] || note "made on the host"
[ ! -e /etc/hutch-claim ] || note "made on the host"
safe

claim "a bind onto a link that leads out by an absolute path or by many dots"
for target in "$T/host" "../../../../../../..$T/host" "/proc/1/root$T/host" "../../../../proc/1/root$T/host"; do
	evil
	ln -s "$target" "$T/evil/link"
	box root="$T/evil" bind="$R/etc /link create" root-mode=rw -- "$P" ls /
	safe
	box root="$T/evil" bind="$R/etc /link/deep create" tmpfs="/link/pts create" dir=/link/made file='/link/file x' root-mode=rw -- "$P" ls /
	safe
	box root="$T/evil" symlink="/x /link/made" dir=/link/made2 root-mode=rw -- "$P" ls /
	safe
done

claim "links in a circle and dangling ones are errors, and nothing is made by them"
evil
ln -s b "$T/evil/a"
ln -s a "$T/evil/b"
refused "" root="$T/evil" bind="$R/etc /a" -- "${ran[@]}"
ln -s "$T/host/new" "$T/evil/dangling"
box root="$T/evil" bind="$R/etc/passwd /dangling create" root-mode=rw -- "$P" args
safe

claim "a link of the root's proc to the host is never followed"
evil
box root="$T/evil" proc=/proc bind="$R/etc /proc/1/root/host" -- "${ran[@]}"
same "status" "$status" 125
box root="$T/evil" bind="$R/etc /proc/self/fd/3/x create" -- "${ran[@]}"
same "status" "$status" 125
safe

claim "somebody who swaps a directory with a link 1,000 launches long gets nothing outside"
evil
mkdir -p "$T/evil/flip/deep"
ln -s "$T/host" "$T/evil/flop"
"$T/probe" flip "$T/evil/flip" "$T/evil/flop" >"$T/flip" &
flipper=$!
good=0
for ((i = 0; i < 1000; i++)); do
	box root="$T/evil" root-mode=rw bind="$R/etc /flip/deep" dir=/flip/made tmpfs="/flip/shm create" -- "$P" args in
	[ "$status" = 0 ] && good=$((good + 1))
done
kill $flipper
wait $flipper 2>/dev/null
safe
[ "$good" -gt 0 ] || note "not one launch of 1,000 came to its end"

claim "two sandboxes that share a volume, one of which swaps it, do not lead the other out"
evil
mkdir -p "$T/vol/flip/deep"
ln -s /../../../../../../.."$T/host" "$T/vol/flop"
start a bind="$T/vol /data rw" && {
	"$T/probe" enter "/proc/${init_pid[a]}/ns/mnt" flip /data/flip /data/flop >"$T/flip" &
	flipper=$!
	for ((i = 0; i < 60; i++)); do
		box bind="$T/vol /data rw" bind="$R/etc /data/flip/deep" -- "$P" args in
	done
	kill $flipper
	wait $flipper 2>/dev/null
	stop a
}
safe

claim "rootfs/dev/null as a link to sysrq-trigger masks nothing with it"
evil
ln -s /proc/sysrq-trigger "$T/evil/dev/null"
box root="$T/evil" dev=none mask=/etc/passwd -- "$P" cat /etc/passwd
unlike "masked" "$text" "*root:*"
box root="$T/evil" dev=none -- "$P" stat /proc/timer_list
same "mask" "$text" "char 0666 0:0 1,3"

claim "the host's /dev/null not being the null device is noticed"
: >"$T/notnull"
# shellcheck disable=SC2016
text=$(unshare --mount bash -c 'mount --bind "$1" /dev/null; shift; exec timeout 20 "$@" 2>&1 </dev/zero' x "$T/notnull" \
	"$H" run root="$R" -- "${ran[@]}")
like "message" "$text" "*null device*"
unlike "payload" "$text" "*payload did run*"

claim "a tmpfs or a link at rootfs/proc takes no write that was meant for procfs"
evil
mount -t tmpfs fake "$T/evil/proc"
mkdir -p "$T/evil/proc/self" "$T/evil/proc/sys/kernel"
: >"$T/evil/proc/self/oom_score_adj"
: >"$T/evil/proc/sys/kernel/msgmax"
box root="$T/evil rec" oom-score=300 ipc.msgmax=4096 -- "$P" cat /proc/self/oom_score_adj , cat /proc/sys/kernel/msgmax
same "inside" "$text" $'300\n4096'
box root="$T/evil rec" proc=none mask=none oom-score=300 ipc.msgmax=4096 -- "$P" cat /proc/self/oom_score_adj
same "not into the fake" "$(cat "$T/evil/proc/self/oom_score_adj" "$T/evil/proc/sys/kernel/msgmax")" ""
umount "$T/evil/proc"

claim "a fake /proc on the caller's side is noticed too"
text=$(unshare --mount bash -c 'mount -t tmpfs fake /proc; mkdir -p /proc/self; exec timeout 20 "$@" 2>&1' x "$H" run root="$R" -- "${ran[@]}")
unlike "payload" "$text" "*payload did run*"
