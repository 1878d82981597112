#!/bin/bash
# build.sh [OUT]: the toybox root file system, as OUT/tree and OUT/rootfs.cpio.gz
#
# OUT is ./build/rootfs unless given. Also left there: OUT/toybox (the static
# binary), OUT/applets (the names it answers to) and OUT/build.log.
#
# Environment:
#   CC      compiler that makes static programs (musl-gcc; a cross wrapper works)
#   HOSTCC  compiler for toybox's own build tools (gcc)
#   STRIP   strip for CC's machine (what CC names)
#   CACHE   where the source archive is kept (${XDG_CACHE_HOME:-~/.cache}/hutch)
#
# Root is not needed: the archive says uid 0 whoever owns OUT/tree. There are
# no device nodes; the kernel makes /dev/console and devtmpfs has the others.
# There is no /init either: append an archive that has one (the kernel unpacks
# archives that follow one another), or say rdinit=.
#
# The archive depends on the input alone: names are sorted, owners, inode
# numbers and times are fixed, and neither OUT's name nor the date, umask or
# locale gets in. A second call without changes does nothing.
#
# toybox is Debian's archive, not the project's: "dfsg" has no binaries. Any
# Debian mirror carries it, so it comes from the one that apt already uses.
#
# toybox.patch repairs what simple scripts need. What toybox 0.8.9's shell still
# lacks: return, read, local, trap, set -e and here-documents. There is no less,
# and no login, su or passwd (see toybox.config).

set -eu
export LC_ALL=C TZ=UTC
umask 022
unset CDPATH

version=0.8.9
archive=toybox_$version+dfsg.orig.tar.xz
sha256=16fb5967531e88ca33b8c9142376987617ebe52e34e2b3f3a779603674b7d07c
epoch=1700000000  # the time of every file; any fixed one would do

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-build/rootfs}
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hutch}
read -ra cc <<<"${CC:-musl-gcc}"  # may have arguments
hostcc=${HOSTCC:-gcc}

die() { echo "rootfs/build.sh: $*" >&2; exit 1; }

cc_path=$(type -P "${cc[0]}") ||
  die "no compiler ${cc[0]}; the Debian packages to install are in rootfs/deps"

mkdir -p "$out"
out=$(cd "$out" && pwd)
log=$out/build.log
exec 9>"$out/.lock"
flock 9  # two calls at once must not build into the same folder

# --- what is up to date -----------------------------------------------------

# Contents, not times: a fresh checkout must not rebuild.
stamp() { sha256sum | cut -d ' ' -f 1; }
# A compiler's version line changes with its package; a wrapper's text counts too.
toybox_stamp=$(
  {
    echo "$sha256 ${cc[*]} ${STRIP:-} $hostcc"
    "${cc[@]}" --version 2>&1 || true
    cat "$cc_path" "$here/build.sh" "$here/toybox.config" \
      "$here/toybox.patch" "$here/ipcmk.c"
  } | stamp
)
tree_stamp=$(
  cd "$here/files"
  { echo "$toybox_stamp"; find . -type f | sort | xargs sha256sum; } | stamp
)
is() { [ "$(cat "$out/$1" 2>/dev/null)" = "$2" ]; }

# --- the source -------------------------------------------------------------

checked() { echo "$sha256  $1" | sha256sum --check --status; }

# The addresses of the Debian archives that apt is set up for. Without package
# lists (a fresh container) apt does not know whose archive is whose: try all.
mirrors() {
  apt-get indextargets --format "\$(REPO_URI) \$(ORIGIN)" |
    awk '$2 == "" || $2 == "Debian" { print $1 }' | sort -u
}

# By apt's helper, which heeds apt's proxies and methods, needs no root and no
# package lists, and leaves the machine's own apt state alone.
fetch() {
  local uri part=$cache/$archive.$$
  local helper=/usr/lib/apt/apt-helper
  [ -x $helper ] || die "no $helper; put $archive into $cache by hand"
  mkdir -p "$cache"
  for uri in $(mirrors); do
    uri=${uri%/}/pool/main/t/toybox/$archive
    if $helper -o APT::Sandbox::User="$(id -un)" download-file "$uri" "$part" \
         >>"$log" 2>&1; then
      if checked "$part"; then
        mv "$part" "$cache/$archive"
        return
      fi
      echo "$uri: wrong checksum" >>"$log"
    fi
    rm -f "$part" "$part".*
  done
  tail -n 30 "$log" >&2
  die "no mirror that apt knows has $archive with the right checksum;" \
    "put it into $cache by hand"
}

# --- toybox -----------------------------------------------------------------

# musl-gcc hides every header but musl's, and musl has no linux/*.h: give it
# the kernel's, and only those, by a folder of links. A compiler that finds
# them by itself is left alone.
kernel_headers() {
  local machine base asm name
  if echo '#include <linux/loop.h>' |
       "${cc[@]}" -E -o /dev/null -xc - 2>/dev/null; then
    return
  fi
  machine=$("${cc[@]}" -dumpmachine | sed 's/-musl/-gnu/')
  for base in "/usr/$machine/include" /usr/include; do
    for asm in "$base/$machine/asm" "$base/asm"; do
      if [ ! -e "$asm/types.h" ] || [ ! -e "$base/linux/loop.h" ]; then
        continue
      fi
      mkdir "$1"
      for name in linux asm-generic mtd; do ln -s "$base/$name" "$1/"; done
      ln -s "$asm" "$1/asm"
      return
    done
  done
  die "no kernel headers for $machine; install linux-libc-dev"
}

make_toybox() {
  local work=$out/work src=$out/work/toybox-$version strip path name
  rm -rf "$work" "$out/toybox.stamp"
  mkdir "$work"
  tar -xJf "$cache/$archive" -C "$work"
  patch -s -p1 -d "$src" <"$here/toybox.patch"
  cp "$here/ipcmk.c" "$src/toys/pending/"
  cp "$here/toybox.config" "$src/.config"
  kernel_headers "$work/headers"

  strip=${STRIP:-$("${cc[@]}" -print-prog-name=strip)}
  # Nothing of the caller's may leak in, neither flags nor a parent make's.
  # Kernel headers by -I would come before musl's own: hence -isystem.
  (
    cd "$src"
    unset CROSS_COMPILE OPTIMIZE LDOPTIMIZE VERSION LIBRARIES GENDIR UNSTRIPPED \
      OUTNAME TARGET KCONFIG_CONFIG NOSTRIP NOBUILD ASAN SED V CPUS \
      MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS MAKEFILES
    flags=
    if [ -d ../headers ]; then flags="-isystem ../headers"; fi
    make CC="${cc[*]}" HOSTCC="$hostcc" CFLAGS="$flags" LDFLAGS=-static \
      STRIP="$strip -s -R .note* -R .comment" toybox </dev/null
    # The list comes from the configuration, as a cross-built toybox will not run.
    $hostcc -I . scripts/install.c -o ../instlist
  )
  # Names as paths: /usr/bin and the like are links to /bin, so drop folders.
  "$work/instlist" long | while read -r path; do
    name=${path##*/}
    [ "$name" = toybox ] || echo "$name"
  done | sort -u >"$out/applets"
  for name in sh ipcs ipcmk mount; do
    grep -qx "$name" "$out/applets" || die "toybox was built without $name"
  done
  cp -f "$src/toybox" "$out/toybox"
  rm -rf "$work"
  echo "$toybox_stamp" >"$out/toybox.stamp"
}

# --- the tree and the archive -----------------------------------------------

make_tree() {
  local tree=$out/tree.new name file
  rm -rf "$tree" "$out/tree.stamp"
  mkdir "$tree"
  # Empty folders are here and not in files/, because git cannot hold them.
  # user's home is /home itself: a folder below could only belong to root.
  for name in bin dev etc home lib media mnt proc root run srv sys tmp usr var; do
    mkdir "$tree/$name"
  done
  ln -s bin "$tree/sbin"
  ln -s ../bin "$tree/usr/bin"
  ln -s ../bin "$tree/usr/sbin"
  ln -s ../lib "$tree/usr/lib"
  ln -s ../run "$tree/var/run"
  ln -s ../tmp "$tree/var/tmp"
  install -m 755 "$out/toybox" "$tree/bin/toybox"
  while read -r name; do
    ln -s toybox "$tree/bin/$name"
  done <"$out/applets"
  (cd "$here/files" && find . -type f) | while read -r file; do
    install -D -m 644 "$here/files/$file" "$tree/$file"
  done
  : >"$tree/etc/resolv.conf"  # something to bind the host's onto
  # Five digits: with fewer, chmod keeps a set-group-ID bit that folders inherit.
  find "$tree" -type d -exec chmod 00755 {} +
  chmod 00700 "$tree/root"
  chmod 01777 "$tree/tmp"
  find "$tree" -depth -exec touch -h -d "@$epoch" {} +

  (cd "$tree" && find . -print0 | sort -z |
    cpio --quiet --reproducible -0 -o -H newc -R +0:+0) >"$out/rootfs.cpio"
  gzip -n -9 <"$out/rootfs.cpio" >"$out/rootfs.cpio.gz.new"
  rm -f "$out/rootfs.cpio"
  # A test may have left something mounted in there: do not delete into it.
  rm -rf --one-file-system "$out/tree"
  mv "$tree" "$out/tree"
  mv "$out/rootfs.cpio.gz.new" "$out/rootfs.cpio.gz"
  echo "$tree_stamp" >"$out/tree.stamp"
}

# In a shell of its own, because set -e means nothing to the left of ||.
logged() {
  local status=0
  set +e
  (set -e; "$@") >>"$log" 2>&1
  status=$?
  set -e
  [ $status = 0 ] && return
  tail -n 30 "$log" >&2
  die "$1 failed; the whole log is $log"
}

if is tree.stamp "$tree_stamp" && [ -d "$out/tree" ] &&
   [ -e "$out/rootfs.cpio.gz" ]; then
  exit 0
fi
: >"$log"
if ! is toybox.stamp "$toybox_stamp" || [ ! -e "$out/toybox" ]; then
  if [ ! -e "$cache/$archive" ]; then fetch; fi
  checked "$cache/$archive" ||
    die "$cache/$archive: wrong checksum; remove it and try again"
  logged make_toybox
fi
logged make_tree
