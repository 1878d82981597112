#!/bin/bash
#
# why.sh - how long hutch why takes next to merely reading the same mount tables: a
# host with many mounts, and sandboxes that receive from one of them.
#
#	why.sh OUT HUTCH
#
# OUT	where everything goes; OUT/why.json is the result
#
# CC (musl-gcc), ROUNDS (100), MOUNTS (5000) and BOXES (100) can be set. Wants
# root. All of it happens in a throw-away PID and mount namespace, so that only
# these sandboxes are looked at.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 2 ] || { echo 'usage: why.sh OUT HUTCH' >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo 'why: must be root' >&2; exit 1; }
if [ "${BENCH_INSIDE-}" != yes ]; then
	BENCH_INSIDE=yes exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash "${BASH_SOURCE[0]}" "$@"
fi

mkdir -p "$1"
out=$(realpath "$1")
hutch=$(realpath "$2")
mounts=${MOUNTS:-5000} boxes=${BOXES:-100}

for name in bench tables many; do
	[ "$out/$name" -nt "$here/$name.c" ] ||
		"${CC:-musl-gcc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -static -s -o "$out/$name" "$here/$name.c"
done

mount -t tmpfs run /run
root=/run/root media=/run/media
mkdir -p $root/{bin,dev,proc,mnt} $media /run/many
cp "$out/tables" $root/bin/tables
mount -t tmpfs media $media
mount --make-shared $media
mkdir $media/cd
"$out/many" /run/many "$mounts"

for ((i = 0; i < boxes; i++)); do
	"$hutch" run --name=box$i root=$root "bind=$media /mnt slave" -- /bin/tables &
	# a few at a time: they are not what is measured
	until ((i % 8)) || [ -e /run/hutch/box$i.box ]; do sleep 0.02; done
done
until [ "$(find /run/hutch -name '*.box' | wc -l)" -eq "$boxes" ]; do sleep 0.05; done

mapfile -t pids < <(sed -n 's/^pid=//p' /run/hutch/*.box)
lines=$(cd /proc && cat self/mountinfo "${pids[@]/%//mountinfo}" | wc -l)
seen=$("$hutch" why $media/cd | grep -c ' /mnt/cd$') || true
[ "$seen" -eq "$boxes" ] || { echo "why: $seen of $boxes sandboxes see the mount" >&2; exit 1; }
{
	printf 'tables\t%s self %s\n' "$out/tables" "${pids[*]}"
	printf 'why\t%s why %s\n' "$hutch" $media/cd
	printf 'umount\t%s why --umount %s\n' "$hutch" $media
	printf 'graph\t%s graph\n' "$hutch"
} >"$out/why.list"
env -i PATH="$PATH" ${CPU:+taskset -c "$CPU"} "$out/bench" -f -s -n "${ROUNDS:-100}" -w 5 -r tables -o "$out/why.json" \
	"$out/why.list" >"$out/why.table"
echo
awk -v mounts="$mounts" -v boxes="$boxes" -v lines="$lines" '
NR > 1 { label[++n] = $1; median[$1] = $2; p10[$1] = $3 }
END {
	printf "%d mounts on the host, %d sandboxes, %d lines of mountinfo\n", mounts, boxes, lines
	printf "  %-12s %10s %10s %8s %8s\n", "", "median/ms", "p10/ms", "/tables", "at p10"
	for (i = 1; i <= n; i++) {
		l = label[i]
		printf "  %-12s %10.3f %10.3f %8.2f %8.2f\n", l, median[l], p10[l],
		    median[l] / median["tables"], p10[l] / p10["tables"]
	}
	printf "  hutch why takes %.2f times as long as reading the tables, at most 1.50: %s\n",
	    median["why"] / median["tables"], median["why"] / median["tables"] <= 1.5 ? "met" : "missed"
}' "$out/why.table"
