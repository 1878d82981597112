#!/bin/bash
# Boots hutch as PID 1 of virtual machines, two at a time, and prints what they show, as TAP.
#
#   tests/vm/run.sh OUT HUTCH [KERNEL...] [TOPIC...]     KERNEL is a row of the table `kernels`,
#     or all of them, TOPIC a script of this folder
#
# OUT/.. is the build folder. A script says on which kernels it runs in its line `# on: ERE`; without one, on all.
# Needs no root, but the packages of `deps`. Kernels are fetched into a cache.
set -u
here=$(realpath "$(dirname "$0")")
die() { echo "vm: $*" >&2; exit 1; }
# shellcheck source=SCRIPTDIR/table.sh
. "$here/table.sh"
[ $# -ge 2 ] || die "usage: run.sh OUT HUTCH [KERNEL...] [TOPIC...]"
mkdir -p "$1"
OUT=$(realpath "$1") HUTCH=$(realpath "$2")
export OUT HUTCH
shift 2

kernels=() topics=()
for word; do
	case $word in
	all) mapfile -t -O ${#kernels[@]} kernels < <(kernel_names .) ;;
	*.sh) topics+=("$(realpath "$word")") ;;
	*) kernels+=("$word") ;;
	esac
done
[ ${#kernels[@]} -gt 0 ] || mapfile -t kernels < <(kernel_names test)
[ ${#topics[@]} -gt 0 ] || topics=("$here"/[0-9]*.sh)

skipped=()
skip() {
	echo "ok - vm on $1 # SKIP $2"
	skipped+=("$1")
}

# What all boots of a kernel have in common. Where one is not to be had, the others are booted all the same.
for kernel in "${kernels[@]}"; do
	kernel_row "$kernel"
	command -v "${qemu%% *}" >/dev/null || { skip "$kernel" "no ${qemu%% *}: its Debian package is in tests/vm/deps"; continue; }
	text=$("$here/fetch.sh" "$kernel" 2>&1) || { skip "$kernel" "${text##*$'\n'}"; continue; }
	arch_build "$OUT/.." "$arch" || exit 1
	from=$(arch_folder "$OUT/.." "$arch") program=$HUTCH
	[ "$from" = "$OUT/.." ] || program=$from/hutch
	mkdir -p "$OUT/$kernel"
	"$here/../../rootfs/initramfs.sh" "$OUT/$kernel/add.cpio" /bin/hutch="$program" '/init=->bin/hutch' \
		/bin/probe="$from/claims/probe" /.hutch-initramfs=/dev/null || exit 1
	{ gzip -dc "$from/rootfs/rootfs.cpio.gz" && cat "$OUT/$kernel/add.cpio"; } >"$OUT/$kernel/base.cpio" || exit 1
done

[ ${#skipped[@]} -lt ${#kernels[@]} ] || die "not one kernel to boot"

# shellcheck disable=SC2317 # called by xargs
one() {
	local name=${2##*/} status tap
	name=${name%.sh}
	export KERNEL=$1
	tap=$OUT/$1/$name.tap
	timeout -k 5 "${VM_TIME:-900}" bash "$2" >"$tap" 2>"$tap.err" </dev/null
	status=$?
	# A claim says what is wrong by itself: anything else is a fault of its script.
	[ ! -s "$tap.err" ] || {
		echo "not ok - ${name%%-*} on $1: $name wrote errors"
		sed 's/^/# /' "$tap.err"
	} >>"$tap"
	grep -q '^\(not \)\?ok ' "$tap" || echo "not ok - ${name%%-*} on $1: $name printed no result" >>"$tap"
	[ "$status" -eq 0 ] || echo "not ok - ${name%%-*} on $1: $name ended with status $status" >>"$tap"
}
export -f one

jobs=()
for topic in "${topics[@]}"; do
	on=$(sed -n 's/^# on: //p' "$topic")
	for kernel in "${kernels[@]}"; do
		[[ " ${skipped[*]} " != *" $kernel "* ]] || continue
		! grep -qxE "${on:-.*}" <<<"$kernel" || jobs+=("$kernel" "$topic")
	done
done
# shellcheck disable=SC2016
printf '%s\0' "${jobs[@]}" | xargs -0 -n 2 -P 2 bash -c 'one "$0" "$1"'

failed=0
for ((i = 0; i < ${#jobs[@]}; i += 2)); do
	tap=${jobs[i + 1]##*/} tap=$OUT/${jobs[i]}/${tap%.sh}.tap
	cat "$tap"
	! grep -q '^not ok ' "$tap" || failed=1
done
exit "$failed"
