#!/bin/bash
# How soon the first service runs, and what PID 1 takes of the machine's memory.
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

# Whatever else runs here is not to be measured.
! chrt -f 1 true 2>/dev/null || in_front=(chrt -f 1)
cp "$T/machine.bin" "$M/bin/stamp"

# Microseconds from the moment before PID 1 was executed to the first line of the service: the best
# of some boots, for others use this machine too. FIGURES=1 prints all.
first_service() {
	local i all=()
	for ((i = 0; i < ${1:-12}; i++)); do
		rm -f "$M/data/ran"
		boot
		until_true has_run || break
		all+=($((($(cat "$M/data/ran") - $(cat "$E/start")) / 1000)))
		off
	done
	[ -z "${FIGURES:-}" ] || echo "# us: $(printf '%s\n' "${all[@]}" | sort -n | tr '\n' ' ')"
	best=$(printf '%s\n' "${all[@]}" | sort -n | head -n 1)
}
has_run() { [ -s "$M/data/ran" ]; }

claim "the first service runs within 1 ms, bare"
printf '%s\n' ns=none user=0 "exec=/bin/stamp stamp /data/ran" >"$D/one.conf"
first_service
within "us until it ran" "$best" 1 1000

claim "and within 2 ms in a sandbox"
service one "exec=/bin/stamp stamp /data/ran"
first_service
within "us until it ran" "$best" 1 2000

claim "with three services hutch takes at most 200 KiB"
service two "exec=/bin/probe forever 0"
service three "exec=/bin/probe forever 0"
boot_up
await three up
await two up
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
small() { [ "$(rss)" -le 200 ]; }
until_true small
[ -z "${FIGURES:-}" ] || grep -E '^(VmRSS|Rss)' "/proc/$pid/status" | sed 's/^/# /'
within "RSS in KiB" "$(rss)" 1 200
off
