#!/bin/bash
# check.sh OUT: does build.sh keep its promises? Prints TAP; works below OUT.
#
# Builds twice from nothing, so it takes a minute. CC and the rest of build.sh's
# environment apply. What cannot run here (a cross-built toybox) is skipped.

# Functions are called by name through ok, and scripts for toysh are quoted.
# shellcheck disable=SC2016,SC2317
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: check.sh OUT" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
one=$out/check.one two=$out/check.two/with/a/longer/name
trap 'rm -rf --one-file-system "$one" "$out/check.two"' EXIT

count=0 failed=0
ok() {  # ok NAME COMMAND...: the command's status is the result
  local name=$1 said
  shift
  count=$((count + 1))
  if said=$("$@" 2>&1); then
    echo "ok $count - $name"
  else
    echo "not ok $count - $name"
    [ -z "$said" ] || printf '# %s\n' "${said//$'\n'/$'\n'# }"
    failed=1
  fi
}
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }

build_two() { (umask 077; TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$here/build.sh" "$two"); }
unchanged() {
  local before
  before=$(stat -c '%i %Y' "$one/rootfs.cpio.gz" "$one/toybox")
  "$here/build.sh" "$one" &&
    [ "$before" = "$(stat -c '%i %Y' "$one/rootfs.cpio.gz" "$one/toybox")" ]
}
# The interpreter's name is in every dynamic program, and in no static one.
static() {
  [ -x "$one/tree/bin/toybox" ] &&
    ! grep -aoE '/ld-(musl|linux)[^ ]*\.so|/lib/ld\.so' "$one/tree/bin/toybox"
}
all_root() {
  gzip -dc "$one/rootfs.cpio.gz" | cpio --quiet -tvn |
    awk '$3 != 0 || $4 != 0 { print; bad = 1 } END { exit bad || NR < 50 }'
}
no_setid() { [ -d "$one/tree" ] && [ -z "$(find "$one/tree" -perm /6000)" ]; }

ok 'builds' "$here/build.sh" "$one"
ok 'builds in another folder, with another umask and time zone' build_two
ok 'both archives are the same bytes' cmp "$one/rootfs.cpio.gz" "$two/rootfs.cpio.gz"
ok 'a second call does nothing' unchanged
ok 'the binary is static' static
ok 'everything in the archive belongs to root' all_root
ok 'nothing is set-user-ID or set-group-ID' no_setid

# In an IPC namespace of its own, so that nothing is left behind; without
# chroot and namespaces the program still runs, and the script cleans up.
tree=$one/tree
enter=(env "PATH=$tree/bin" "$tree/bin/sh")
for try in 'unshare -i' 'unshare -r -i'; do
  # shellcheck disable=SC2086  # two words or three
  if $try chroot "$tree" /bin/true 2>/dev/null; then
    read -ra enter <<<"$try chroot"
    enter+=("$tree" /bin/env -i PATH=/bin /bin/sh)
    break
  fi
done

says() {  # says PATTERN SCRIPT: its output is the pattern, from first to last
  local said
  said=$("${enter[@]}" -c "$2" 2>&1)
  [[ $said =~ ^$1$ ]] || { echo "$said"; return 1; }
}
if "$tree/bin/toybox" true 2>/dev/null; then
  nl=$'\n'
  ok 'sh runs' says "A b 3${nl}1${nl}2${nl}ok" \
    'x=$(echo a | tr a-z A-Z); printf "%s %s\n" $x "b $((1+2))"
     i=0; while [ $i -lt 2 ]; do i=$((i+1)); echo $i; done; echo ok'
  ok 'ipcmk, ipcs and ipcrm work' \
    says "Message queue id: [0-9]+${nl}found${nl}gone" \
    'made=$(ipcmk -Q); echo $made; id=${made##* }
     ipcs -q | grep -q "^0x[0-9a-f]* $id " && echo found
     ipcrm -q $id; ipcs -q | grep -q "^0x[0-9a-f]* $id " || echo gone'
  ok 'ipcmk makes memory and semaphores' \
    says "Shared memory id: [0-9]+${nl}Semaphore id: [0-9]+" \
    'm=$(ipcmk -M 4k); s=$(ipcmk -S 2); echo $m; echo $s
     ipcrm -m ${m##* } -s ${s##* }'
else
  for name in 'sh runs' 'ipcmk, ipcs and ipcrm work' \
    'ipcmk makes memory and semaphores'; do
    skip "$name" 'not for this machine'
  done
fi
echo "1..$count"
exit $failed
