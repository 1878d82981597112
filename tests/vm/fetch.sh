#!/bin/bash
# Debian's own kernels, for booting only: each becomes a folder of the cache, outside of the tree.
#
#   tests/vm/fetch.sh [--again] NAME...     NAME is a row of the table `kernels`; --again asks for a newer one
#
# ${XDG_CACHE_HOME:-~/.cache}/hutch/kernels/NAME gets vmlinuz, the text `version`, and lib/modules/VERSION
# with modules.dep. The newest package that fits the row is taken, with those of the kernel it depends on, and
# apt verifies what it downloads. Nothing is installed: this machine's apt and dpkg are left alone. Needs no root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "kernels: $*" >&2; }
die() { say "$*"; exit 1; }
# shellcheck source=SCRIPTDIR/../apt.sh
. "$here/../apt.sh"
# shellcheck source=SCRIPTDIR/table.sh
. "$here/table.sh"
PATH=$PATH:/sbin:/usr/sbin # depmod

again=
[ "${1:-}" != --again ] || { again=1; shift; }
[ $# -gt 0 ] || die "usage: fetch.sh [--again] NAME...; there are: $(kernel_names . | tr '\n' ' ')"

made() { [ -z "$again" ] && [ "$(cat "$kernel_dir/stamp" 2>/dev/null)" = "$debian $suite $package" ]; }

# Drivers that no virtual machine has, two thirds of it all.
unwanted="drivers/gpu drivers/media drivers/net/wireless drivers/net/ethernet drivers/infiniband drivers/staging
	drivers/iio drivers/isdn drivers/hwmon drivers/input sound net/bluetooth"

# What of the kernel a package needs: itself and, since 7.0, where it is in parts, those of the same version.
parts() {
	echo "$1"
	apt-cache -c "$conf" show --no-all-versions "$1" |
		sed -n 's/^Depends: //p' | grep -oE 'linux-(base|binary|modules)-[^ ,]+' || :
}

fetch() {
	local newest list part folder new=$kernel_cache/.new-$name
	rm -rf "$new"
	mkdir -p "$new/root"
	conf=$new/apt/conf
	own_apt "$new/apt" "$debian" "$suite"
	apt-get -c "$conf" -qq update >"$new/log" 2>&1 || { cat "$new/log" >&2; die "apt-get update failed for $suite"; }
	newest=$(apt-cache -c "$conf" search --names-only "^$package\$" | cut -d ' ' -f 1 | sort -V | tail -n 1)
	[ "$newest" ] || die "$suite has no $package for $debian"
	say "$name: $newest of $suite"
	list=$(parts "$newest")
	mapfile -t list <<<"$list"
	(cd "$new" && apt-get -c "$conf" -qq download "${list[@]}" >>log 2>&1) || { tail "$new/log" >&2; die "no ${list[*]}"; }
	for part in "$new"/*.deb; do
		dpkg-deb --fsys-tarfile "$part" | tar -x -C "$new/root" --wildcards --exclude='./usr/share/*' || die "cannot unpack $part"
	done
	for folder in "$new"/root/lib/modules/* "$new"/root/usr/lib/modules/*; do
		[ ! -d "$folder/kernel" ] || break
	done
	version=${folder##*/}
	mkdir -p "$new/done/lib/modules"
	for part in "$folder/vmlinuz" "$new"/root/boot/vmlinu[xz]-"$version"; do
		[ ! -e "$part" ] || mv "$part" "$new/done/vmlinuz"
	done
	[ -e "$new/done/vmlinuz" ] || die "no kernel in ${list[*]}"
	for part in $unwanted; do rm -rf "${folder:?}/kernel/$part"; done
	mv "$folder" "$new/done/lib/modules/"
	depmod -b "$new/done" "$version" || die "depmod failed for $version"
	echo "$version" >"$new/done/version"
	echo "$debian $suite $package" >"$new/done/stamp"
	# Whole before it gets its name; who has the old one open keeps it.
	[ ! -e "$kernel_dir" ] || mv "$kernel_dir" "$new/old"
	mv "$new/done" "$kernel_dir"
	rm -rf "$new"
}

mkdir -p "$kernel_cache"
for kernel; do
	kernel_row "$kernel"
	made && continue
	exec 9>"$kernel_cache/.lock-$kernel"
	flock 9 # the second at once finds it made
	made && continue
	[ -n "${mirror:-}" ] || { wanted=$suite; debian_mirror; suite=$wanted; }
	fetch
done
