# What every topic about the supervisor stands on; sourced. The host of its own, the
# claims and the comparisons are those of ../claims/lib.sh; here are the supervisor, its
# profiles and the waiting.
#
#   service NAME KEY=VALUE...   writes a profile; PROBE WORDS is its payload if exec= is not there
#   up                          a supervisor over all of them, with $options; `down` ends it, `murder_it` kills it
#   ask VERB...                 a command: $text, $status
#   get NAME FIELD              a field of its status
#   await NAME STATE [SECONDS]  waits for the state
#   until_true [SECONDS] CMD    waits for whatever
#   stamps PATTERN              how many lines of the payloads' notes match
#
# shellcheck shell=bash disable=SC2034,SC2119,SC2120
# shellcheck source=SCRIPTDIR/../claims/lib.sh
. "${BASH_SOURCE[0]%/*}/../claims/lib.sh"

D=$T/services S=$T/data C=/run/hutch/control
mkdir -p "$D" "$S"
chmod 1777 "$S"
mkfifo "$T/never"
exec {never}<>"$T/never"

# Without a process: claims wait a lot.
nap() {
	read -r -t "${1:-0.02}" -u "$never" || :
}

service() {
	local name=$1
	shift
	{
		printf '%s\n' "root=$R" "bind=$S /data rw" 'stop-timeout=1s'
		printf '%s\n' "$@"
	} | awk -F= '$1 == "stop-timeout" || $1 == "root" { last[$1] = $0; next } { print } END { for (k in last) print last[k] }' \
		>"$D/$name.conf"
}

clean() {
	rm -rf "$D" "${S:?}"/*
	mkdir "$D"
}

up() {
	local hear
	rm -f "$T/notify"
	: >"$S/stamps"
	chmod 666 "$S/stamps"
	"$T/probe" hear "$T/notify" >"$T/heard" &
	hear=$!
	until [ -S "$T/notify" ]; do nap; done
	NOTIFY_SOCKET=$T/notify "${launcher[@]}" "$H" supervise "${options[@]}" "${paths[@]:-$D}" </dev/null \
		>"$T/said.out" 2>"$T/said.err" &
	hutch_pid[supervisor]=$!
	sup=$!
	wait -n "$hear" "$sup"
	if [ "$(cat "$T/heard")" != READY=1 ]; then
		note "the supervisor did not come up: $(cat "$T/heard" "$T/said.err" | tail -n 5)"
		kill "$hear" 2>/dev/null
		return 1
	fi
}
paths=() options=()
asker=()	# what runs `hutch` where the supervisor would not listen otherwise

# It has ended by itself or was told to: $status.
ended() {
	local i
	for ((i = 0; i < 500; i++)); do
		kill -0 "$sup" 2>/dev/null || break
		nap
	done
	if kill -0 "$sup" 2>/dev/null; then
		note "the supervisor did not end: $("$H" status 2>&1)"
		kill -KILL "$sup"
	fi
	wait "$sup"
	status=$?
	unset 'hutch_pid[supervisor]'
}

down() {
	kill -TERM "$sup" 2>/dev/null
	ended
}

murder_it() {
	{
		kill -KILL "$sup"
		wait "$sup"
	} 2>/dev/null
	unset 'hutch_pid[supervisor]'
}

ask() {
	text=$(timeout -k 1 15 "${asker[@]}" "$H" "$@" 2>&1)
	status=$?
}

# A command that has to succeed.
tell() {
	ask "$@"
	same "$*" "$status $text" "0 "
}

get() {
	local line
	line=$("${asker[@]}" "$H" status --json "$1" 2>/dev/null)
	if [[ $line =~ \"$2\":(\"([^\"]*)\"|([^,}]*)) ]]; then
		echo "${BASH_REMATCH[2]:-${BASH_REMATCH[3]}}"
	fi
}

# shellcheck disable=SC2053
await() {
	local got until=$((SECONDS + ${3:-5}))
	while got=$(get "$1" state); [[ $got != $2 ]]; do
		if [ $SECONDS -gt $until ]; then
			note "$1 is '$got' and not $2: $("${asker[@]}" "$H" status "$1" 2>&1 | tail -n 1)"
			return 1
		fi
		nap
	done
}

until_true() {
	local seconds=5 until
	[[ $1 == [0-9]* ]] && seconds=$1 && shift
	until=$((SECONDS + seconds))
	while ! "$@" >/dev/null 2>&1; do
		if [ $SECONDS -gt $until ]; then
			note "did not come true: $*"
			return 1
		fi
		nap
	done
}

stamps() {
	grep -c -e "$1" "$S/stamps" || :
}
stamped() {
	[ "$(stamps "$1")" -ge "${2:-1}" ]
}
stamped_by() {	# at least so many within some seconds
	until_true "${3:-5}" stamped "$1" "$2"
}

# Milliseconds between the stamps that match, in a row.
gaps() {
	awk -v p="$1" '$0 ~ p { if (last) printf "%s%d", (n++ ? " " : ""), $NF - last; last = $NF } END { print "" }' "$S/stamps"
}

# Milliseconds from the first stamp of one kind to the first of another.
between() {
	awk -v a="$1" -v b="$2" '!s && $0 ~ a { s = $NF } !e && $0 ~ b { e = $NF } END { print s && e ? e - s : "none" }' "$S/stamps"
}

within() {	# WHAT NUMBER LEAST MOST
	[[ $2 =~ ^-?[0-9]+$ && $2 -ge $3 && $2 -le $4 ]] || note "$1: $2 is not in $3..$4"
}

# How long a command takes: $took, in ms.
timed() {
	took=$("$T/probe" time "$@" 2>"$T/timed")
	status=$?
	text=$(cat "$T/timed")
}

# Ten questions in a row are answered within 100 ms each. Others may use the machine: one such
# row is enough, and what blocks the supervisor itself would be in each of them.
lively() {
	local i worst
	for i in 1 2 3 4 5 6 7 8; do
		worst=$("$T/probe" pace $C 10 2>&1)
		[[ $worst =~ ^[0-9]+$ && $worst -le 100 ]] && return
	done
	note "worst reply in ms: $worst"
}

# Events as lines, for comparisons.
events() {
	"$H" events 2>&1
}

# The socket stays only while a supervisor runs.
registered() {
	find /run/hutch -mindepth 1 2>/dev/null
}

mark
