#!/bin/bash
# A file system image and an archive as the root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

image() {
	case $1 in
	squashfs) command -v mksquashfs && mksquashfs "$R" "$T/image" -noappend -quiet ;;
	erofs) command -v mkfs.erofs && mkfs.erofs --quiet "$T/image" "$R" ;;
	ext4) command -v mke2fs && truncate -s 4M "$T/image" && mke2fs -q -t ext4 -d "$R" "$T/image" ;;
	iso9660) command -v genisoimage && genisoimage -quiet -R -o "$T/image" "$R" ;;
	esac >"$T/make" 2>&1
}

for type in squashfs erofs ext4 iso9660; do
	claim "root=image of $type runs from a loop device that goes with it"
	rm -f "$T/image"
	if ! image "$type"; then
		skip "no tool for $type here"
	elif ! grep -qw "$type" /proc/filesystems; then
		skip "this kernel has no $type"
	else
		box root="image $T/image" -- "$P" mount / , make /made , stat /etc/passwd
		same inside "$text" "$type ro,nosuid,nodev private"$'\nEROFS\nfile 0644 0:0'
		says "$type ro,nosuid,nodev private" root="image $T/image $type" -- "$P" mount /
		box root="image $T/image" root-mode=overlay -- "$P" mount / , make /made
		same overlay "$text" $'overlay rw,nosuid,nodev private\nok'
		start a root="image $T/image" && {
			like "loop device while it runs" "$(loops)" "*loop*"
			murder a
		}
	fi
done

claim "an image that is damaged, of an unknown kind or named wrongly is refused"
head -c 100000 /dev/zero >"$T/image"
refused "say which type" root="image $T/image" -- "${ran[@]}"
refused "damaged" root="image $T/image squashfs" -- "${ran[@]}"
: >"$T/image"
refused "" root="image $T/image" -- "${ran[@]}"

archive() {
	(cd "$R" && find . | cpio -o -H newc --quiet) >"$T/root.cpio"
	gzip -kf "$T/root.cpio"
}

for kind in cpio cpio.gz; do
	claim "root=cpio of a $kind archive is unpacked into memory, with modes and owners"
	chown 7:8 "$R/data"
	chmod 2750 "$R/data"
	ln -sf /etc/passwd "$R/link"
	if ! command -v cpio >/dev/null || ! archive; then
		skip "no cpio here"
	else
		box root="cpio $T/root.$kind" -- "$P" mount / , stat /data , readlink /link , stat /tmp , make /made
		same inside "$text" $'tmpfs ro,nosuid,nodev private\ndir 2750 7:8\n/etc/passwd\ndir 1777 0:0\nEROFS'
		says ok root="cpio $T/root.$kind" root-mode=rw -- "$P" make /made
	fi
done

claim "an archive with a name that climbs out, or cut short, is refused and leaves nothing"
mkdir -p "$T/evil/in"
echo x >"$T/evil/out"
(cd "$T/evil/in" && echo ../out | cpio -o -H newc --quiet) >"$T/evil.cpio" 2>/dev/null
rm -rf "$T/evil"
box root="cpio $T/evil.cpio" root-mode=rw bind="$R/bin /bin create" -- "$P" ls /
unlike "contents" "$text" "*out*x*"
[ ! -e "$T/evil/out" ] || note "written on the host"
head -c 3000 "$T/root.cpio" >"$T/short.cpio"
refused "short.cpio" root="cpio $T/short.cpio" -- "${ran[@]}"
head -c 3000 "$T/root.cpio.gz" >"$T/short.gz"
refused "short.gz" root="cpio $T/short.gz" -- "${ran[@]}"
