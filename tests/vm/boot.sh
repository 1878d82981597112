#!/bin/bash
# Builds the initramfs of a device and boots it in QEMU, with its console on this terminal.
#
#   tests/vm/boot.sh O HUTCH [KERNEL [WORD...]]     KERNEL is a row of the table `kernels`, WORDs go onto its command line
#
# O is the build folder; O/boot/KERNEL.cpio.gz is the initramfs: toybox, hutch as /init, configs/boot and the modules
# of rootfs/modules. It ends when the machine does (`poweroff`), or with Ctrl-A X. QEMU=WORDS are given to QEMU.
# APPLIANCE=1: the reference appliance instead. rootfs/appliance.sh O/appliance ARCH leaves O/appliance/tree, what lies over
# toybox, with its /etc/hutch; and, if need be, the lists O/appliance/modules and O/appliance/qemu.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
die() { echo "boot: $*" >&2; exit 1; }
# shellcheck source=SCRIPTDIR/table.sh
. "$here/table.sh"
[ $# -ge 2 ] || die "usage: boot.sh O HUTCH [KERNEL [WORD...]]"
out=$1 hutch=$2
kernel_row "${3:-6.1}"
shift $(($# < 3 ? $# : 3))
rootfs=$here/../../rootfs

"$here/fetch.sh" "$name"
command -v "${qemu%% *}" >/dev/null || die "no ${qemu%% *}: the Debian packages to install are in tests/vm/deps"
arch_build "$out" "$arch"
from=$(arch_folder "$out" "$arch")
[ "$from" = "$out" ] || hutch=$from/hutch
content=(/etc/hutch="$here/../../configs/boot") lists=("$rootfs/modules")
if [ -n "${APPLIANCE:-}" ]; then
	"$rootfs/appliance.sh" "$out/appliance" "$arch"
	content=(/="$out/appliance/tree")
	[ ! -e "$out/appliance/modules" ] || lists+=("$out/appliance/modules")
	[ ! -e "$out/appliance/qemu" ] || QEMU="$(cat "$out/appliance/qemu") ${QEMU:-}"
fi
mkdir -p "$out/boot"
mapfile -t modules < <(sed 's/#.*//; /^$/d' "${lists[@]}" | sort -u)
"$rootfs/modules.sh" "$kernel_dir" "$out/boot/modules.$name" "${modules[@]}"
"$rootfs/initramfs.sh" "$out/boot/add.$name.gz" /bin/hutch="$hutch" '/init=->bin/hutch' /="$out/boot/modules.$name" "${content[@]}"
cat "$from/rootfs/rootfs.cpio.gz" "$out/boot/add.$name.gz" >"$out/boot/$name.cpio.gz"
rm -rf "$out/boot/add.$name.gz" "$out/boot/modules.$name"
[ -z "${BUILD_ONLY:-}" ] || exit 0

kernel_machine "$out/boot/$name.cpio.gz" "quiet $*"
# shellcheck disable=SC2206 # words
machine+=(-serial mon:stdio ${QEMU:-})
echo "boot: Linux $(cat "$kernel_dir/version"), $out/boot/$name.cpio.gz ($(stat -c %s "$out/boot/$name.cpio.gz") bytes); Ctrl-A X ends it at once" >&2
exec "${machine[@]}"
