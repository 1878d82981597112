#!/bin/bash
# A thousand services: what one of them costs, whoever else is there.
#
# FIGURES=1 prints all that was measured.
# shellcheck disable=SC2154
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

few=10 many=1000

# NUMBER services that cost next to nothing.
services() {
	local i
	clean
	for ((i = 0; i < $1; i++)); do
		printf '%s\n' ns=none "exec=$T/probe forever 0" "restart-delay=10ms 10ms" stop-timeout=1s >"$D/s$i.conf"
	done
}
all_up() {
	[ "$("$H" status --json | grep -o '"state":"up"' | wc -l)" = "$1" ]
}

# Instructions of the supervisor while somebody asks for something.
steps() {
	"$T/probe" steps "$sup" "$@" >"$T/steps" 2>"$T/steps.err" || note "steps of $*: $(cat "$T/steps.err")"
	tail -n 1 "$T/steps"
}
# In how many turns the supervisor hears what happens is not its own choice: the least of some.
least() {	# WHAT-NUMBER COMMAND...
	local n
	n=$(steps "${@:2}")
	[ "${got[$1]:-$n}" -lt "$n" ] || got[$1]=$n
}
restarted() {
	[ "$(get s7 restarts) $(get s7 state)" = "$1 up" ]
}
memory() {	# of the supervisor: its own, what it shares with launches, and the kernel's for its mappings; KiB
	awk '/^(VmRSS|VmPTE)/ { n += $2 } END { print n }' "/proc/$sup/status"
}

# figures NUMBER: with so many services, in the array $got.
measure() {
	local i before
	services "$1"
	up
	tell wait s9 up 60s
	tell wait "s$(($1 > 999 ? 999 : 9))" up 60s
	until_true 60 all_up "$1" || return
	memory[$1]=$(memory)
	fds[$1]=$(find "/proc/$sup/fd" -mindepth 1 | wc -l)
	maps[$1]=$(wc -l <"/proc/$sup/maps")
	# What is done once, for its later starts, is behind it then.
	for i in 1 2 3; do
		kill -KILL "$(get s7 pid)"
		until_true restarted "$i"
	done
	got[restart-$1]=$(steps kill -KILL "$(get s7 pid)")
	same "restarts with $1" "$(get s7 restarts) $(get s7 state)" "4 up"
	for i in 1 2 3; do
		least "status-$1" "$H" status s7
		least "stop-$1" "$H" stop s7
		same "stopped with $1" "$(get s7 state)" down
		least "start-$1" "$H" start s7
		same "started with $1" "$(get s7 state)" up
	done
	before=$SECONDS
	down
	within "seconds for the end of $1" $((SECONDS - before)) 0 10
	[ -z "${FIGURES:-}" ] || printf '# %s\n' "$1: ${memory[$1]} KiB, ${fds[$1]} descriptors, ${maps[$1]} mappings" \
		"$(for i in restart status stop start; do echo -n "$i ${got[$i-$1]} "; done)"
}
declare -A got
memory=() fds=() maps=()

claim "a restart, a stop, a start and a status take the supervisor as many instructions with 1000 services as with ten"
measure $few
measure $many
for what in restart status stop start; do
	# Chains of a hash are a little longer; the events' ring has turned over; it may be a turn more.
	within "$what, in instructions" "${got[$what-$many]:-none}" 100 $((${got[$what-$few]:-0} * 11 / 10 + 2000))
done

claim "each of them costs 2 KiB of its memory at most, the two descriptors of its output, and no mapping"
[ -n "${fds[many]}" ] || note "there are no figures"
within "bytes for each" $(((memory[many] - memory[few]) * 1024 / (many - few))) 0 2048
same "descriptors for all" $((fds[many] - fds[few])) $((2 * (many - few)))
within "more mappings" $((maps[many] - maps[few])) -32 32
