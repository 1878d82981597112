#!/bin/bash
#
# why.sh - part of run.sh: how long hutch why takes next to merely reading the same mount
# tables, on a host with many mounts, and with sandboxes that receive from one of them.
#
#	why.sh OUT HUTCH MOUNTS BOXES ROUNDS
#
# In a PID namespace of its own, so that only these sandboxes are looked at.

set -euo pipefail

if [ "${WHY_INSIDE-}" != yes ]; then
	WHY_INSIDE=yes exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash "${BASH_SOURCE[0]}" "$@"
fi
out=$1 hutch=$2 mounts=$3 boxes=$4 rounds=$5

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
	printf 'why tables ms\trun\t-\t%s self %s\n' "$out/tables" "${pids[*]}"
	printf 'why why ms\trun\t-\t%s why %s\n' "$hutch" $media/cd
	printf 'why umount ms\trun\t-\t%s why --umount %s\n' "$hutch" $media
	printf 'why graph ms\trun\t-\t%s graph\n' "$hutch"
} >"$out/list"
env -i PATH="$PATH" ${CPU:+taskset -c "$CPU"} "$out/bench" -f -n "$rounds" -w 5 "$out/list" >>"$ANSWERS"
cat >>"$LAYOUT" <<-END
	row why hutch why beside merely reading the tables: $mounts mounts on the host, $boxes sandboxes, $lines lines of mountinfo
	subjects why tables why umount graph
	column why median/ms ms median
	column why p10/ms ms p10
	over why tables
	asked why why ms why tables ms <= 1.5 hutch why, to reading the tables
END
