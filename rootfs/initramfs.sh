#!/bin/bash
# An archive that the kernel unpacks at boot; archives can be joined, so a base is made once, and what is new goes behind it.
#
#   rootfs/initramfs.sh OUT[.gz] PATH=FILE|FOLDER|->TARGET...
#
#   /init=build/hutch        a file, with its mode
#   /etc/hutch=configs/boot  all that a folder holds, below that path
#   '/init=->bin/hutch'      a symbolic link
#
# The bytes depend on the input alone: names are sorted, everything belongs to root, times are fixed. Needs no root.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022

out=$1
shift
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
for entry; do
	path=$stage${entry%%=*} source=${entry#*=}
	mkdir -p "${path%/*}"
	case $source in
	'->'*) ln -sfn "${source#->}" "$path" ;;
	*)
		if [ -d "$source" ]; then
			mkdir -p "$path"
			cp -a --no-preserve=ownership "$source/." "$path/"
		else
			cp -L --no-preserve=ownership,timestamps "$source" "$path"
		fi
		;;
	esac
done
find "$stage" -type d -exec chmod 00755 {} +
find "$stage" -depth -exec touch -h -d @1700000000 {} +
cd "$stage"
pack() { find . -mindepth 1 -print0 | sort -z | cpio --quiet --reproducible -0 -o -H newc -R +0:+0; }
case $out in
/*) ;;
*) out=$OLDPWD/$out ;;
esac
case $out in
*.gz) pack | gzip -n -9 >"$out.new" ;;
*) pack >"$out.new" ;;
esac
mv "$out.new" "$out"
