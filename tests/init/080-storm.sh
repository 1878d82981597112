#!/bin/bash
# Orphans in masses, and signals at every moment.
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
cp "$OUT/storm" "$M/bin/storm"

# Others use the machine too: one good round of some is enough, a backlog would be in each.
storm() {	# GENERATORS ORPHANS
	local i generators=() most cpu
	"$OUT/storm" watch "$pid" <"$T/until" >"$T/watched" &
	watcher=$!
	exec {stop}>"$T/until"
	for ((i = 0; i < $1; i++)); do
		"${asker[@]}" /bin/storm orphans "$2" &
		generators+=($!)
	done
	wait "${generators[@]}"
	echo >&"$stop"
	wait "$watcher"
	exec {stop}>&-
	read -r most cpu <"$T/watched"
	zombies=$((most - 1)) each=$((cpu * 10 / ($1 * $2)))	# one is the service
}

# What one costs is the machine's mood: some 7 us where nobody else is, four times that where all processors are
# busy. A turn of the loop for each, or a look at all services, would be far above.
claim "10,000 orphans: fewer than 64 zombies at any time, and none costs more than 40 us of CPU"
mkfifo "$T/until"
service one "exec=$P stamp one forever 0"
boot_up
await one up
for ((round = 0; round < 5; round++)); do
	storm 2 5000
	[ "$zombies" -ge 64 ] || [ "$each" -gt 400 ] || break
done
within "zombies" "$zombies" 0 63
within "tenths of a microsecond" "$each" 0 400
alone() { [ "$(wc -w <"/proc/$pid/task/$pid/children")" -eq 1 ]; }
until_true alone	# the last ones may have died just now

claim "in such a storm it answers, and a service that dies is back"
"${asker[@]}" /bin/storm orphans 20000 &
generator=$!
lively_init
first=$(get one pid)
nsenter -t "$pid" -p bash -c "kill -KILL $first"
until_true 2 stamped one 2
await one up
kill "$generator" 2>/dev/null
wait "$generator" 2>/dev/null
off

ends() {	# whether the signal ends a machine, and how
	case $1 in
	10) echo "signal 2" ;;
	12 | 30) echo "signal 2" ;;
	2 | 15) echo "signal 1" ;;
	esac
}
# A burst of one signal over some milliseconds.
burst() {
	local i
	for ((i = 0; i < 20; i++)); do
		kill -"$1" "$pid" 2>/dev/null || return 0
		# A second crash soon after the first has a meaning of its own.
		case $1 in 4 | 5 | 6 | 7 | 8 | 11 | 31) return ;; esac
		nap 0.001
	done
}
claim "every signal over the whole boot: it comes up, or ends as this one says"
for ((number = 1; number < 65; number++)); do
	case $number in 9 | 19 | 32 | 33) continue ;; esac	# from outside those two end and stop anybody; libc's own
	boot
	# As soon as it is init: before that, the harness is deaf.
	until [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == /init* ]]; do :; done
	burst "$number"
	if [ -n "$(ends "$number")" ]; then
		ended_as "$(ends "$number")"
		continue
	fi
	stamped_by '^one' 1 || note "signal $number"
	lives || note "signal $number: $(cat "$E/end")"
	off
done

claim "every signal over the whole end: it ends, as it was told to last"
service one "exec=$P ignore 15 stamp one forever 0" stop-timeout=100ms
for ((number = 1; number < 65; number++)); do
	case $number in 9 | 19 | 32 | 33) continue ;; esac
	boot
	stamped_by '^one' 1
	kill -TERM "$pid"
	on_console "ends: reboot"	# two that wait together are heard by their numbers
	burst "$number"
	want=$(ends "$number")
	before=$claim_notes
	ended_as "${want:-signal 1}"
	[ "$claim_notes" = "$before" ] || note "which was signal $number"
done
