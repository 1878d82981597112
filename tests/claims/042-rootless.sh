#!/bin/bash
# An ordinary user, with nothing but a user namespace.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

launcher=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$T" "$R"
usable=1
setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user true 2>/dev/null || usable=0

guard() {
	claim "$1"
	[ $usable = 1 ] || skip "no user namespaces for ordinary users here"
	[ $usable = 1 ]
}

guard "an ordinary user runs a sandbox: own ids, own namespaces, no capability" && {
	start a && {
		answers "uid=65534,65534,65534 gid=65534,65534,65534 groups=" a ids
		answers "bounding=0 permitted=000000000 effective=000000000 inheritable=000000000 ambient=0" a caps
		answers "no-new-privs=1 securebits=0 dumpable=1" a privileges
		for ns in mnt ipc pid uts user; do
			unlike "$ns" "$(readlink "/proc/$(payload a)/ns/$ns")" "$(readlink "/proc/self/ns/$ns")"
		done
		same "outside" "$(stat -c %u:%g "/proc/$(payload a)")" 65534:65534
	}
	guard "rootless: the same mounts and masks as for root"
	answers "proc rw,nosuid,nodev,noexec private" a mount /proc
	answers "proc ro,nosuid,nodev,noexec private" a mount /proc/sys
	answers "char 0666 65534:65534 1,3" a stat /dev/null
	answers ok a put /dev/null x
	answers EROFS a make /made
	answers ok a make /dev/shm/paper
	ask a mounts
	unlike "mounts" "$text" "*shared*"
	stop a
}

guard "rootless: user=root is the caller outside" && {
	start a user=root && {
		answers "uid=0,0,0 gid=65534,65534,65534 groups=" a ids
		same "outside" "$(stat -c %u:%g "/proc/$(payload a)")" 65534:65534
		stop a
	}
}

guard "rootless: what only root may do is refused, not left out" && {
	for wish in "groups=6" "uidmap=0 0 2 gidmap=0 0 2" "ipc=group desk" "idmap" "shared"; do
		case $wish in
		uidmap*) user_box uidmap="0 0 2" gidmap="0 0 2" -- "${ran[@]}" ;;
		idmap) user_box bind="$T /data idmap=0:0:1" -- "${ran[@]}" ;;
		shared) user_box bind="$T /data shared" -- "${ran[@]}" ;;
		*) user_box "$wish" -- "${ran[@]}" ;;
		esac
		same "status of $wish" "$status" 125
		unlike "$wish" "$text" "*payload did run*"
	done
}

guard "rootless: every bind is read-only and slave where it says so" && {
	mkdir -p "$T/src/m"
	mount --bind "$T/src" "$T/src"
	mount --make-shared "$T/src"
	start a bind="$T/src /data slave" && {
		answers "tmpfs ro,nosuid,nodev slave" a mount /data
		mount -t tmpfs event "$T/src/m"
		answers "tmpfs rw slave" a mount /data/m
		umount "$T/src/m"
		answers none a mount /data/m
		stop a
	}
	umount "$T/src"
}

guard "rootless: net=none, tmpfs, overlay, file, limits of the IPC namespace" && {
	user_box user=root net=none tmpfs=/data file='/etc/passwd hello' ipc.msgmni=5 -- "$P" net , mount /data , cat /etc/passwd , cat /proc/sys/kernel/msgmni
	same "inside" "$text" $'lo up\ntmpfs rw,nosuid,nodev private\nhello\n5'
	cp -a "$R" "$T/own"
	chown -R 65534:65534 "$T/own"
	user_box root="$T/own" root-mode=overlay -- "$P" make /tmp/made , make /tmp/made
	same "overlay" "$text" $'ok\nEEXIST'
}

guard "rootless: caps=all gives them over the own user namespace only" && {
	start a user=root caps=all no-new-privs=no && {
		ask a caps
		like "caps" "$text" "bounding=1ff* permitted=1ff*"
		answers ok a tmpfs /data
		answers EPERM a mknod /dev/shm/node
		ask a open-w /proc/sys/kernel/core_pattern
		like "core_pattern" "$text" "E*"
		ask a escape
		same "escape" "$text" inside
		stop a
	}
}

guard "rootless: the program's file cannot be opened for writing through the init" && {
	user_box -- "$P" open-w /proc/1/exe
	unlike "open" "$text" "ok*"
}
