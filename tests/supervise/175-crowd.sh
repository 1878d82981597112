#!/bin/bash
# One signal stands for as many ends as there were meanwhile, and names one of them: the others are found, too.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

is() {	# STATE PID...: of each of these processes
	local pid
	for pid in "${@:2}"; do
		[[ "$(sed 's/.*) //' "/proc/$pid/stat" 2>&1)" == "$1 "* ]] || return
	done
}
pids() {
	"$H" status --json | grep -o '"pid":[0-9]*' | sed 's/.*://'
}
running() {	# NUMBER RESTARTS
	[ "$("$H" status --json | grep -c '"state":"up".*"restarts":'"$2"'[,}]')" = "$1" ]
}

# In how many turns those ends were heard of that came last: what is found in one has the time of one.
turns() {
	grep 'ended by signal 9' "$T/followed" | tail -n "$1" | sed 's/.*time=\([0-9.]*\).*/\1/' | sort -u | wc -l
}

followed() {
	[ "$(grep -c 'ended by signal 9' "$T/followed")" = "$1" ]
}

# NUMBER RESTARTS: so many services die while the supervisor sees nothing.
die_unseen() {
	local dead
	mapfile -t dead < <(pids)
	same "processes" "${#dead[@]}" "$1"
	kill -STOP "$sup"
	until_true is T "$sup"
	kill -KILL "${dead[@]}"
	until_true is Z "${dead[@]}"
	kill -CONT "$sup"
	until_true 10 running "$1" "$2"
}

# NUMBER KEY...: so many die so thrice; the last time they have been started without a launcher.
die_thrice() {
	local i
	clean
	for ((i = 0; i < $1; i++)); do
		printf '%s\n' "${@:2}" "restart-delay=0 0" stop-timeout=1s >"$D/s$i.conf"
	done
	up
	until_true running "$1" 0
	"$H" events -f >"$T/followed" &
	follower=$!
	until_true test -s "$T/followed"
	die_unseen "$1" 1 && die_unseen "$1" 2 && die_unseen "$1" 3 && until_true followed $((3 * $1))
	{
		kill $follower
		wait $follower
	} 2>/dev/null
}
# By their names.
# shellcheck disable=SC2034
boxed=("root=$R" init=no dev=none mask=none "exec=/bin/probe forever -")
# shellcheck disable=SC2034
bare=(ns=none init=no "exec=$T/probe forever -")

claim "a few services that died under one signal are all started again, in the turn that hears of it"
for kind in boxed bare; do
	declare -n keys=$kind
	die_thrice 9 "${keys[@]}"
	same "turns for $kind ones" "$(turns 9)" 1
	down
done

claim "so is one whose signal is that of another, who has been found already"
clean
for name in a b c; do
	printf '%s\n' "${boxed[@]}" "restart-delay=0 0" >"$D/$name.conf"
done
up
# From the third start on nobody else dies.
for i in 0 1; do
	until_true running 3 $i
	mapfile -t dead < <(pids)
	kill -KILL "${dead[@]}"
done
until_true running 3 2
kill_one() {
	echo "kill -KILL $1 && until grep -q '^State:.Z' /proc/$1/status; do :; done"
}
mapfile -t dead < <(pids)
expect "$T/probe" hold "$sup" "$(kill_one "${dead[0]}")" wait "$(kill_one "${dead[1]}")" poll "$(kill_one "${dead[2]}")"
until_true running 3 3
down

# More than CROWD in loop.c, whose look for the others is later, but never far.
claim "those of a crowd, of whom only one is named, are found soon after that one"
for kind in boxed bare; do
	declare -n keys=$kind
	die_thrice 80 "${keys[@]}"
	within "turns for $kind ones" "$(turns 80)" 2 3
	down
done
