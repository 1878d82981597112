#!/bin/bash
# hutch mount and hutch umount: mounts of a sandbox that runs.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir -p "$T/src/sub"
echo text >"$T/src/file"
echo single >"$T/one"
mount -t tmpfs src "$T/src/sub"
mount --make-rprivate /

# live WORD...: what hutch says; into WORD...: what the probe inside says.
live() {
	text=$(timeout -k 1 20 "${launcher[@]}" "$H" "$@" 2>&1 </dev/null)
	status=$?
}
into() {
	live exec box -- "$P" "$@"
}
inside() {
	local want=$1
	shift
	into "$@"
	same "$*" "$text" "$want"
}
stated() {
	live verify box
	like "verify" "$status $text" "0 box: as stated*"
}
done_by() {
	live "$@"
	same "$*" "$status $text" "0 "
}
fails() {
	local want=$1 with=125
	shift
	live "$@"
	like "$*" "$text" "*$want*"
	case $want in *" lies on it" | "nothing is mounted there") with=1 ;; esac
	same "status of $*" "$status" $with
}
table() {
	into mounts /proc/self/mountinfo
}

# round: everything that is added works, is verified, and goes.
round() {
	table
	before=$text
	done_by mount box "bind=$T/src /mnt rec" "bind=$T/one /etc/passwd rw" "tmpfs=/more size=1m mode=0700"
	inside text cat /mnt/file
	inside single cat /etc/passwd
	inside "tmpfs rw,nosuid,nodev private" mounts /proc/self/mountinfo /more
	inside "tmpfs ro,nosuid,nodev private" mounts /proc/self/mountinfo /mnt
	inside "tmpfs ro,nosuid,nodev private" mounts /proc/self/mountinfo /mnt/sub
	stated
	fails "/mnt/sub lies on it" umount box /mnt
	done_by umount box --lazy /mnt
	done_by umount box /etc/passwd
	done_by umount box /more
	table
	same "the mount table afterwards" "$text" "$before"
	stated
}

if [ "${CLAIM_KERNEL:-}" = old ]; then
	claim "before Linux 5.2 it says so; umount works"
	named root-mode=overlay
	fails "mounts are added to a running sandbox on Linux 5.2 or newer only" mount box "bind=$T/src /mnt"
	done_by umount box /dev/mqueue
	finish
	exit
fi

for keys in "ipc=new" "caps=all" "root-seal=yes" "uidmap=0 100000 2000|gidmap=0 200000 2000" "ns.user=new" "init=no" \
	"ns.pid=host" "root-mode=overlay" "propagation=slave+shared" "net=none|ipc=host|ns.uts=host"; do
	claim "binds and tmpfs come and go, and verify knows: ${keys//|/, }"
	IFS='|' read -ra args_ <<<"$keys"
	named "${args_[@]}"
	round
	finish
done

claim "the same for an ordinary user's sandbox"
launcher=(env XDG_RUNTIME_DIR="$T/user" setpriv --reuid 65534 --regid 65534 --clear-groups)
mkdir "$T/user"
chown 65534:65534 "$T/user"
for keys in "ipc=new" "root-seal=yes" "user=root" "init=no"; do
	named "$keys"
	round
	finish
done
launcher=()

claim "slave: what the host mounts there later arrives"
mount --make-shared "$T/src/sub"
named
done_by mount box "bind=$T/src/sub /mnt slave"
mkdir "$T/src/sub/later"
mount -t tmpfs later "$T/src/sub/later"
inside "tmpfs ro,nosuid,nodev slave" mounts /proc/self/mountinfo /mnt
inside "tmpfs rw slave" mounts /proc/self/mountinfo /mnt/later
stated
umount "$T/src/sub/later"
inside "tmpfs ro,nosuid,nodev slave" mounts /proc/self/mountinfo /mnt
done_by umount box /mnt

claim "shared: a peer of the host's mount; not out of a user namespace"
done_by mount box "bind=$T/src/sub /mnt shared"
mount -t tmpfs later "$T/src/sub/later"
inside "tmpfs rw shared" mounts /proc/self/mountinfo /mnt/later
stated
umount "$T/src/sub/later"
done_by umount box /mnt
finish
named ns.user=new
fails "cannot be shared with the host out of a user namespace" mount box "bind=$T/src/sub /mnt shared"
finish
mount --make-private "$T/src/sub"

claim "what would appear on the host, because it is shared around it, is refused"
mount --bind "$R" "$R"
mount --make-shared "$R"
named propagation=shared
fails "would appear on the host" mount box "bind=$T/src /mnt"
finish
umount "$R"

claim "what cannot be had is told with its step, and leaves nothing behind"
named root-mode=overlay
table
before=$text
fails "$T/none: No such file or directory" mount box "bind=$T/none /mnt"
fails "the root has no such mount point" mount box "bind=$T/src /absent"
fails "not a mount" mount box "hostname=x"
fails "belongs to the start of a sandbox" mount box "proc=/mnt"
fails "belongs to the start of a sandbox" mount box "overlay=$T/src /mnt"
fails "unknown key" mount box "bnd=$T/src /mnt"
fails "a directory goes onto a directory" mount box "bind=$T/src /etc/passwd"
# The second one fails: the first goes again, and so does its mount point.
fails "/absent: No such file or directory" mount box "bind=$T/src /new/place create" "bind=$T/src /absent"
fails "/absent: No such file or directory" mount box "bind=$T/src /mnt" "tmpfs=/more" "bind=$T/src /absent"
into ls /
unlike "the mount point" "$text" "*new*"
table
same "the mount table" "$text" "$before"
live mount box
same "usage" "$status" 2
live mount other "bind=$T/src /mnt"
like "another name" "$status $text" "125 *no sandbox named other is running*"
stated

claim "create makes the mount point in a sandbox that can be written to"
done_by mount box "bind=$T/src /new/place create" "bind=$T/one /new/file create"
inside text cat /new/place/file
inside single cat /new/file
stated
done_by umount box /new/place
done_by umount box /new/file
finish

claim "a device of the host"
named
done_by mount box "device=/dev/zero /dev/nought rw"
inside "char 0666 0:0 1,5" stat /dev/nought
stated
done_by umount box /dev/nought
stated
finish

claim "a link inside leads beneath the sandbox's root, and not to the host"
rm -rf "$R/way"
ln -s /../../../../mnt "$R/way"
named
done_by mount box "bind=$T/src /way"
inside text cat /mnt/file
done_by umount box /mnt
rm "$R/way"
ln -s /proc/self/root/mnt "$R/way"
fails "mount.tree" mount box "bind=$T/src /way"
rm "$R/way"
ln -s mnt "$R/way"
done_by mount box "bind=$T/src /mnt"
fails "nothing is mounted there" umount box /way
done_by umount box /mnt
rm "$R/way"
finish

claim "umount: busy names who, lazily it goes; what is none or locked is told"
named root-seal=yes "bind=$T/src /media"
done_by mount box "bind=$T/src /mnt"
: >"$T/held"
timeout 20 "$H" exec box -- "$P" with 7 /mnt/file "$P" trap 0 15 >"$T/held" 2>&1 </dev/null &
holder=$!
until grep -q ready "$T/held" || ! kill -0 $holder 2>/dev/null; do sleep 0.02; done
live umount box /mnt
like "busy" "$status $text" "1 *in use by pid *"
done_by umount box /mnt --lazy
fails "nothing is mounted there" umount box /mnt
fails "nothing is mounted there" umount box /bin
fails "nothing is mounted there" umount box /
fails "No such file" umount box /absent
fails "sealed" umount box /media
kill -TERM "$(pgrep -P $holder)" 2>/dev/null
wait $holder
stated
done_by mount box "bind=$T/src /media"
done_by umount box /media
stated
finish

claim "a mount of the profile that was taken away is missed by verify"
named "bind=$T/src /mnt"
done_by umount box /mnt
live verify box
like "verify" "$status $text" "1 *: /mnt is not mounted*"
finish

claim "what is added belongs to this run of the name only"
named
done_by mount box "bind=$T/src /mnt"
finish
named
stated
inside "" ls /mnt
finish

claim "SIGKILL of hutch mount at any moment: nothing waits in there, and nothing is half done"
named
for delay in 0.0005 0.001 0.0015 0.002 0.0025 0.003 0.004; do
	"$H" mount box "bind=$T/src /mnt" >/dev/null 2>&1 </dev/null &
	job2=$!
	sleep $delay
	kill -KILL $job2 2>/dev/null
	wait $job2 2>/dev/null
	"$H" umount box /mnt >/dev/null 2>&1
done
more() { pgrep -x hutch | grep -vx "$job" | while read -r p; do [ "$(ps -o ppid= -p "$p" | tr -d ' ')" = "$job" ] || echo "$p"; done; }
gone more
stated
finish
