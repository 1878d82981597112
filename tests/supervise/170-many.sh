#!/bin/bash
# A thousand services: what one of them costs, whoever else is there.
#
# FIGURES=1 prints all that was measured.
# shellcheck disable=SC2154
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# Where there is a crowd (loop.c), a death costs a turn more: from there on it is the same for any number.
few=10 crowd=100 many=1000

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
# What NUMBER of them may take: those turns; then a turn at most, for chains of a hash are a little longer.
most() {	# WHAT NUMBER
	case $2 in
	"$few") echo 100000 ;;
	"$crowd") echo $((${got[$1-$few]:-0} * 11 / 10 + 500)) ;;
	*) echo $((${got[$1-$crowd]:-0} + 400)) ;;
	esac
}
enough() {	# ROUND NUMBER WHAT...: two rounds, and more of them as long as it seems too much
	local what
	[ "$1" -gt 2 ] || return
	for what in "${@:3}"; do
		[ "$1" -gt 6 ] || [ "${got[$what-$2]}" -le "$(most "$what" "$2")" ] || return
	done
}
restarted() {
	[ "$(get s7 restarts) $(get s7 state)" = "$1 up" ]
}
memory() {	# of the supervisor: its own, what it shares with launches, and the kernel's for its mappings; KiB
	awk '/^(VmRSS|VmPTE)/ { n += $2 } END { print n }' "/proc/$sup/status"
}

# figures NUMBER: with so many services, in the array $got.
measure() {
	local i before died
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
	for ((i = 1, died = 4; ; i++, died++)); do
		! enough "$i" "$1" restart || break
		least "restart-$1" kill -KILL "$(get s7 pid)"
		same "restarts with $1" "$(get s7 restarts) $(get s7 state)" "$died up"
	done
	for ((i = 1; ; i++)); do
		! enough "$i" "$1" status stop start || break
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
for number in $few $crowd $many; do
	measure "$number"
	for what in restart status stop start; do
		within "$what with $number, in instructions" "${got[$what-$number]:-none}" 100 "$(most "$what" "$number")"
	done
done

claim "each of them costs 2 KiB of its memory at most, the two descriptors of its output, and no mapping"
[ -n "${fds[many]}" ] || note "there are no figures"
within "bytes for each" $(((memory[many] - memory[few]) * 1024 / (many - few))) 0 2048
same "descriptors for all" $((fds[many] - fds[few])) $((2 * (many - few)))
within "more mappings" $((maps[many] - maps[few])) -32 32
