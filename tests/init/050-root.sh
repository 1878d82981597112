#!/bin/bash
# boot.root: from an initramfs to the real root, or not, and then why not.
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

# The real root: a tree with hutch, and a service of its own.
N=$T/real
mkdir "$N"
tree "$N"
mkdir -p "$N"/{run,sbin,etc/hutch,var}
if [ -d "$OUT/../rootfs/tree/bin" ]; then cp -a "$OUT/../rootfs/tree/bin/." "$N/bin/"; fi
cp "$outside" "$N/sbin/hutch"
ln "$N/sbin/hutch" "$N/bin/hutch"
printf '%s\n' root=/ "exec=/bin/probe sleep 1000" >"$N/etc/hutch/real.conf"

image() {	# TYPE: of what is in $N, into $T/TYPE
	rm -f "$T/$1"
	case $1 in
	squashfs) mksquashfs "$N" "$T/$1" -quiet -no-progress >"$T/made" 2>&1 ;;
	erofs) mkfs.erofs "$T/$1" "$N" >"$T/made" 2>&1 ;;
	ext4) truncate -s 24m "$T/$1" && mkfs.ext4 -q -d "$N" "$T/$1" >"$T/made" 2>&1 ;;
	esac || note "$1: $(cat "$T/made")"
}

# An initramfs: a file system of its own in memory, which can be looked at from here.
initramfs() {
	fresh
	umount -l "$T/ram" 2>/dev/null
	mkdir -p "$T/ram"
	mount -t tmpfs ram "$T/ram"
	mkdir "$T/ram/root"	# no mount's root by itself
	cp -a "$M/." "$T/ram/root/"
	M=$T/ram/root D=$M/etc/hutch
	printf '%s\n' root=/ "exec=/bin/probe sleep 1000" >"$D/ram.conf"
}

# A block device of the file, as /disk of the initramfs.
disk() {
	local loop
	loop=$(losetup -f --show "$1") || note "losetup: $loop"
	disks+=("$loop")
	mknod "$M/${2:-disk}" b 7 "${loop#/dev/loop}"
}
disks=()
undisk() {
	local d
	for d in "${disks[@]}"; do losetup -d "$d"; done
	disks=()
}
finish() {
	off
	umount -l "$T/ram"
	M=$T/machine
	undisk
}

on_real() { await real up 15; }
# Nothing was changed: its services are up, and nothing is left of the attempt.
stays() {	# PATTERN: what is told
	await ram up 15
	on_console "$1"
	ask events
	same "the mounts of the initramfs" "$(grep -c newroot "/proc/$pid/mountinfo")" 0
	same "its directories" "$(cd "$M" && echo newroot*)" "newroot*"
	lives || note "PID 1 is gone: $(cat "$E/end")"
}
gone_from_ram() { [ -z "$(ls -A "$M")" ]; }

image squashfs
image erofs
image ext4

claim "squashfs with changes in memory: PID 1 is the real root's hutch, with the kernel's words"
initramfs
disk "$T/squashfs"
machine_conf "boot.root=/disk squashfs overlay=tmpfs"
words=(splash -- quiet)
mount -t tmpfs extra "$M/mnt"
boot
on_real
same "program" "$(readlink "/proc/$pid/exe")" /sbin/hutch
same "words" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "/sbin/hutch splash -- quiet "
words=()
inside sh -c 'cat /etc/passwd >/etc/new && echo kept'
same "it can be written to" "$text" kept
# Real-time signals may be ignored by whoever runs the tests.
same "no signal is ignored" $((0x$(sed -n 's/^SigIgn:\t*//p' "/proc/$pid/status") & 0x7fffffff)) 0

claim "the initramfs is deleted, and none of its mounts is left but those that went along"
until_true 5 gone_from_ram || note "left: $(ls -A "$M")"
text=$(awk '{ print $5, $(NF - 2) }' "/proc/$pid/mountinfo" | sort | tr '\n' ',')
same "mounts" "$text" "/ overlay,/dev tmpfs,/dev/console devpts,/dev/pts devpts,/dev/shm tmpfs,/proc proc,/run tmpfs,/sys sysfs,"
finish

claim "what the disk holds is unchanged after that"
mkdir -p "$T/look"
mount -o loop,ro -t squashfs "$T/squashfs" "$T/look"
same "files" "$(ls "$T/look/etc")" "$(ls "$N/etc")"
umount "$T/look"

claim "erofs, and ext4 as it is said: read-only or not"
for line in "erofs" "ext4" "ext4 rw"; do
	initramfs
	disk "$T/${line% *}"
	machine_conf "boot.root=/disk $line"
	boot
	on_real
	inside sh -c 'echo x >/tmp/x'
	[ "$line" = "ext4 rw" ] && want=0 || want=1
	same "writing on $line" "$status" "$want"
	finish
done

claim "where pivot_root is refused it is moved over, and the initramfs deleted all the same"
initramfs
disk "$T/squashfs"
machine_conf "boot.root=/disk squashfs overlay=tmpfs"
boot chroot
asker+=(-r)	# the namespace's own root is elsewhere
on_real
inside readlink /proc/1/exe
same "program" "$text" /sbin/hutch
until_true 5 gone_from_ram || note "left: $(ls -A "$M")"
finish

claim "an overlay on a device keeps what was written"
truncate -s 16m "$T/upper"
mkfs.ext4 -q "$T/upper"
for round in 1 2; do
	initramfs
	disk "$T/squashfs"
	disk "$T/upper" spare
	machine_conf "boot.root=/disk squashfs overlay=/spare:ext4"
	boot
	on_real
	[ $round = 1 ] || { inside cat /etc/kept && same "from before" "$text" "of round 1"; }
	inside sh -c "echo of round $round >/etc/kept && sync"
	finish
done

claim "an image file of the initramfs is a device too, and another init may follow"
initramfs
# shellcheck disable=SC2016
printf '#!/bin/sh\necho other: "$0"\n' >"$N/sbin/other"
chmod 755 "$N/sbin/other"
image squashfs
cp "$T/squashfs" "$M/image"
machine_conf "boot.root=/image squashfs" boot.init=/sbin/other
boot loops
on_console 'other: /sbin/other'
ended_as "exit 0"
finish

claim "a device that comes late is waited for"
initramfs
machine_conf "boot.root=/late squashfs wait=20s"
boot
nap 0.5
lives || note "PID 1 is gone"
disk "$T/squashfs" late
on_real
finish

claim "with the same init.conf on the real root it goes there once"
initramfs
printf '%s\n' "boot.root=/disk squashfs" >"$N/etc/hutch/init.conf"
image ext4
rm "$N/etc/hutch/init.conf"
disk "$T/ext4"
machine_conf "boot.root=/disk ext4 rw"
boot
on_real
ask events
unlike "events" "$text" "*boot.root*"
finish

refused() {	# LINE PATTERN [KEY]: stays, and says so
	machine_conf "boot.root=$1" "${@:3}"
	boot
	stays "$2"
	off
}

claim "an unknown device: told after its time, and the initramfs stays up with its services"
initramfs
refused "/dev/nothing ext4 wait=200ms" "boot.root: /dev/nothing, after 200 ms: No such file"
refused "/etc ext4 wait=200ms" "/etc: neither a block device nor an image"
finish

claim "a file system of another type, or that the kernel does not know"
initramfs
disk "$T/squashfs"
refused "/disk ext4" "mount /disk as ext4 \(it looks like squashfs\)"
refused "/disk notafs" "does not know the file system notafs"
refused "/disk squashfs overlay=/disk:ext4" "mount /disk as ext4"
finish

claim "a corrupt squashfs: cut, its tables overwritten, no squashfs at all"
initramfs
cp "$T/squashfs" "$T/bad"
size=$(stat -c %s "$T/bad")
dd if=/dev/urandom of="$T/bad" bs=1 count=64 seek=32 conv=notrunc 2>/dev/null
disk "$T/bad"
refused "/disk squashfs" "squashfs.*damaged"
dd if=/dev/zero of="$T/bad" bs=4096 count=1 conv=notrunc 2>/dev/null
refused "/disk squashfs" "squashfs.*looks like none"
finish
initramfs
head -c $((size / 2)) "$T/squashfs" >"$T/bad"
disk "$T/bad"
refused "/disk squashfs overlay=tmpfs" "boot.root"
finish

claim "a root without init, or with one that cannot be executed"
initramfs
printf '#!/nowhere/sh\n' >"$N/sbin/script"
cp "$N/bin/probe" "$N/sbin/foreign"
printf '\377' | dd of="$N/sbin/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
cp "$N/bin/probe" "$N/sbin/plain"
cp "$N/bin/probe" "$N/sbin/broken"	# its first segment has no place in memory
printf '\377\377\377\377\377\377\377\177' | dd of="$N/sbin/broken" bs=1 seek=80 conv=notrunc 2>/dev/null
chmod 755 "$N/sbin/script" "$N/sbin/foreign" "$N/sbin/broken"
chmod 644 "$N/sbin/plain"
ln -s /sbin/away "$N/sbin/link"
image squashfs
disk "$T/squashfs"
refused "/disk squashfs" "boot.init /sbin/none: No such file" boot.init=/sbin/none
refused "/disk squashfs" "boot.init /sbin/script: its interpreter: No such file" boot.init=/sbin/script
refused "/disk squashfs" "boot.init /sbin/foreign: Exec format error" boot.init=/sbin/foreign
refused "/disk squashfs" "boot.init /sbin/broken: it cannot be executed" boot.init=/sbin/broken
refused "/disk squashfs" "boot.init /sbin/plain: Permission denied" boot.init=/sbin/plain
refused "/disk squashfs" "boot.init /sbin/link: No such file" boot.init=/sbin/link
refused "/disk squashfs" "boot.init /etc: Is a directory" boot.init=/etc
finish

claim "a set-up that takes too long is given up, and the initramfs stays up"
initramfs
machine_conf "boot.root=/late ext4 wait=1m" boot.setup-timeout=500ms
boot
stays "given up, it hangs: boot.root=/late"
finish

claim "modules: built in is good, unknown is told, and neither is a reason to stop"
initramfs
machine_conf boot.module=loop boot.module=no-such_one "boot.module=another x=1"
boot
await ram up
ask events
like "events" "$text" "*boot.module: module no-such_one: there is no /usr/lib/modules/*boot.module: module another: *"
unlike "built in" "$text" "*module loop*"
finish
