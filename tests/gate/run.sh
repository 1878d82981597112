#!/bin/bash
# The gate: what launches cost in instructions, next to floors written by hand, and what they may cost.
#
#   tests/gate/run.sh OUT HUTCH [KERNEL...]     KERNEL is a row of ../vm/kernels, 6.1 without one
#
# OUT/.. is where `make gate-tools` has built; OUT/KERNEL.figures are the figures. What they may be is in ../bench/budget:
# ratios by kernel, counts by the versions of all that has a say in them.
# UPDATE=1 records instead of judging. BOOTS=5 boots so often, and wants the same figures from each, within 0.5 %.
# ROWS=ERE does only these rows, such as '[^u].*', which leaves out what takes longest.
# Needs no root, but the packages of ../vm/deps.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
# shellcheck source=SCRIPTDIR/../vm/table.sh
. "$here/../vm/table.sh"
[ $# -ge 2 ] || die "usage: run.sh OUT HUTCH [KERNEL...]"
out=$(realpath "$1") hutch=$(realpath "$2") built=$(realpath "$1/..")
shift 2
[ $# -gt 0 ] || set -- 6.1
failed=0

# ---- the machine ---------------------------------------------------------------

# todo KERNEL: the rows, as guest.c wants them
todo() {
	local at kind row where on command
	echo "rounds 5"
	for at in 28 308 1308; do
		echo "mounts $at"
		while read -r kind row where on _ command; do
			[[ ,$where, == *,$at,* && $row =~ ^(${ROWS:-.*}|-)$ && $on =~ ^(-|$1)$ ]] || continue
			[ "$row" != - ] || row=
			[ "$kind" != worth ] || kind=launch
			echo "$kind $row $command"
		done < <(grep -v '^#' "$here/rows")
	done
}

# Without what a boot does for itself, nothing of the kernel's own comes between. Randomness is noise, too.
quiet="quiet loglevel=0 norandmaps nokaslr mitigations=off nosmp clocksource=tsc tsc=reliable"

# prepare KERNEL
prepare() {
	local word files=()
	mkdir -p "$out/svc" "$out/all"
	launch_profile /bin/noop >"$out/launch.conf"
	{ cat "$out/launch.conf"; echo template=keep; } >"$out/kept.conf"
	{
		launch_profile /stamp/run
		echo 'restart-delay=0 0'
	} >"$out/svc/stamp.conf"
	sed "s,@ROOT@,/box,; s,@EXEC@,/stamp/run,; \$ a restart-delay=0 0" "$bench/defaults.conf" >"$out/all/stamp.conf"
	todo "$1" >"$out/todo"
	for word in bench/noop bench/floor gate/steps gate/slower fault/enosys; do
		files+=("/bin/${word#*/}=$built/$word")
	done
	"$here/../../rootfs/initramfs.sh" "$out/initrd" /init="$built/gate/guest" /gate="$out/todo" "${files[@]}" /bin/hutch="$hutch" \
		/launch.conf="$out/launch.conf" /kept.conf="$out/kept.conf" /svc="$out/svc" /all="$out/all" \
		/box/bin/noop="$built/bench/noop" /box/stamp/run="$built/bench/stamp"
}

# boot LOG
boot() {
	kernel_machine "$out/initrd" "panic=-1 $quiet"
	machine+=(-icount "shift=0,sleep=off" -rtc "clock=vm,base=2026-01-01" -serial stdio)
	timeout -k 5 "${GATE_TIME:-400}" "${machine[@]}" </dev/null 2>&1 | tr -d '\r\033' >"$1" || :
}

# minima LOG: "ROW.MOUNTS LEAST", in instructions
minima() {
	awk '/^gate end/ { end = 1 }
		/^gate [a-z0-9-]+ [0-9]+ / { m = $4; for (i = 5; i <= NF; i++) m = $i < m ? $i : m; print $2 "." $3, m }
		END { exit !end }' "$1"
}

# figures MINIMA: as the budget has them
figures() {
	awk -v series="linux-$name" -v versions="$compiler,qemu-$qemu_version,$linux" -v user="$compiler,$linux" '
		NR == FNR { if (!/^#/ && NF) { floor[$2] = $5; kind[$2] = $1 } next }
		{ count[$1] = $2; order[++n] = $1 }
		END {
			for (i = 1; i <= n; i++) {
				split(order[i], part, ".")
				row = part[1]; at = part[2]
				if (kind[row] == "ask")
					printf "user %s %s %d\n", user, row, count[order[i]]
				else if (kind[row] == "worth")
					printf "worth %s %s %d\n", versions, order[i], count[order[i]] - count[floor[row] "." at]
				else if (floor[row] != "-")
					printf "ratio %s %s %.4f\n", series, order[i], count[order[i]] / count[floor[row] "." at]
				if (floor[row] != "-" && kind[row] != "worth")
					printf "total %s %s %d\n", versions, order[i], count[order[i]]
			}
		}' "$here/rows" "$1"
}

# ---- what is judged ------------------------------------------------------------

# The gate has to notice a hutch that does 5 % more than the same one otherwise, and to leave one alone that does 1 % more.
judge_gate() {
	local row want
	for row in 1 5; do
		want=$([ $row = 1 ] && echo ok || echo 'not ok')
		sed -n 's/^\(ratio .*\) slower-0\.28 /\1 run /p' "$1" >"$out/self.budget"
		sed -n "s/^\(ratio .*\) slower-$row\.28 /\1 run /p" "$1" |
			awk -v what=self -f "$here/judge.awk" "$out/self.budget" - >"$out/self.tap"
		if grep -q "^$want - self" "$out/self.tap"; then
			echo "ok - gate: $row % more work is $want"
		else
			printf 'not ok - gate: %s %% more work is not "%s"\n# %s\n' "$row" "$want" "$(cat "$out/self.tap")"
		fi
	done
}

# same_twice FIRST OTHER: what differs by more than 0.5 %
same_twice() {
	awk -v kernel="$name" 'NR == FNR { first[$1] = $2; next }
		{ d = ($2 / first[$1] - 1) * 100; if (d < 0) d = -d; if (d > worst) { worst = d; row = $1 } }
		END { printf "%s - gate on %s: two boots differ by %.2f %% at most, in %s\n", (worst > 0.5) ? "not ok" : "ok", kernel, worst, row }' "$@"
}

one() {
	local i log=$out/$name.log text
	for ((i = 1; i <= ${BOOTS:-1}; i++)); do
		boot "$log"
		if ! minima "$log" >"$out/$name.minima"; then
			echo "not ok - gate on $name: the boot did not come to its end"
			tail -n 12 "$log" | tr -cd '\11\12\40-\176' | sed 's/^/# /'
			return
		fi
		if [ "$i" -gt 1 ]; then
			same_twice "$out/$name.first" "$out/$name.minima"
		else
			cp "$out/$name.minima" "$out/$name.first"
		fi
	done
	qemu_version=$("${qemu%% *}" --version | sed -n 's/.* version \([0-9.]*\).*/\1/p')
	linux=$(sed -n 's/^gate kernel \([^ ]*\) .*Debian \([^ ]*\).*/linux-\2/p' "$log")
	figures "$out/$name.minima" >"$out/$name.all"
	grep -v ' slower-' "$out/$name.all" >"$out/$name.figures"
	awk '{ print "# least of " $1 ": " $2 }' "$out/$name.minima"
	! grep -q ' slower-' "$out/$name.all" || judge_gate "$out/$name.all"
	judge "gate on $name" "$out/$name.figures"
}

for kernel; do
	kernel_row "$kernel"
	[ "$arch" = "$(uname -m)" ] || { echo "ok - gate on $kernel # SKIP its machine is $arch, and the programs are built for this one"; continue; }
	command -v "${qemu%% *}" >/dev/null || { echo "ok - gate on $kernel # SKIP no ${qemu%% *}: its Debian package is in tests/vm/deps"; continue; }
	text=$("$here/../vm/fetch.sh" "$kernel" 2>&1) || { echo "ok - gate on $kernel # SKIP ${text##*$'\n'}"; continue; }
	prepare "$kernel"
	one | tee "$out/$name.tap"
	! grep -q '^not ok ' "$out/$name.tap" || failed=1
done
exit $failed
