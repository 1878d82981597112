#!/bin/bash
# What a profile that says nothing but root and program gives.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "the default namespaces are new, the others are the caller's, from inside and outside"
start a && {
	for ns in mnt ipc pid uts; do
		unlike "$ns" "$(readlink "/proc/$(payload a)/ns/$ns")" "$(readlink "/proc/self/ns/$ns")"
	done
	for ns in net user cgroup time; do
		same "$ns" "$(readlink "/proc/$(payload a)/ns/$ns")" "$(readlink "/proc/self/ns/$ns")"
		answers "$(readlink "/proc/self/ns/$ns")" a ns "/proc/self/ns/$ns"
	done
}

claim "proc is fresh: the init and the payload are all there is"
ask a ls /proc
like "processes" " $text" "* 1 2 *"
answers "tmpfs rw,nosuid,noexec private" a mount /dev
answers "proc rw,nosuid,nodev,noexec private" a mount /proc

claim "/proc/sys, irq, bus, fs are read-only, and core_pattern cannot be written"
for part in sys irq bus fs; do
	answers "proc ro,nosuid,nodev,noexec private" a mount "/proc/$part"
done
pattern=$(cat /proc/sys/kernel/core_pattern)
for file in sys/kernel/core_pattern sys/kernel/hostname sys/kernel/msgmax sys/vm/drop_caches; do
	answers EROFS a open-w "/proc/$file"
done
same core_pattern "$(cat /proc/sys/kernel/core_pattern)" "$pattern"

claim "sysrq-trigger cannot be written, even by root with every right that is left"
ask a put /proc/sysrq-trigger h
like sysrq-trigger "$text" "E*"

claim "kcore, keys and timer_list are masked by the null device"
for file in kcore keys timer_list; do
	[ -e "/proc/$file" ] || continue
	answers "char 0666 0:0 1,3" a stat "/proc/$file"
	answers EACCES a cat "/proc/$file"
	answers "devtmpfs ro,nosuid,nodev,noexec private" a mount "/proc/$file"
	answers EROFS a chmod "/proc/$file"
	answers EPERM a umount "/proc/$file"
done
like "the host's null device" "$(stat -c %a /dev/null)" 666

claim "/dev has the harmless nodes and nothing else"
ask a ls /dev
same /dev "$(tr ' ' '\n' <<<"$text" | sort | tr '\n' ' ')" "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
answers "char 0666 0:0 1,3" a stat /dev/null
answers "char 0666 0:0 1,5" a stat /dev/zero
answers "char 0666 0:0 5,0" a stat /dev/tty
answers "/proc/self/fd/0" a readlink /dev/stdin
answers "tmpfs rw,nosuid,nodev private" a mount /dev/shm
answers "mqueue rw,nosuid,nodev,noexec private" a mount /dev/mqueue
answers "devpts rw,nosuid,noexec private" a mount /dev/pts
answers "dir 1777 0:0" a stat /dev/shm
answers ok a put /dev/null x
answers EPERM a mknod /dev/stolen

claim "no mount inside allows suid or has devices but /dev's own"
ask a mounts
while read -r point _ attrs _; do
	like "$point" ",$attrs," "*,nosuid,*"
	case $point in /dev | /dev/pts) ;; *) like "$point" ",$attrs," "*,nodev,*" ;; esac
done <<<"$text"

claim "no host path is in reach: the table of mounts inside names the sandbox's own only"
like "mounts" "$(wc -l <<<"$text")" "1[0-9]"
answers "/" a cwd
answers ENOENT a stat /run/hutch

claim "no capability, no-new-privs, securebits as ever"
answers "bounding=0 permitted=000000000 effective=000000000 inheritable=000000000 ambient=0" a caps
answers "no-new-privs=1 securebits=0 dumpable=1" a privileges
for set in Inh Prm Eff Bnd Amb; do
	same "Cap$set from outside" "$(awk "/^Cap$set/ { print \$2 }" "/proc/$(payload a)/status")" 0000000000000000
done

claim "root without capabilities can mount, unmount, trace, make devices, change the clock: nothing"
answers EPERM a tmpfs /tmp
answers EPERM a umount /proc
answers EPERM a rw /
answers EPERM a unshare 131072
answers EPERM a sethostname
answers EPERM a ptrace 1

claim "descriptors: the three streams and no other; a session of its own without terminal"
ask a fds
same "numbers" "$(cut -d' ' -f1 <<<"$text" | tr '\n' ' ')" "0 1 2 "
ask a session
like session "$text" "*terminal=0*"
stop a

claim "the environment is PATH and nothing else"
export SECRET=stolen TERM=xterm
says PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin -- "$P" env
unset SECRET

claim "no signal is blocked or ignored for the payload, whatever the caller did"
text=$(trap '' HUP USR1 PIPE; timeout 20 "$H" run root="$R" -- "$P" masks)
same masks "$text" $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000'
