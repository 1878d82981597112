#!/bin/bash
# appliance.sh [OUT [ARCH]]: the reference appliance, as OUT/tree, which lies over the toybox userland
#
# OUT is ./build/appliance unless given, ARCH (a name of tests/cross/archs) this machine's. In OUT/tree are
#   - the programs of appliance.packages as Debian ships them, with the libraries that
#     they are linked with, and no more of their packages;
#   - the profiles and settings of configs/appliance: what is in its folder goes to
#     /etc/hutch, files/ is laid out as on the device.
# OUT/modules lists the kernel modules that its init.conf loads, OUT/qemu has the words
# for a QEMU that it runs in. hutch, toybox and the modules come from elsewhere.
#
# Environment:
#   KEYS    a file of ssh keys (authorized_keys) that may log in as admin
#   CACHE   where packages are kept (${XDG_CACHE_HOME:-~/.cache}/hutch)
#
# The packages come from the mirror that apt is set up for and are checked by apt, in a state
# of their own: nothing is installed, and the machine's apt is left alone. Root is not
# needed: whose files they are, an archive of the tree has to say (all are root's).

set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
configs=$here/../configs/appliance
out=${1:-build/appliance}
arch=${2:-$(uname -m)}
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hutch}/appliance/$arch

die() { echo "rootfs/appliance.sh: $*" >&2; exit 1; }
# shellcheck source=SCRIPTDIR/../tests/apt.sh
. "$here/../tests/apt.sh"
debian=$(awk -v a="$arch" '$1 == a { print $3 }' "$here/../tests/cross/archs")
[ "$debian" ] || die "no machine $arch in tests/cross/archs"
mkdir -p "$out" "$cache"
out=$(cd "$out" && pwd)
exec 8>"$cache/.lock" 9>"$out/.lock"
flock 9 # two calls at once must not build into the same folder

# "package program place" for each line of the list
programs() { sed 's/#.*//; /^[[:space:]]*$/d' "$here/appliance.packages"; }

# --- the packages -----------------------------------------------------------

# Those that are named, and those of the libraries that they depend on: as if nothing were
# installed, for what is on this machine is none of the device's matter.
closure() {
  apt-get -c "$new/apt/conf" -qq -s -o APT::Install-Recommends=false install "$@" | awk -v "named=$*" '
    BEGIN { split(named, n); for (i in n) want[n[i]] = 1 }
    $1 == "Inst" && ($2 in want || $2 ~ /^z?lib/ && $2 !~ /perl|pam|krb5|gssapi|semanage|sepol/) { print $2 }'
}

fetch() {
  local names list file new=$cache/new
  rm -rf "$new"
  mkdir -p "$new/debs" "$new/root"
  debian_mirror
  own_apt "$new/apt" "$debian" "$suite"
  apt-get -c "$new/apt/conf" -qq update
  mapfile -t names < <(programs | cut -f 1 | sort -u)
  list=$(closure "${names[@]}")
  mapfile -t names <<<"$list"
  (cd "$new/debs" && apt-get -c "$new/apt/conf" -qq download "${names[@]}")
  for file in "$new"/debs/*.deb; do dpkg-deb -x "$file" "$new/root"; done
  rm -rf "$new/apt" "$new/debs" "$cache/root"
  mv "$new/root" "$cache/root"
  programs >"$cache/stamp"
}
flock 8
# Packages of a week are new enough; off the network, those that are there.
if [ -z "$(find "$cache/stamp" -mtime -7 2>/dev/null)" ] || ! programs | cmp -s - "$cache/stamp"; then
  # In a shell of its own, because set -e means nothing to the left of ||.
  status=0
  set +e
  (set -e; fetch) >"$out/fetch.log" 2>&1
  status=$?
  set -e
  if [ $status -ne 0 ] && ! programs | cmp -s - "$cache/stamp"; then
    tail -n 20 "$out/fetch.log" >&2
    die "the packages of appliance.packages could not be had"
  fi
fi

# --- the tree ---------------------------------------------------------------

tree=$out/tree.new
rm -rf --one-file-system "$tree"
mkdir -p "$tree"/{bin,lib,etc/hutch}

# A file of the packages, wherever this release has it: /bin and /usr/bin are one.
find_file() {
  local file
  for file in "$cache/root/$1" "$cache/root/usr/$1" "$cache/root/${1#usr/}"; do
    if [ -f "$file" ]; then echo "$file" && return; fi
  done
  die "no $1 in the packages"
}

# libraries PROGRAM: what it is linked with, what that is linked with, and so on
libraries() {
  local name file
  for name in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)]/\1/p'); do
    # The loader is named by its path, see below.
    if [ -e "$tree/lib/$name" ] || [[ $name == ld[-.]* ]]; then continue; fi
    file=$(find "$cache"/root/lib/*/ "$cache"/root/usr/lib/*/ -maxdepth 1 -name "$name" 2>/dev/null | head -n 1)
    [ "$file" ] || die "$1 needs $name, which is in none of the packages"
    install -m 644 "$file" "$tree/lib/$name"
    libraries "$file"
  done
}

while read -r _ program place; do
  file=$(find_file "$program")
  install -m 755 "$file" "$tree/$place"
  libraries "$file"
  loader=$(readelf -l "$file" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
  if [ "$loader" ] && [ ! -e "$tree$loader" ]; then
    file=$(find_file "${loader#/}")
    install -D -m 755 "$file" "$tree$loader"
  fi
done < <(programs)
flock -u 8
# The shell of scripts and of people, and what lets them in.
for name in ash login; do ln -s busybox "$tree/bin/$name"; done

find "$configs" -maxdepth 1 -type f -exec cp {} "$tree/etc/hutch/" \;
cp -r "$configs/files/." "$tree/"
mkdir -p "$tree"/var/lib/{dnsmasq,chrony} "$tree/home/admin/.ssh"
mkdir -m 700 "$tree/var/lib/dropbear"
cat "${KEYS:-/dev/null}" >"$tree/home/admin/.ssh/authorized_keys"
chmod -R go-w "$tree"
chmod 600 "$tree/etc/shadow"

sed -n 's/^boot\.module=\([^ ]*\).*/\1/p' "$configs/init.conf" >"$out/modules.new"
mv "$out/modules.new" "$out/modules"
# Outside, the host is 10.0.2.2. ssh and the pages are at ports of the host's own loopback.
cat >"$out/qemu" <<'END'
-nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8080-:80
-nic user,model=virtio-net-pci,net=192.168.77.0/24,host=192.168.77.2,dns=192.168.77.3,dhcpstart=192.168.77.250
-device qemu-xhci,id=usb
END
rm -rf --one-file-system "$out/tree"
mv "$tree" "$out/tree"
