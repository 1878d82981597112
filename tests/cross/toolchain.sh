#!/bin/bash
# tests/cross/toolchain.sh [ARCH...]: make the cross toolchains ready that cc and run use (all of the table "archs").
#   The compilers and qemu are Debian packages (named in "deps"): root gets them installed, others are told the line to type.
#   musl is Debian's musl-dev of that machine, unpacked by an apt of its own (own state, the mirror and the keyring of
#   this machine's apt sources) into ${HUTCH_CACHE:-${XDG_CACHE_HOME:-~/.cache}/hutch}/cross/ARCH; where no suite has it
#   (big-endian mips), it is built from Debian's musl source. Nothing of this machine's dpkg or apt state is touched.
# tests/cross/toolchain.sh --packages [ARCH...]: only print the names of the Debian packages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=1 # of what is in the cache: raise it to have everybody's made anew
say() { echo "cross: $*" >&2; }
die() { say "$*"; exit 1; }
# shellcheck source=SCRIPTDIR/../apt.sh
. "$here/../apt.sh"

[ "${HUTCH_CACHE:-${XDG_CACHE_HOME:-${HOME:-}}}" ] || die "set HOME, XDG_CACHE_HOME or HUTCH_CACHE"
cache=${HUTCH_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/hutch}/cross
case $cache in
    *[[:space:]]*) die "a gcc specs file takes no blanks in paths, set HUTCH_CACHE to another folder: $cache" ;;
    /*) ;;
    *) die "not an absolute path: $cache" ;;
esac

# row ARCH: its line of the table as triple, debian, musl, endian ...; row_text is the stamp of what was made from it
row() {
    while read -r name triple debian musl qemu _ _ flags; do
        [ "$name" = "$1" ] || continue
        row_text="$version $name $triple $debian $musl $flags"
        return 0
    done <"$here/archs"
    die "no machine '$1' in $here/archs"
}

runs_here() { # ARCH: can this machine run it without qemu
    case $machine:$1 in "$1:$1" | x86_64:i386 | i?86:i386) ;; *) return 1 ;; esac
}

has() { command -v "$1" >/dev/null; }

needs_musl() { # after row; is there no finished musl for it yet
    [ ! -e "$cache/$name/stamp" ] || [ "$(<"$cache/$name/stamp")" != "$row_text" ]
}

compiler() { # after row: the Debian package that has its compiler
    case $triple in
        "$machine"-linux-gnu) echo gcc ;;
        *) echo "gcc-${triple//_/-}" ;;
    esac
}

# ---- Debian packages ----

packages() { # the Debian packages that the machines "$@" need and (unless all=1) that are not there
    local a all=${all:-}
    for a in "$@"; do
        row "$a"
        { [ ! "$all" ] && has "$triple-gcc"; } || compiler
        runs_here "$a" || { [ ! "$all" ] && { has "qemu-$qemu-static" || has "qemu-$qemu"; }; } || echo qemu-user-static
        # a machine without musl-dev: see from_source
        if [ "$debian" = mips ] && { [ "$all" ] || needs_musl; }; then
            { [ ! "$all" ] && has make; } || echo make
            { [ ! "$all" ] && has dpkg-source; } || echo dpkg-dev
        fi
    done | LC_ALL=C sort -u
}

install_packages() {
    local p list
    list=$(packages "$@")
    [ "$list" ] || return 0
    mapfile -t p <<<"$list"
    if [ "$(id -u)" != 0 ]; then
        say "some Debian packages are missing; type:"
        echo "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends ${p[*]}'" >&2
        exit 1
    fi
    say "apt-get installs: ${p[*]}"
    # --no-remove: gcc-multilib, say, conflicts with the cross compilers; whoever has it decides
    set -- -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install -y --no-remove --no-install-recommends "${p[@]}"
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get "$@" >/dev/null 2>&1; then # no package lists yet, or stale ones
        apt-get -qq update || :
        apt-get "$@" >/dev/null || die "apt-get could not install: ${p[*]}"
    fi
}

# ---- musl ----

# from_package SUITE: unpack its musl-dev for $debian into $tmp/root; 2 when the suite has none (or, SUITE not being
# this machine's, is not on the mirror)
from_package() {
    local c=$tmp/apt/conf deb
    own_apt "$tmp/apt" "$debian" "$1"
    if ! apt-get -c "$c" -qq update >"$tmp/log" 2>&1; then
        [ "$1" != "$suite" ] || { cat "$tmp/log" >&2; die "apt-get update failed for $1"; }
        return 2
    fi
    apt-cache -c "$c" show musl-dev >/dev/null 2>&1 || return 2
    (cd "$tmp" && apt-get -c "$c" -qq download musl-dev >log 2>&1) || { cat "$tmp/log" >&2; die "no musl-dev of $1"; }
    for deb in "$tmp"/musl-dev_*.deb; do dpkg-deb -x "$deb" "$tmp/root" || die "cannot unpack $deb"; done
    from="musl-dev of $1"
}

# from_source: build musl from this suite's source package (apt verifies the signed sums) into $tmp/root
from_source() {
    local c=$tmp/apt/conf src
    if ! has make || ! has dpkg-source; then die "$name's musl must be built: apt-get install make dpkg-dev"; fi
    own_apt "$tmp/apt" "$debian" "$suite"
    {
        apt-get -c "$c" -o Dir::Etc::SourceList="$tmp/apt/sources.list" -qq update &&
            (cd "$tmp" && apt-get -c "$c" -o Dir::Etc::SourceList="$tmp/apt/sources.list" -qq source --only-source musl)
    } >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; die "no musl source of $suite"; }
    src=$(echo "$tmp"/musl-*/)
    say "$name: building musl from source (a minute)"
    (
        cd "$src"
        CC="$triple-gcc $flags" AR="$triple-ar" RANLIB="$triple-ranlib" ./configure --target="$musl" --disable-shared \
            --prefix=/usr --libdir="/usr/lib/$musl" --includedir="/usr/include/$musl"
        nice make -j"$(nproc)"
        make DESTDIR="$tmp/root" install-headers install-libs
    ) >"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log" >&2; die "musl did not build for $name"; }
    from="musl's source package of $suite"
}

# specs DIR: turn gcc from its glibc to the musl in DIR. No folder of kernel headers: nothing here needs one.
specs() {
    cat <<EOF
%rename cc1 hutch_cc1
%rename cpp_options hutch_cpp_options
%rename link hutch_link

*cpp_options:
-nostdinc -isystem $1/include -isystem include%s %(hutch_cpp_options)

*cc1:
-nostdinc -isystem $1/include -isystem include%s %(hutch_cc1)

*link:
%(hutch_link) -nostdlib -z noexecstack

*link_libgcc:
-L$1/lib -L .%s

*libgcc:
libgcc.a%s libgcc_eh.a%s

*startfile:
$1/lib/crt1.o $1/lib/crti.o crtbegin.o%s

*endfile:
crtend.o%s $1/lib/crtn.o

EOF
}

make_musl() { # after row
    local s tried=' '
    tmp=$cache/.new
    rm -rf "$tmp"
    mkdir -p "$tmp/done"
    from=
    debian_mirror
    for s in "$suite" bookworm trixie; do # bookworm is the last with mipsel, trixie the first with riscv64
        case $tried in *" $s "*) continue ;; esac
        tried="$tried$s "
        ! from_package "$s" || break
    done
    [ "$from" ] || from_source
    mv "$tmp/root/usr/include/$musl" "$tmp/done/include"
    mv "$tmp/root/usr/lib/$musl" "$tmp/done/lib"
    # a newer suite's objects can hold relocations for debugging that this suite's ld dies of (riscv64)
    "$triple-strip" -g "$tmp"/done/lib/*.[ao]
    specs "$cache/$name" >"$tmp/done/specs"
    echo "$row_text" >"$tmp/done/stamp"
    # made whole before it gets its name: parallel compilers never read half a specs file
    [ ! -e "$cache/$name" ] || mv "$cache/$name" "$tmp/old"
    mv "$tmp/done" "$cache/$name"
    rm -rf "$tmp"
    say "$name: ready ($from)"
}

# ---- ----

machine=$(uname -m)
only_print=
[ "${1:-}" != --packages ] || { only_print=1; shift; }
case ${1:-} in -*) die "usage: toolchain.sh [--packages] [ARCH...]" ;; esac
if [ $# = 0 ]; then
    mapfile -t names < <(sed 's/#.*//; s/[[:space:]].*//; /^$/d' "$here/archs")
    set -- "${names[@]}"
fi
if [ "$only_print" ]; then
    all=1 packages "$@"
    exit
fi

todo=$(packages "$@")
for a in "$@"; do
    row "$a"
    ! needs_musl || todo="$todo musl"
done
[ "$todo" ] || exit 0

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9 # one at a time; the second then finds everything there
trap 'rm -rf "$cache/.new"' EXIT
install_packages "$@"
for a in "$@"; do
    row "$a"
    if needs_musl; then make_musl; fi
done
