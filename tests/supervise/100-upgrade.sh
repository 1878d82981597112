#!/bin/bash
# The supervisor becomes another program while everything runs.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

other=$OUT/hutch-next
"$T/probe" lo

fds() {
	find "/proc/$sup/fd" -mindepth 1 ! -lname 'mnt:*' 2>/dev/null | wc -l
}
rss() {	# without what services have said
	awk '/^Rss(Anon|File)/ { n += $2 } END { print n }' "/proc/$sup/status"
}
# How many lines, and how often one does not follow the one before it.
sequence() {
	awk 'NR == 1 { last = $1 - 1 } $1 != last + 1 { gaps++ } { last = $1 } END { print (NR > 300 ? "many" : NR), gaps + 0 }' "$1"
}
longest() {	# of some milliseconds
	tr ' ' '\n' <<<"$1" | sort -n | tail -n 1
}
serving() {
	[ "$("$T/probe" talk tcp 7001 2>/dev/null)" = "served 0" ]
}
refused_with() {	# WHAT: nothing has changed
	ask reload --exec "$T/bad/$1"
	same "status of $1" "$status" 1
	like "$1" "$text" "*nothing was changed: $2*"
	same "pids after $1" "$(get quiet pid) $(readlink "/proc/$sup/exe")" "$pid $exe"
}

claim "100 upgrades under load: no service is restarted, no byte is lost, and nothing is left behind"
service quiet "exec=/bin/probe say before forever -"
service count "exec=/bin/probe count 5" "log=file $T/count.log" log-size=1m
service net "exec=/bin/probe serve 0" "listen=tcp 127.0.0.1:7001"
service watched "exec=/bin/probe notify READY=1 beat 100" ready=notify watchdog=3s
service often "exec=/bin/probe stamp often" type=oneshot every=200ms
service brief "exec=/bin/probe sleep 20 exit 1" "restart-delay=30ms 60ms" "restart-limit=1000 1s"
cp "$H" "$T/one"
cp "$H" "$T/two"
up
for name in quiet count net watched; do await $name up; done
pids=$(for name in quiet count net watched; do get $name pid; done)
"$H" logs -f count >"$T/followed" 2>"$T/followed.err" &
follower=$!
"$T/probe" hammer 7001 "$T/enough" >"$T/hammered" &
hammer=$!
until_true test -s "$T/followed"
# What an upgrade needs is there after the first ones.
for i in 1 2 3; do
	tell reload --exec "$T/two"
done
tell stop brief
tell wait brief down 5s
# And so is what starts need from some services on: this program has to have started one.
until_true stamped '^often' $(($(stamps '^often') + 2))
fds=$(fds) rss=$(rss)
tell start brief
starts=$(get brief restarts)
for ((i = 0; i < 97; i++)); do
	if ((i % 2)); then tell reload --exec "$T/two"; else tell reload --exec "$T/one"; fi
done
like "events" "$(events | grep resumed)" "*resumed after upgrade 100*"
same "pids" "$(for name in quiet count net watched; do get $name pid; done)" "$pids"
same "said before the first one" "$("$H" logs quiet)" before
same "restarts" "$(for name in quiet count net watched; do get $name restarts; done | tr '\n' ' ')" "0 0 0 0 "
within "launches that went on" "$(($(get brief restarts) - starts))" 5 100000
tell stop brief
tell wait brief down 5s
fds_are() { [ "$(fds)" = "$fds" ]; }
until_true fds_are
within "KiB more than before" "$(($(rss) - rss))" -400 40
: >"$T/enough"
wait "$hammer"
like "connections" "$(cat "$T/hammered")" "[0-9]*[0-9][0-9] answered, 0 not"
tell stop count
tell wait count down 5s
same "lost by the ring" "$(get count lost)" 0
until_true test -s "$T/count.log"
settled() { [ "$(stat -c %s "$T/count.log")" = "${size:-}" ] || { size=$(stat -c %s "$T/count.log") && false; }; }
until_true settled
same "lines in the file" "$(sequence "$T/count.log")" "many 0"
kill "$follower"
wait "$follower" 2>/dev/null
same "lines that were followed" "$(sequence "$T/followed") $(cat "$T/followed.err")" "many 0 "
within "longest pause of every=, ms" "$(longest "$(gaps '^often')")" 150 5000
down
same "ends as ever" "$status" 0

claim "an upgrade while services start, stop and wait, and while profiles are read: all goes on"
clean
service slow "exec=/bin/probe ignore 15 stamp slow forever -" stop-timeout=2s
service late "exec=/bin/probe sleep 1500 notify READY=1 stamp late forever -" ready=notify
service after "exec=/bin/probe stamp after forever -" needs=late
service demand "exec=/bin/probe stamp demand serve 0" start=demand "listen=tcp 127.0.0.1:7001"
service mounted "exec=/bin/probe stamp mounted forever -" on-path="$T/there"
service delayed "exec=/bin/probe stamp delayed exit 1" restart-delay=1500ms
up
await slow up
await delayed delayed
before=$(get slow pid)
tell stop slow
await slow stopping
tell reload --exec
same "still stopping" "$(get slow state) $(get slow pid)" "stopping $before"
await late starting
same "waits still" "$(get after state) $(get demand state) $(get mounted state)" "blocked armed armed"
for i in {1..40}; do
	service "more$i" "exec=/bin/probe forever -"
done
"$H" reload >"$T/reloaded" 2>&1 &
loading=$!
tell reload --exec
wait "$loading"
like "the reload was answered" "$(cat "$T/reloaded")" "added=more1*"
await after up
await slow down
await delayed delayed
stamped_by '^delayed' 2
: >"$T/there"
await mounted up
serving || note "demand does not serve"
same "once each" "$(stamps '^late') $(stamps '^after') $(stamps '^demand') $(stamps '^mounted')" "1 1 1 1"

claim "who waits for a service or follows events meanwhile is answered by the other program"
tell stop late
tell wait late down 5s
"$H" wait late up 10s >"$T/waited" 2>&1 &
waiting=$!
"$H" events -f >"$T/events" 2>&1 &
following=$!
until_true grep -q late "$T/events"
tell reload --exec
tell start late
wait "$waiting"
same "wait" "$? $(cat "$T/waited")" "0 "
until_true grep -q 'late state=up' "$T/events"
like "followed on" "$(cat "$T/events")" "*resumed after upgrade*late state=up*"
kill "$following"
wait "$following" 2>/dev/null
down

claim "a set of which only old services are left is still theirs after an upgrade"
clean
service old "exec=/bin/probe trap old-end forever -" stop-timeout=5s "env=A=1"
service gone "exec=/bin/probe ignore 15 forever -" stop-timeout=1500ms
up
await gone up
await old up
rm "$D/gone.conf"
service old "exec=/bin/probe trap new-end forever -" "env=A=2"
ask reload
tell reload --exec
stamped_by '^old-end 15' 1
gone() { ! "$H" status 2>/dev/null | grep -q '^gone '; }
until_true gone
await old up
tell stop old
stamped_by '^new-end 15' 1
down

claim "an older version's state is read, a newer one's is refused in words"
clean
service quiet "exec=/bin/probe forever -"
up
await quiet up
pid=$(get quiet pid)
cp "$other" "$T/next"
tell reload --exec "$T/next"
same "pid" "$(get quiet pid) $(readlink "/proc/$sup/exe")" "$pid $T/next"
tell reload --exec "$T/next"
ask reload --exec "$T/one"
same "status" "$status" 1
like "text" "$text" "*nothing was changed: the state is of a newer hutch*"
same "pid" "$(get quiet pid) $(readlink "/proc/$sup/exe")" "$pid $T/next"
down

claim "so is the state of one that had fewer places, which would not take it back"
cp "$OUT/hutch-before" "$T/before"
today=$H H=$T/before
up
H=$today
await quiet up
pid=$(get quiet pid)
tell reload --exec "$T/one"
same "pid" "$(get quiet pid) $(readlink "/proc/$sup/exe")" "$pid $T/one"
tell restart quiet
await quiet up
ask reload --exec "$T/before"
same "status" "$status" 1
like "text" "$text" "*nothing was changed: the state is of a newer hutch*"
down

claim "a program that is missing, cut off, for another machine, that refuses, crashes or says nothing: nothing is changed"
mkdir "$T/bad"
up
await quiet up
pid=$(get quiet pid) exe=$(readlink "/proc/$sup/exe")
: >"$T/bad/empty"
head -c 30 "$H" >"$T/bad/short"
head -c 5000 "$H" >"$T/bad/cut"
cp "$H" "$T/bad/other-machine"
printf '\xff\xfe' | dd of="$T/bad/other-machine" bs=1 seek=18 conv=notrunc status=none
head -c 100000 /dev/urandom >"$T/bad/garbage"
printf '#!/bin/sh\nexit 0\n' >"$T/bad/script"
for name in silent crash chatter hang; do cp "$T/probe" "$T/bad/$name"; done
chmod 755 "$T"/bad/*
cp "$H" "$T/bad/noexec"
chmod 644 "$T/bad/noexec"
mkfifo "$T/bad/fifo"
mkdir "$T/bad/directory"
refused_with nothing "*No such file*"
refused_with empty "*Exec format error*"
refused_with short "*Exec format error*"
refused_with cut "?*"
refused_with other-machine "*Exec format error*"
refused_with garbage "*Exec format error*"
refused_with script "?*"
refused_with noexec "*ermission denied*"
refused_with fifo "*ermission denied*"
refused_with directory "*ermission denied*"
refused_with silent "it is no hutch*"
refused_with crash "it was ended by signal 6*"
fds=$(fds)

claim "a program that hangs, or talks without an end: refused in time, and meanwhile all goes on"
"$H" reload --exec "$T/bad/hang" >"$T/hung" 2>&1 &
hung=$!
lively
tell restart quiet
await quiet up
pid=$(get quiet pid)
wait "$hung"
same "status" "$?" 1
like "text" "$(cat "$T/hung")" "*nothing was changed: it has not looked at the state in time*"
refused_with chatter "?*"
tell reload --exec "$H"
until_true fds_are

claim "no path, and the program's file was replaced: the new file is what it becomes"
cp "$other" "$T/new"
exe=$(readlink "/proc/$sup/exe")
mv "$T/new" "$exe"
tell reload --exec
same "program" "$(readlink "/proc/$sup/exe")" "$exe"
same "pid" "$(get quiet pid)" "$pid"
same "its bytes" "$(cmp "$other" "/proc/$sup/exe" 2>&1)" ""

claim "wrong words: 2; a relative path is meant from where the client is"
ask reload --exec a b
same "status" "$status" 2
ask reload --frobnicate
same "status" "$status" 2
cd "$T" && tell reload --exec next && cd /
same "program" "$(readlink "/proc/$sup/exe")" "$T/next"
down

claim "one that runs from a sealed copy becomes a sealed copy of the other program, and a payload can still not write to it"
clean
service power "exec=/bin/probe forever -" caps=all no-new-privs=no
service quiet "exec=/bin/probe forever -"
up
await power up
await quiet up
pid=$(get power pid)
like "a copy" "$(readlink "/proc/$sup/exe")" "/memfd:hutch*"
tell reload --exec "$T/next"
like "a copy" "$(readlink "/proc/$sup/exe")" "/memfd:hutch*"
same "its bytes" "$(cmp "$T/next" "/proc/$sup/exe" 2>&1)" ""
same "pid" "$(get power pid) $(get power restarts)" "$pid 0"
tell restart power
await power up
tell reload --exec
same "back to the file that it came from" "$(cmp "$H" "/proc/$sup/exe" 2>&1)" ""
down
rm "$D/power.conf"

claim "without memfd all works, but no upgrade, which is said"
cp "$HUTCH" "$T/hutch"
launcher=("$T/probe" without memfd)
up
await quiet up
pid=$(get quiet pid)
tell restart quiet
await quiet up
ask reload
same "reload" "$status" 0
ask reload --exec
same "status" "$status" 1
like "text" "$text" "*nothing was changed:*in no memory that outlives this hutch*"
await quiet up
launcher=()
down
