#!/bin/bash
# Every mount key with its options.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir -p "$T/src/sub"
echo hello >"$T/src/file"
chmod 4755 "$T/src/file"

claim "bind: read-only unless rw, nosuid and nodev unless suid and dev"
box bind="$T/src /data" -- "$P" mount /data , cat /data/file , make /data/new
same ro "$text" $'tmpfs ro,nosuid,nodev private\nhello\nEROFS'
box bind="$T/src /data rw" -- "$P" mount /data , make /data/new
same rw "$text" $'tmpfs rw,nosuid,nodev private\nok'
[ -e "$T/src/new" ] || note "the write did not reach the source"
says "tmpfs rw private" bind="$T/src /data rw suid dev" -- "$P" mount /data
says "tmpfs ro,nosuid,nodev,noexec private" bind="$T/src /data noexec" -- "$P" mount /data

claim "bind: without a destination the same path; a file onto a file"
says hello bind="$T/src/file /etc/passwd" -- "$P" cat /etc/passwd
says hello root=tmpfs bind="$R/bin /bin create" bind="$T/src create" -- "$P" cat "$T/src/file"
refused "" bind="$T/src/file /data" -- "${ran[@]}"
refused "" bind="$T/src /etc/passwd" -- "${ran[@]}"

claim "bind noexec: no program starts from there"
box bind="$R/bin /data noexec" -- /data/probe args x
same "status" "$status" 126

claim "bind optional: a source that is missing is left out, and only that"
box bind="$T/none /data optional" -- "$P" mount /data
same optional "$text $status" "none 0"
refused "$T/none" bind="$T/none /data" -- "${ran[@]}"

claim "bind create: the mount point is made, and left on the host only if it was asked for there"
box bind="$T/src /made/deep create" root-mode=overlay -- "$P" cat /made/deep/file
same create "$text" hello
[ ! -e "$R/made" ] || note "made on the host"
refused "no such mount point" bind="$T/src /made" -- "${ran[@]}"
box bind="$T/src /made/deep create" root-mode=rw -- "$P" cat /made/deep/file
same "create on rw" "$text" hello
rm -rf "$R/made"

claim "created mount points are undone after a later failure"
refused "$T/none" bind="$T/src /made/deep create" bind="$T/none /data" root-mode=rw -- "${ran[@]}"
[ ! -e "$R/made" ] || note "left on the host: $(find "$R/made")"
refused "no such mount point" bind="$T/src /made/deep create" bind="$T/src/file /made2/file create" bind="$T/src /never" root-mode=rw -- "${ran[@]}"
[ ! -e "$R/made" ] || note "left on the host: $(find "$R/made")"
[ ! -e "$R/made2" ] || note "left on the host: $(find "$R/made2")"

claim "a recursive bind: what lies below its source is read-only, nosuid and nodev too"
mkdir -p "$T/rec/below"
mount -t tmpfs below "$T/rec/below"
start a bind="$T/rec /data rec" && {
	answers "tmpfs ro,nosuid,nodev private" a mount /data/below
	stop a
}
umount "$T/rec/below"

claim "tmpfs: size, mode, uid, gid, ro, noexec"
box tmpfs="/data size=64k mode=0751 uid=3 gid=4" -- "$P" stat /data , mount /data
same tmpfs "$text" $'dir 0751 3:4\ntmpfs rw,nosuid,nodev private'
start a tmpfs="/data size=64k" && {
	like "size" "$(grep ' /data ' "/proc/${init_pid[a]}/mountinfo")" "*size=64k*"
	stop a
}
box tmpfs="/data ro noexec" -- "$P" mount /data , make /data/x
same "ro noexec" "$text" $'tmpfs ro,nosuid,nodev,noexec private\nEROFS'

claim "mounts happen in file order: a later one covers an earlier one"
says hello tmpfs=/data bind="$T/src /data" -- "$P" cat /data/file
box bind="$T/src /data" tmpfs=/data -- "$P" cat /data/file
same "covered" "$text" ENOENT
says hello tmpfs=/data bind="$T/src /data/in create" -- "$P" cat /data/in/file

claim "proc=none, dev=none: nothing is mounted"
box proc=none dev=none -- "$P" ls /proc , ls /dev
same "empty" "$text" ""

claim "a root without /proc or /dev is refused, and the message says both ways out"
mkdir -p "$T/bare/bin"
cp "$R/bin/probe" "$T/bare/bin"
refused "proc=none" root="$T/bare" -- "${ran[@]}"
refused "dev=none" root="$T/bare" proc=none -- "${ran[@]}"
says "" root="$T/bare" proc=none dev=none mask=none -- "$P" args

claim "proc: elsewhere, ro, subset=pid, hidepid"
box proc="/data ro subset=pid" mask=none -- "$P" mounts /data/self/mountinfo /data , stat /data/uptime
same "subset" "$text" $'proc ro,nosuid,nodev,noexec private\nENOENT'
box proc="/proc hidepid=2" user=svc -- "$P" stat /proc/1
same hidepid "$text" ENOENT

claim "sysfs: read-only unless rw, of a network namespace of its own"
box sysfs=/sys net=none -- "$P" mount /sys , ls /sys/class/net , open-w /sys/kernel/uevent_seqnum
same sysfs "$text" $'sysfs ro,nosuid,nodev,noexec private\nlo \nEROFS'
says "sysfs rw,nosuid,nodev,noexec private" sysfs="/sys rw" net=none -- "$P" mount /sys

claim "mqueue and devpts at places of one's own, with create"
says $'mqueue rw,nosuid,nodev,noexec private\ndevpts rw,nosuid,noexec private' root-mode=overlay \
	mqueue="/q create" devpts="/ptys create" -- "$P" mount /q , mount /ptys

claim "mount: any file system, its options and attributes"
says "tmpfs ro,nosuid,nodev private" mount="tmpfs mine /data size=64k,mode=0700" -- "$P" mount /data
says "tmpfs rw,nosuid,nodev private" mount="tmpfs mine /data size=64k,mode=0700 rw" -- "$P" mount /data
box mount="tmpfs mine /data mode=0700 ro noexec" -- "$P" stat /data , mount /data
same "options" "$text" $'dir 0700 0:0\ntmpfs ro,nosuid,nodev,noexec private'
refused "no such file system" mount="nosuchfs none /data" -- "${ran[@]}"
box mount="nosuchfs none /data optional" -- "$P" mount /data
same "optional" "$text" none

claim "mask: a file, a directory, none; what is not there is an error unless optional"
mkdir -p "$R/data/secret"
echo secret >"$R/data/file"
echo secret >"$R/data/secret/file"
box mask=/data/file -- "$P" cat /data/file
same "masked file" "$text" EACCES
box mask=/data/secret -- "$P" ls /data/secret , cat /data/secret/file
same "masked directory" "$text" $'EACCES\nEACCES'
refused "nothing to mask" mask=/data/none -- "${ran[@]}"
says "" mask="/data/none optional" -- "$P" args
box mask=none -- "$P" stat /proc/timer_list
like "mask=none" "$text" "file *"
rm -rf "$R/data/file" "$R/data/secret"

claim "file: lines, mode, owner, read-only, in memory"
box root-mode=overlay file='/etc/motd mode=0644 uid=3 gid=4 "one two" three' -- "$P" cat /etc/motd , stat /etc/motd , open-w /etc/motd
same file "$text" $'one two\nthree\nfile 0644 3:4\nEACCES'
box file='/etc/passwd "x:x:1:1"' -- "$P" cat /etc/passwd
same "over a file of the root" "$text" "x:x:1:1"
same "on the host" "$(grep -c svc "$R/etc/passwd")" 1

claim "symlink and dir: on what is writable while it is built, and not elsewhere"
says $'/etc\ndir 0710 3:4' root-mode=overlay symlink="/etc /link" dir="/some mode=0710 uid=3 gid=4" -- "$P" readlink /link , stat /some
says "../etc" tmpfs=/data symlink="../etc /data/link" -- "$P" readlink /data/link
claim_end

claim "device: a node of the host, readable, with rw writable; seen by those who name it only"
mknod -m 666 "$T/zero" c 1 5
box device="$T/zero /dev/mine" -- "$P" stat /dev/mine , read /dev/mine , open-w /dev/mine
same "readable" "$text" $'char 0444 0:0 1,5\nok\nEACCES'
box device="$T/zero /dev/mine rw" -- "$P" stat /dev/mine , read /dev/mine , open-w /dev/mine
same "writable" "$text" $'char 0666 0:0 1,5\nok\nok'
box -- "$P" stat /dev/mine
same "not without" "$text" ENOENT
refused "no such device" device=/dev/none -- "${ran[@]}"
says "[x]" device="/dev/none optional" -- "$P" args x
start a device="$T/zero /dev/mine"
start b device="$T/zero /dev/mine"
start c
answers ok a read /dev/mine
answers ok b read /dev/mine
answers ENOENT c read /dev/mine
stop a
stop b
stop c

claim "dev=host: the host's /dev, with its mounts"
box dev=host -- "$P" stat /dev/null , stat /dev/loop-control
like "nodes" "$text" $'char 0666 0:0 1,3\nchar *'
