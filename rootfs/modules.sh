#!/bin/bash
# Kernel modules with all that they need, decompressed, with a modules.dep of their own.
#
#   rootfs/modules.sh KERNEL OUT NAME...     KERNEL holds lib/modules/VERSION, so will OUT
#
# A name that the kernel has built in, or does not know, is left out: what must be there shows when it is loaded.
set -euo pipefail
PATH=$PATH:/sbin:/usr/sbin
kernel=$(realpath "$1") out=$2
shift 2

rm -rf "$out"
for folder in "$kernel"/lib/modules/*; do
	version=${folder##*/}
	mkdir -p "$out/lib/modules/$version"
	for name; do
		modprobe -d "$kernel" -S "$version" --show-depends "$name" 2>/dev/null || :
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
		to=$out/lib/modules/$version/${file#"$folder/"}
		mkdir -p "${to%/*}"
		# Not every modprobe can decompress.
		case $file in
		*.xz) xz -dc "$file" >"${to%.xz}" ;;
		*.zst) zstd -qdc "$file" >"${to%.zst}" ;;
		*) cp "$file" "$to" ;;
		esac
	done
	cp "$folder"/modules.{order,builtin,builtin.modinfo} "$out/lib/modules/$version/"
	depmod -b "$out" "$version"
done
