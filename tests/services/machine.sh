#!/bin/bash
# A machine with services, that is not this one: this machine's files with the
# packages of `deps` installed on them, kept as OUT/machine.tar.
#
#   tests/services/machine.sh OUT
#
# The packages are installed by apt-get as on any Debian, with what their scripts do,
# but in a mount namespace whose root is an overlay: not one file of this machine
# changes, no daemon is started, and none will be at the next boot. It is made anew
# when the list or this machine's packages change. Needs root and the package mirror.
set -uo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

if [ $# -ne 1 ]; then
	echo "usage: tests/services/machine.sh OUT" >&2
	exit 2
fi
cd "$(dirname "$0")" || exit 1
mkdir -p "$1"
out=$(realpath "$1")
# shellcheck disable=SC2015 # said and done
die() { echo "services: $*" >&2 && exit 1; }

stamp=$(cat deps machine.sh /var/lib/dpkg/status 2>/dev/null | sha256sum)
[ "$stamp" != "$(cat "$out/machine.stamp" 2>/dev/null)" ] || exit 0
[ "$(id -u)" = 0 ] || die "needs root"
command -v apt-get >/dev/null || die "this is not Debian"
rm -f "$out/machine.stamp"

mapfile -t packages < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' deps)
echo "services: installing on a copy of this machine: ${packages[*]}"
work=$(mktemp -d) || exit 1
trap 'rmdir "$work"' EXIT
# apt's lists and archives go into the overlay as well; what needs no test is left out.
export work out
# shellcheck disable=SC2016 # it is the inner shell that expands
timeout 600 unshare --mount --pid --fork --kill-child --propagation private bash -c '
	. ./overlay.sh
	overlay_make "$work" && mount -t proc proc "$work/root/proc" || exit 1
	cp -L --remove-destination /etc/resolv.conf "$work/root/etc/" 2>/dev/null
	chroot "$work/root" bash -s "$@" <install.sh || exit
	tar -C "$work/upper" --xattrs --xattrs-include="*" --exclude="./var/lib/apt" --exclude="./var/cache" \
		--exclude="./usr/share/doc" --exclude="./usr/share/man" --exclude="./usr/share/locale" \
		-cpf "$out/machine.tar.new" .
' bash "${packages[@]}" >"$out/machine.log" 2>&1 || {
	tail -n 20 "$out/machine.log" >&2
	die "could not be installed"
}
mv "$out/machine.tar.new" "$out/machine.tar"
echo "$stamp" >"$out/machine.stamp"
