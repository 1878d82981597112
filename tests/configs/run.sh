#!/bin/bash
# Runs each profile of configs/ for real and checks what it promises. TAP.
#
#   tests/configs/run.sh OUT HUTCH ROOTTREE
#
# Root is replaced by ROOTTREE on the command line, as a user would do it. Mounts
# are made in a throw-away namespace. Without root, what needs it is skipped.
# shellcheck disable=SC2016,SC2317 # the shell in the sandbox expands; ok() calls
set -uo pipefail
export LC_ALL=C

if [ $# -ne 3 ]; then
	echo "usage: tests/configs/run.sh OUT HUTCH ROOTTREE" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
hutch=$(realpath "$2") tree=$(realpath "$3") root=
configs=$here/configs
[ "$(id -u)" != 0 ] || root=yes
if [ "$root" ] && [ -z "${CONFIGS_WORK-}" ]; then
	CONFIGS_WORK=$(mktemp -d) || exit 1
	export CONFIGS_WORK
	trap 'rmdir "$CONFIGS_WORK"' EXIT
	unshare --mount --propagation private bash "$0" "$@"
	exit $?
fi
work=${CONFIGS_WORK:-$(mktemp -d)} || exit 1
# shellcheck source=tests/talk.sh
. "$here/tests/talk.sh"
cleanup() {
	talk_kill
	[ "$root" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

n=0 bad=0
# ok TEXT COMMAND...: passes when the command does
ok() {
	local text=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		bad=$((bad + 1))
		tail -n 12 "$work/log" 2>/dev/null | cut -c1-200 | sed 's/^/# /'
	fi
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}
not() { ! "$@"; }
is() { [ "$1" = "$2" ]; }
# What a shell in the sandbox prints is exactly this.
says() { is "$(ask "$1" "$2" 2>&1)" "$3"; }
# lines FILE PATTERN...: every pattern is found in the file
lines() {
	local file=$1 pattern
	shift
	for pattern; do grep -q -- "$pattern" "$file" || return 1; done
}
run() { timeout 60 "$hutch" run "$@" >"$work/log" 2>&1; }

if [ "$root" ]; then
	mount -t tmpfs configs "$work"
	# A /run of our own, so that names are free and nothing is left there.
	mkdir "$work/run"
	mount --bind "$work/run" /run
else
	mkdir -m 700 "$work/run"
	export XDG_RUNTIME_DIR=$work/run
	# In a user namespace only one's own files can be changed.
	cp -r "$tree" "$work/tree" 2>/dev/null # but /root
	tree=$work/tree
fi
chmod 755 "$work"

# --- every profile ---------------------------------------------------------------

for file in "$configs"/*.conf; do
	name=${file##*/}
	# The device of device.conf is none of this machine's, perhaps: plan, not check.
	"$hutch" plan "$file" root="$tree" >"$work/log" 2>&1
	ok "$name: can be planned" is $? 0
done

# --- hello.conf --------------------------------------------------------------------

run "$configs/hello.conf" root="$tree"
ok "hello.conf: says hello, and nothing else" is "$(cat "$work/log")" "Hello from inside."
run "$configs/hello.conf" root="$tree" -- sh -c 'exit 42'
ok "hello.conf: hutch exits with the payload's status" is $? 42
run "$configs/hello.conf" root=/nonexistent
ok "hello.conf: a root that is not there is 125, and never the host's program" is $? 125
ok "hello.conf: the message says where" lines "$work/log" "/nonexistent: No such file"

# --- shell.conf --------------------------------------------------------------------

talk_start shell "$configs/shell.conf" root="$tree"
ok "shell.conf: files can be changed" says shell 'echo mine >/etc/mine && cat /etc/mine' mine
ok "shell.conf: the root itself is unchanged" not test -e "$tree/etc/mine"
ok "shell.conf: host name, home and working directory" says shell 'hostname; echo $HOME; pwd' $'hutch\n/tmp\n/tmp'
ok "shell.conf: no network but loopback" says shell 'grep -c : /proc/net/dev; grep -c lo: /proc/net/dev' $'1\n1'
ok "shell.conf: ends with its input" talk_end shell
if command -v script >/dev/null; then
	printf 'tty\ntest -t 0 && echo a terminal | tr a-z A-Z\nexit 7\n' |
		timeout 20 script -qefc "'$hutch' run '$configs/shell.conf' root='$tree'" /dev/null >"$work/log" 2>&1
	ok "shell.conf: on a terminal, its status comes through" is $? 7
	ok "shell.conf: on a terminal it has a pty of its own" lines "$work/log" '/dev/pts/0' 'A TERMINAL'
else
	skip "shell.conf: on a terminal" "there is no script(1)"
fi

# --- ci.conf -----------------------------------------------------------------------

# A copy, for nobody must be able to read it, and nothing of ours may be touched.
copy=$work/copy
mkdir "$copy"
cp -r "$here"/{Makefile,src,tests,rootfs,configs} "$copy/"
cp "$hutch" "$work/hutch"
chmod -R a+rX "$copy" "$work/hutch"
as_nobody=()
uid=$(id -u)
if [ "$root" ]; then
	as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	uid=65534
fi
ci() {
	timeout 300 "${as_nobody[@]}" "$work/hutch" run "$copy/configs/ci.conf" bind="$copy /mnt" "$@" >"$work/log" 2>&1
}
if "${as_nobody[@]}" unshare --user true 2>/dev/null; then
	ci -- sh -c 'id -u; cat /proc/net/dev | wc -l; touch /mnt/x /usr/x /etc/x 2>&1 | wc -l; ls -A /home'
	ok "ci.conf: an ordinary user, loopback only, nothing writable, no homes to see" \
		is "$(cat "$work/log")" "$(printf '%s\n' "$uid" 3 3)"
	ci
	ok "ci.conf: hutch is built and unit-tested in its own sandbox" is $? 0
	ok "ci.conf: tests really ran" lines "$work/log" '^[1-9][0-9]* passed, 0 failed'
	ok "ci.conf: nothing was written to the sources" not test -e "$copy/build"
else
	skip "ci.conf: an ordinary user builds and tests hutch" "no user namespaces for uid $uid"
fi

# --- the others need mounts on the host ----------------------------------------------

if [ -z "$root" ]; then
	for name in per-user device cdrom; do skip "$name.conf: what it promises" "needs root"; done
	echo "1..$n"
	exit $((bad > 0))
fi

# --- per-user.conf -------------------------------------------------------------------

mount -t tmpfs homes /home
mkdir -m 700 /home/alice /home/bob
echo secret >/home/bob/secret
chown -R 1001:1001 /home/alice
chown -R 1002:1002 /home/bob
user() {
	talk_start "$1" "$configs/per-user.conf" user="$2" group="$2" bind="/home/$1 rw" workdir="/home/$1" env="HOME=/home/$1"
}
user alice 1001
user bob 1002
ask alice 'for d in /tmp /var/tmp /dev/shm /home/alice; do echo of alice >$d/mine; done' >"$work/log"
ok "per-user.conf: alice is alice, at home" says alice 'id -u; pwd' $'1001\n/home/alice'
ok "per-user.conf: alice has what she wrote" says alice 'cat /tmp/mine /var/tmp/mine /dev/shm/mine ~/mine | uniq -c | tr -s " "' ' 4 of alice'
ok "per-user.conf: bob has none of it, in the same places" \
	says bob 'cat /tmp/mine /var/tmp/mine /dev/shm/mine ~/mine 2>/dev/null; ls -A /tmp /var/tmp /dev/shm | grep -c mine' 0
ok "per-user.conf: nor has the host" not test -e /tmp/mine -o -e /var/tmp/mine -o -e /dev/shm/mine
ok "per-user.conf: alice's home is the one that she has on the host" is "$(cat /home/alice/mine)" "of alice"
ok "per-user.conf: alice does not see bob's home" says alice 'ls /home' alice
ok "per-user.conf: bob sees his" says bob 'cat /home/bob/secret' secret
ok "per-user.conf: both see one system" is "$(ask alice 'ls -id /usr /etc')" "$(ask bob 'ls -id /usr /etc')"
ok "per-user.conf: which they cannot change" says alice 'touch /usr/x /etc/x 2>/dev/null; echo $?' 1
ask alice 'test -e /usr/bin/ipcmk && ipcmk -Q' >"$work/log" 2>&1
ok "per-user.conf: alice has a message queue" says alice 'ipcs -q | grep -c ^0x' 1
ok "per-user.conf: which bob does not see" says bob 'ipcs -q | grep -c ^0x' 0
ok "per-user.conf: alice logs out" talk_end alice
ok "per-user.conf: bob logs out" talk_end bob

# --- device.conf ---------------------------------------------------------------------

# A /dev of ours, whose ttyS0 gives zeroes: any device would do.
mkdir "$work/dev"
mount -t tmpfs -o mode=0755,dev dev "$work/dev"
cp -a /dev/{null,zero,full,random,urandom,tty} "$work/dev/"
mkdir "$work/dev/shm"
mknod -m 600 "$work/dev/ttyS0" c 1 5
mount --bind "$work/dev" /dev
talk_start first "$configs/device.conf" root="$tree"
talk_start second "$configs/device.conf" root="$tree"
talk_start third root="$tree"
for name in first second; do
	ok "device.conf: $name has the node" says $name 'stat -c "%F %t:%T" /dev/ttyS0' 'character device 1:5'
	ok "device.conf: $name reads and writes it" says $name 'echo AT >/dev/ttyS0 && head -c 3 /dev/ttyS0 | wc -c' 3
done
ok "device.conf: a sandbox without the line has no such node" says third 'test -e /dev/ttyS0; echo $?' 1
ok "device.conf: and cannot make one" says third 'mknod /dev/ttyS0 c 1 5 2>/dev/null; mknod /dev/shm/x c 1 5 2>/dev/null; ls /dev/ttyS0 /dev/shm/x 2>/dev/null | wc -l' 0
# A node that comes in on a file of the host is of no use either.
talk_start fourth root="$tree" bind="$work/dev /mnt rw"
ok "device.conf: nor open one that it finds somewhere" says fourth 'head -c 3 /mnt/ttyS0 2>/dev/null | wc -c' 0
for name in first second third fourth; do ok "device.conf: $name ends" talk_end $name; done
umount -l /dev

# --- cdrom.conf ----------------------------------------------------------------------

mount -t tmpfs media /media
mount --make-shared /media
mkdir /media/cdrom
for name in first second; do talk_start $name "$configs/cdrom.conf" root="$tree"; done
talk_start third root="$tree" bind="/media rec"
ok "cdrom.conf: nothing in the drive" says first 'ls /media/cdrom' ''
mount -t tmpfs -o ro,nodev,nosuid disc /media/cdrom
mkdir /media/other
for name in first second; do
	ok "cdrom.conf: $name sees the disc" says $name 'grep -c " /media/cdrom .* disc " /proc/self/mountinfo' 1
	ok "cdrom.conf: $name receives only" says $name 'grep " /media " /proc/self/mountinfo | grep -c "shared:"' 0
done
ok "cdrom.conf: a sandbox with a private /media has the directory" says third 'ls /media' $'cdrom\nother'
ok "cdrom.conf: but does not see the disc" says third 'grep -c " /media/cdrom " /proc/self/mountinfo' 0
talk_start late "$configs/cdrom.conf" root="$tree"
ok "cdrom.conf: one that starts later sees the disc too" says late 'grep -c " /media/cdrom .* disc " /proc/self/mountinfo' 1
ok "cdrom.conf: the host takes it out, though all run" umount /media/cdrom
for name in first second late; do
	ok "cdrom.conf: it is gone from $name" says $name 'grep -c " /media/cdrom " /proc/self/mountinfo' 0
done
for name in first second third late; do ok "cdrom.conf: $name ends" talk_end $name; done

ok "nothing stays registered" is "$(ls -A "$work/run/hutch")" ""
echo "1..$n"
exit $((bad > 0))
