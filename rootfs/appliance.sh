#!/bin/bash
# appliance.sh [OUT]: the root file system of the reference appliance, as OUT/tree and
# OUT/appliance.cpio.gz
#
# OUT is ./build/appliance unless given. On top of the toybox userland (BASE) come
#   - the programs of appliance.packages as Debian ships them, with the libraries that
#     they are linked with, and no more of their packages;
#   - the profiles and settings of configs/appliance: NAME.conf is /etc/hutch/NAME.conf,
#     files/ is laid out as on the device;
#   - hutch itself, when HUTCH says where it is, as /bin/hutch and /init.
# Kernel modules are the kernel's matter, and come in an archive of their own.
#
# Environment:
#   BASE    the toybox tree (./build/rootfs/tree; rootfs/build.sh makes it)
#   HUTCH   the program to put in
#   KEYS    a file of ssh keys (authorized_keys) that may log in as admin
#   CACHE   where packages are kept (${XDG_CACHE_HOME:-~/.cache}/hutch)
#
# Packages come by the sources that apt is set up for and are checked by apt, in a state
# of their own: nothing is installed, and the machine's apt is left alone. Root is not
# needed: the archive says who owns what, the tree belongs to the caller. The same
# packages and inputs make the same archive.

set -eu
export LC_ALL=C TZ=UTC
umask 022
unset CDPATH

epoch=1700000000 # the time of every file, as in build.sh
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-build/appliance}
base=${BASE:-build/rootfs/tree}
state=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hutch}/appliance
# Whose a directory or file is that is not root's: owner:group, mode, path.
owned='101:101 0755 var/lib/dnsmasq
102:102 0750 var/lib/chrony
0:0 0700 var/lib/dropbear
1000:1000 0755 home/admin'

die() { echo "rootfs/appliance.sh: $*" >&2; exit 1; }
[ -x "$base/bin/toybox" ] || die "no toybox in $base: rootfs/build.sh makes it"
base=$(cd "$base" && pwd)
mkdir -p "$out" "$state"
out=$(cd "$out" && pwd)
exec 8>"$state/.lock" 9>"$out/.lock"
flock 9 # two calls at once must not build into the same folder

# "package program place" for each line of the list
programs() { sed 's/#.*//; /^[[:space:]]*$/d' "$here/appliance.packages"; }

# --- what is up to date -----------------------------------------------------

stamp=$(
  {
    cat "$here/appliance.sh" "$here/appliance.packages"
    for input in "$base/../rootfs.cpio.gz" "${HUTCH:-/dev/null}" "${KEYS:-/dev/null}"; do
      sha256sum <"$input"
    done
    cd "$here/../configs/appliance"
    find . -type f | sort | xargs sha256sum
    find . -type f -perm -100 | sort
  } | sha256sum
)
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && [ -e "$out/appliance.cpio.gz" ]; then
  exit 0
fi
rm -f "$out/stamp"

# --- the packages -----------------------------------------------------------

apt() {
  apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" \
    -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" \
    -o APT::Install-Recommends=false "$@"
}

# The packages that are named, and those of the libraries that they depend on: as if
# nothing were installed, for what is on this machine is none of the device's matter.
closure() {
  local names
  read -ra names <<<"$(programs | cut -f 1 | sort -u | tr '\n' ' ')"
  apt -s install "${names[@]}" | awk -v "named=${names[*]}" '
    BEGIN { split(named, n); for (i in n) want[n[i]] = 1 }
    $1 == "Inst" && ($2 in want || $2 ~ /^z?lib/ && $2 !~ /perl|pam|krb5|gssapi|semanage|sepol/) { print $2 }'
}

# Once a day apt is asked what is new; a machine that is off the network keeps what it has.
fetch() {
  local names
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
  : >"$state/status"
  if [ -z "$(find "$state/fetched" -mtime -1 2>/dev/null)" ]; then
    apt update && closure >"$state/names.new" && [ -s "$state/names.new" ] || return
    mapfile -t names <"$state/names.new"
    rm -rf "$state/debs.new" && mkdir "$state/debs.new"
    (cd "$state/debs.new" && apt download "${names[@]}") || return
    rm -rf "$state/debs" "$state/root" "$state/root.new"
    mv "$state/debs.new" "$state/debs"
    for file in "$state"/debs/*.deb; do dpkg-deb -x "$file" "$state/root.new"; done
    mv "$state/root.new" "$state/root"
    touch "$state/fetched"
  fi
}
flock 8
fetch >"$out/fetch.log" 2>&1 || [ -d "$state/root" ] || {
  tail -n 20 "$out/fetch.log" >&2
  die "the packages of appliance.packages could not be had"
}

# --- the tree ---------------------------------------------------------------

tree=$out/tree.new
rm -rf --one-file-system "$tree"
cp -a "$base" "$tree"

# The libraries of a program and theirs, each once: the program, then its libraries.
libraries() {
  local file name found
  for file; do
    for name in $(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)]/\1/p'); do
      [ ! -e "$tree/lib/$name" ] && [[ $name != ld* ]] || continue
      found=$(find "$state"/root/lib/*/ "$state"/root/usr/lib/*/ -maxdepth 1 -name "$name" 2>/dev/null | head -n 1)
      [ "$found" ] || die "$file needs $name, which is in none of the packages"
      install -m 644 "$found" "$tree/lib/$name"
      libraries "$found"
    done
  done
}
# The program that loads the libraries has to be where the others say.
loader() {
  local path
  path=$(readelf -l "$1" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
  if [ "$path" ] && [ ! -e "$tree$path" ]; then
    install -D -m 755 "$state/root$path" "$tree$path"
  fi
}
while read -r package program place; do
  [ -f "$state/root/$program" ] || die "$package has no $program"
  install -m 755 "$state/root/$program" "$tree/$place"
  libraries "$state/root/$program"
  loader "$state/root/$program"
done < <(programs)
flock -u 8
ln -sf busybox "$tree/bin/ash"

mkdir -p "$tree/etc/hutch"
cp "$here"/../configs/appliance/*.conf "$tree/etc/hutch/"
cp -r "$here/../configs/appliance/files/." "$tree/"
while read -r owner mode path; do
  mkdir -p "$tree/$path"
done <<<"$owned"
mkdir -p "$tree/home/admin/.ssh"
cat "${KEYS:-/dev/null}" >"$tree/home/admin/.ssh/authorized_keys"
if [ "${HUTCH-}" ]; then
  install -m 755 "$HUTCH" "$tree/bin/hutch"
  ln -sf bin/hutch "$tree/init"
fi
find "$tree" -type d -exec chmod 00755 {} +
find "$tree" -type f -perm /077 -exec chmod go-w {} +
chmod 00700 "$tree/root" "$tree/home/admin/.ssh"
chmod 01777 "$tree/tmp"
chmod 00600 "$tree/home/admin/.ssh/authorized_keys"
while read -r owner mode path; do chmod "0$mode" "$tree/$path"; done <<<"$owned"
find "$tree" -depth -exec touch -h -d "@$epoch" {} +

# Archives may follow one another: one for each owner, and the last word counts.
archive() {
  cpio --quiet --reproducible -0 -o -H newc -R "+${1/:/:+}"
}
(
  cd "$tree"
  find . -print0 | sort -z | archive 0:0
  while read -r owner mode path; do
    find "$path" -print0 | sort -z | archive "$owner"
  done <<<"$owned"
) >"$out/appliance.cpio"
gzip -n -9 <"$out/appliance.cpio" >"$out/appliance.cpio.gz.new"
rm -f "$out/appliance.cpio"
if [ "$(id -u)" = 0 ]; then
  while read -r owner mode path; do chown -R "$owner" "$tree/$path"; done <<<"$owned"
fi
rm -rf --one-file-system "$out/tree"
mv "$tree" "$out/tree"
mv "$out/appliance.cpio.gz.new" "$out/appliance.cpio.gz"
echo "$stamp" >"$out/stamp"
