#!/bin/bash
# The supervisor crashes, and goes on.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

"$T/probe" lo
sequence() {
	awk 'NR == 1 { last = $1 - 1 } $1 != last + 1 { gaps++ } { last = $1 } END { print (NR > 300 ? "many" : NR), gaps + 0 }' "$1"
}
fds() {
	find "/proc/$sup/fd" -mindepth 1 2>/dev/null | wc -l
}
resumed() {	# by which signal
	events | grep -q "resumed after crash 1, by signal $1\""
}
pids() {
	local name
	for name in quiet count net watched; do get $name pid; done
}
load() {
	clean
	rm -f "$T/enough" "$T/count.log"
	service quiet "exec=/bin/probe say before forever -"
	service count "exec=/bin/probe count 5" "log=file $T/count.log" log-size=1m
	service net "exec=/bin/probe serve 0" "listen=tcp 127.0.0.1:7001"
	service watched "exec=/bin/probe notify READY=1 beat 100" ready=notify watchdog=3s
	service brief "exec=/bin/probe sleep 20 exit 1" "restart-delay=30ms 60ms" "restart-limit=1000 1s"
	up
	for name in quiet count net watched; do await $name up; done
	pids=$(pids) fds=$(fds)
	"$H" logs -f count >"$T/followed" 2>"$T/followed.err" &
	follower=$!
	"$T/probe" hammer 7001 "$T/enough" >"$T/hammered" &
	hammer=$!
	until_true test -s "$T/followed"
}
unload() {	# all is as it was
	same "pids" "$(pids)" "$pids"
	same "said before" "$("$H" logs quiet)" before
	same "restarts" "$(for name in quiet count net watched; do get $name restarts; done | tr '\n' ' ')" "0 0 0 0 "
	before=$(get brief restarts)
	more_launches() { [ "$(get brief restarts)" -gt "$((before + 2))" ]; }
	until_true more_launches
	: >"$T/enough"
	wait "$hammer"
	like "connections" "$(cat "$T/hammered")" "[0-9]*[0-9] answered, 0 not"
	tell stop count
	tell wait count down 5s
	same "lost by the ring" "$(get count lost)" 0
	size=''
	settled() { [ "$(stat -c %s "$T/count.log")" = "$size" ] || { size=$(stat -c %s "$T/count.log") && false; }; }
	until_true settled
	same "lines in the file" "$(sequence "$T/count.log")" "many 0"
	kill "$follower"
	wait "$follower" 2>/dev/null
	same "lines that were followed" "$(sequence "$T/followed") $(cat "$T/followed.err")" "many 0 "
	tell stop brief
	tell wait brief down 5s
	fds_settle() { [ "$(fds)" -le "$fds" ]; }
	until_true fds_settle
	down
	same "ends as ever" "$status" 0
}

for signal in SEGV BUS ILL FPE ABRT SYS TRAP; do
	claim "$signal is sent to it under load: no service is restarted, no byte is lost"
	load
	kill -"$signal" "$sup"
	until_true resumed "$(kill -l $signal)"
	unload
done

# In the memory of the process itself, whatever protects it.
if [ "$(uname -m)" = x86_64 ]; then
	for kind in illegal:4 trap:5 fault:11 privileged:11; do
		claim "its next instruction is wrecked (${kind%:*}): no service is restarted, no byte is lost"
		load
		expect "$T/probe" wreck "$sup" "${kind%:*}"
		until_true resumed "${kind#*:}"
		unload
	done
fi

claim "a stray write into its state, where a pointer is: what points anywhere is made anew"
load
state=$(awk '/hutch-state/ && $3 ~ /^0*$/ { split($1, a, "-"); print a[1]; exit }' "/proc/$sup/maps")
# struct supervisor is at 4096; its turn is the seventh field.
expect "$T/probe" poke "$sup" "$(printf '%x' $((0x$state + 4096 + 48)))" 8
until_true resumed 11
unload

claim "children crash as anybody does, and theirs is no crash of the supervisor"
clean
service quiet "exec=/bin/probe forever -"
service bare "exec=/bin/probe forever -" ns.pid=host
up
await quiet up
await bare up
pid=$(get quiet pid)
kill -SEGV "$(get bare pid)"
restarted() { [ "$(get bare restarts)" -ge 1 ]; }
until_true restarted
await bare up
same "the other one" "$(get quiet pid)" "$pid"
unlike "events" "$(events)" "*resumed*"
down
same "status" "$status" 0

restarted_to() {	# NAME NUMBER: that often, and up
	"$H" status --json "$1" | grep -q '"state":"up".*"restarts":'"$2",
}
# NAME CALL HOW END: its payload is killed, and the next one, which is hutch until its exec, gets only as far as to that call: there it is
# sent the signal, or with 0 has a fault of its own, which no handler mends.
struck() {
	local before
	before=$(get "$1" restarts)
	expect "$T/probe" strike "$sup" "kill -KILL $(get "$1" pid)" "$2" 1 "$3"
	until_true restarted_to "$1" $((before + 2))
	like "end of $1 at its $2" "$(events | grep " service=$1 .*text=" | tail -n 1)" "*text=\"$4\""
}
claim "a child that crashes on its way to the payload is its service's end, and not the supervisor's, whose handler and memory it has"
clean
chain=("exec=/bin/probe forever -" "restart-delay=0 0" "restart-limit=1000 1s")
service quiet "exec=/bin/probe forever -"
service inside "${chain[@]}"
service alone "${chain[@]}" init=no dev=none mask=none
service open "${chain[@]}" init=no dev=none mask=none ns.pid=host
service slow "${chain[@]}" init=no "ipc=group desk" template=no
up
for name in quiet inside alone open slow; do await $name up; done
pid=$(get quiet pid)
how=direct
for name in inside alone open slow; do
	for i in 1 2 3; do
		kill -KILL "$(get $name pid)"
		until_true restarted_to $name $i
	done
	[ $name != slow ] || how="launcher:*"
	like "launch of $name" "$(get $name launch)" "$how"
done
# An init of a PID namespace is not ended by what is sent to it.
struck inside execve 11 "ended by signal 11"
struck open execve 11 "ended by signal 11"
struck open chdir 11 "ended by signal 11"
if [ "$(uname -m)" = x86_64 ]; then
	for name in inside alone open slow; do
		struck $name execve 0 "ended by signal 11"
		struck $name chdir 0 "the sandbox ended while it was built"
	done
fi
same "the other one" "$(get quiet pid) $(get quiet restarts)" "$pid 0"
unlike "events" "$(events)" "*resumed*"
down
same "status" "$status" 0

claim "it crashes while profiles are read, while one starts and while one stops: all goes on"
clean
service slow "exec=/bin/probe ignore 15 stamp slow forever -" stop-timeout=1s
service late "exec=/bin/probe sleep 800 notify READY=1 stamp late forever -" ready=notify
service after "exec=/bin/probe stamp after forever -" needs=late
up
await slow up
await late starting
for i in {1..60}; do
	service "more$i" "exec=/bin/probe forever -"
done
tell stop slow
"$H" reload >"$T/reloaded" 2>&1 &
loading=$!
kill -SEGV "$sup"
wait "$loading"
like "the reload was answered" "$(cat "$T/reloaded")" "added=more1*"
await after up
await slow down
for i in {1..60}; do await "more$i" up; done
same "once each" "$(stamps '^late') $(stamps '^after') $(stamps '^slow')" "1 1 1"
down

claim "a second crash soon after the first one: it ends with 125, and takes along what is its own"
up
await after up
kill -SEGV "$sup"
until_true resumed 11
kill -SEGV "$sup"
ended
same "status" "$status" 125
rm /run/hutch/control	# as after KILL: the next one takes it over

claim "an upgrade to a program that crashes as soon as it runs: it is not believed; and a crash after an upgrade is survived"
clean
service quiet "exec=/bin/probe forever -"
up
await quiet up
pid=$(get quiet pid)
tell reload --exec
kill -SEGV "$sup"
until_true resumed 11
same "pid" "$(get quiet pid) $(get quiet restarts)" "$pid 0"
tell reload --exec
same "pid" "$(get quiet pid) $(get quiet restarts)" "$pid 0"
down

claim "without memfd a crash is the end, at once and in order"
launcher=("$T/probe" without memfd)
up
await quiet up
kill -SEGV "$sup"
ended
same "status" "$status" 125
rm /run/hutch/control	# as after KILL: the next one takes it over
launcher=()
