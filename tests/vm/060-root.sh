#!/bin/bash
# boot.root=: the initramfs makes way for a real root, or says why not and stays.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

mkdir "$T/root"
cp -a "$TREE/." "$T/root/"
cp "$PROGRAM" "$T/root/bin/hutch"
cp "$(arch_folder "$OUT/.." "$arch")/claims/probe" "$T/root/bin/probe"
cp -r "$HERE/../../configs/boot" "$T/root/etc/hutch"
echo 'boot.hostname=real' >"$T/root/etc/hutch/init.conf"

# image TYPE: of that root
image() {
	rm -f "$T/image"
	case $1 in
	ext4) truncate -s 16M "$T/image" && mke2fs -q -t ext4 -d "$T/root" -E root_owner=0:0 "$T/image" ;;
	squashfs) mksquashfs "$T/root" "$T/image" -all-root -no-progress -quiet ;;
	erofs) mkfs.erofs --quiet --all-root "$T/image" "$T/root" ;;
	esac >"$T/image.log" 2>&1 || note "no image: $(cat "$T/image.log")"
}

# try WORDS: a boot with this boot.root=, as seen from the initramfs
try() {
	printf '%s\n' boot.hostname=initramfs "boot.module=virtio_pci" "boot.module=virtio_blk" \
		boot.module=overlay boot.module=squashfs boot.module=erofs boot.module=ext4 "boot.root=$*" | write /etc/hutch/init.conf
	boot
	shell
	told=$shown
}

mount_of() {	# PATH: type and source of what is mounted there
	run "cat /proc/self/mountinfo"
	sed -nE "s#^[^ ]+ [^ ]+ [^ ]+ [^ ]+ $1 .* - ([^ ]+) ([^ ]+) .*#\\1 \\2#p" <<<"$text" | tail -n 1
}

at_home() {	# TYPE: on the real root, with its services and none of the initramfs
	same "root" "$(mount_of / | cut -d ' ' -f 1)" "$1"
	same "mounts of / and of an initramfs" "$(grep -c -e ' / / .*rootfs' <<<"$text")" 0
	says real hostname
	up web
	run "hutch verify web"
	like "verify" "$status $text" "0 web: as stated*"
	run "cat /proc/1/cmdline | tr '\\0' ' '"
	like "PID 1" "$text" "*hutch*"
}

stayed() {	# WORDS: on the initramfs, with these as the reason on the console
	like "the reason" "$told" "*hutch: boot.root: *$1*"
	says initramfs hostname
	up web
	off
}

modules overlay squashfs erofs ext4 crc32c_generic virtio_pci virtio_blk
disk "$T/image" root

claim "ext4, read-write"
image ext4
try "$disk ext4 rw wait=20s"
at_home ext4
run "echo kept >/root/kept && sync; cat /root/kept"
same "what was written" "$text" kept
claim "a sandbox on the real root: pivot_root, or on Linux 7 an empty namespace, and with caps=all it stays inside"
run "hutch plan --service /etc/hutch/web.conf"
if [[ $KERNEL == 7* ]]; then like "plan" "$text" "*an empty namespace*"; else like "plan" "$text" "*pivot_root*"; fi
claim "below the real root is nothing but an empty initramfs: no file, no mount"
run "probe below"
like "below" "$text" "mount /"
off
claim "what was written is there after the end: it was unmounted, and is clean"
like "the file" "$(debugfs -R 'cat /root/kept' "$T/image" 2>/dev/null)" kept
text=$(dumpe2fs -h "$T/image" 2>/dev/null)
like "the state" "$text" "*Filesystem state: *clean*"
unlike "the journal" "$text" "*needs_recovery*"

claim "squashfs, with changes in memory"
image squashfs
try "$disk squashfs overlay=tmpfs wait=20s"
at_home overlay
run "echo x >/etc/x && cat /etc/x"
same "what was written" "$text" x
off

claim "erofs, read-only"
image erofs
try "$disk erofs wait=20s"
at_home erofs
run "echo x >/etc/x"
unlike "a write" "$status" 0
off

claim "a squashfs with garbage in it: told, and the initramfs goes on"
image squashfs
dd if=/dev/urandom of="$T/image" bs=4k seek=1 count="$(($(stat -c %s "$T/image") / 4096 - 1))" conv=notrunc status=none
try "$disk squashfs wait=20s"
stayed "$disk as squashfs*damaged"

claim "a device that does not come: waited for, told, and the initramfs goes on"
try "/dev/never ext4 wait=1s"
stayed '/dev/never, after 1000 ms: No such file'

claim "a root without an init: told, and the initramfs goes on"
rm -f "$T/root/bin/hutch"
image ext4
try "$disk ext4 wait=20s"
stayed 'boot.init /sbin/hutch: No such file'
