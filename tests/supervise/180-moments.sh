#!/bin/bash
# What comes while something else is under way: nobody is lost by it, and nothing is left.
# shellcheck disable=SC2154
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

tree "$R"
news() {
	ask reload
	same "reload" "$status" 0
}
another() {	# NAME OLD-PID
	local pid
	pid=$(get "$1" pid)
	[[ $pid == [0-9]* && $pid != "$2" && $(get "$1" state) == up ]]
}
ticks() {	# of processor time that the supervisor has used
	awk '{ print $14 + $15 }' "/proc/$sup/stat"
}
spaces() {	# namespaces that the supervisor holds
	find "/proc/$sup/fd" -lname 'net:*' -o -lname 'mnt:*' -o -lname 'ipc:*' | wc -l
}
have_spaces() {
	[ "$(spaces)" = "$1" ]
}

claim "a service gets another name: who needs it under the new one is up again in the same reload, stopped before it"
service base "exec=/bin/probe trap base-ends forever -"
service user "exec=/bin/probe trap user-ends forever -" needs=base
up
await user up
pid=$(get user pid)
mv "$D/base.conf" "$D/ground.conf"
service user "exec=/bin/probe forever -" needs=ground
news
await ground up
await user up
unlike "its process" "$(get user pid)" "$pid"
same "who ended first" "$(awk '{ print $1 }' "$S/stamps" | xargs)" "user-ends base-ends"
down

claim "nobody answers while those who need it are stopped: who connects meanwhile costs nothing"
clean
service asked "exec=/bin/probe forever -" "listen=unix $T/asked.sock" start=demand
service slow "exec=/bin/probe ignore 15 forever -" needs=asked stop-timeout=20s init=no
up
await slow up
await asked armed
tell stop asked
await slow stopping
"$T/probe" talk unix "$T/asked.sock" >/dev/null 2>&1 &
talker=$!
before=$(ticks)
sleep 1
within "ticks" $(($(ticks) - before)) 0 10
same "asked" "$(get asked state) $(get slow state)" "armed stopping"
kill $talker
wait $talker 2>/dev/null
kill -KILL "$(get slow pid)"
await asked down
down

claim "stopped in the pause before its next start it leaves nothing: no template, no namespace, no entry of its group"
clean
service pausing "exec=/bin/probe forever -" "restart-delay=300ms 60s" "ns=mount ipc pid uts net" ahead=2
service grouped "exec=/bin/probe forever -" "restart-delay=300ms 60s" "ipc=group web"
up
for name in pausing grouped; do
	await $name up
	for n in 1 2; do
		pid=$(get $name pid)
		kill -KILL "$pid"
		until_true another $name "$pid"
	done
done
for name in pausing grouped; do
	kill -KILL "$(get $name pid)"
	await $name delayed
	tell stop $name
	await $name down
done
until_true have_spaces 0
until_true [ ! -e /run/hutch/web.group ]
service grouped "exec=/bin/probe forever -" "ipc=group web"
news
tell start grouped
await grouped up
[ -e /run/hutch/web.group ] || note "there is no group"
service grouped "exec=/bin/probe forever -" "ipc=group other"
news
await grouped up
until_true [ ! -e /run/hutch/web.group ]
down

# The next process that the supervisor makes beside those that there are is stopped at once: $caught.
catch() {	# COMMAND...
	local kids now
	kids=" $(cat "/proc/$sup/task/$sup/children") "
	caught=
	"$@" &
	catcher=$!
	while [ -z "$caught" ] && kill -0 $catcher 2>/dev/null; do
		read -r now <"/proc/$sup/task/$sup/children"
		for caught in $now ''; do
			[ -z "$caught" ] || [[ $kids == *" $caught "* ]] || break
		done
	done
	[ -n "$caught" ] && kill -STOP "$caught"
}
# So many that to read them takes a while.
crowd() {
	local i
	for i in {1..150}; do service "idle$i" "exec=/bin/probe forever -" start=manual; done
}

claim "a service that comes back with a reload while all is about to end does not keep it from that"
clean
service back "exec=/bin/probe ignore 15 forever -" stop-timeout=3s init=no
service other "exec=/bin/probe forever -"
crowd
up
for n in 1 2 3 4 5; do
	await back up 10
	mv "$D/back.conf" "$T/back.conf"
	news
	await back stopping
	mv "$T/back.conf" "$D/back.conf"
	! catch "$H" reload >"$T/reload" 2>&1 || break
done
[ -n "$caught" ] || note "nobody read the profiles"
kill -TERM "$sup"
await other down
kill -CONT "$caught"
ended
same "its end" "$status" 0
wait "$catcher"

claim "a hundred reloads in the midst of starts, by launchers and without: each payload gets its program, its words and no right more"
clean
for n in 1 2 3 4; do
	service "bare$n" "exec=/bin/probe sleep 1 exit 7" success=7 restart=always "restart-delay=0 0" init=no dev=none mask=none
	service "boxed$n" "exec=/bin/probe sleep 1 exit 7" success=7 restart=always "restart-delay=0 0"
done
up
for n in {1..100}; do
	"$H" reload >/dev/null || note "reload $n"
done
restarted() {
	[ "$(get "$1" restarts)" -ge 50 ]
}
for n in 1 2 3 4; do
	until_true 20 restarted "bare$n"
	until_true 20 restarted "boxed$n"
done
same "other ends" "$(grep ended "$T/said.err" | grep -v 'ended with status 7$' | sed 's/.*: //' | sort | uniq -c)" ""
down

claim "a payload has ended, and the launcher that still makes its template hangs: the next start comes all the same"
clean
# With a hundred mounts it takes its time.
binds=()
for n in {1..100}; do
	mkdir -p "$R/m/$n"
	binds+=("bind=$S /m/$n")
done
service stuck "exec=/bin/probe halt - stamp halted exit 1" "restart-delay=10ms 10ms" "ns=mount ipc uts" "${binds[@]}"
up
stamped_by halted 6 20
down

claim "stopped while it is built, an event does not tell that as its program's fault"
clean
service brief "exec=/bin/probe forever -" start=manual
up
for n in {1..400}; do
	"$H" start brief
	nap "0.000$((n % 10))"
	"$H" stop brief
done
same "events" "$(grep ': exec ' "$T/said.err" | head -n 1)" ""
down

claim "two whose order a reload has turned round, while both are to end: they end"
clean
service first "exec=/bin/probe forever -"
service second "exec=/bin/probe forever -" after=first
service third "exec=/bin/probe ignore 15 forever -" after=second stop-timeout=2s init=no
up
await third up
tell stop third
tell stop second
same "second" "$(get second state)" up
service first "exec=/bin/probe forever -" after=second
service second "exec=/bin/probe forever -"
ask reload
same "reload" "$status" 0
await first up
tell stop first
for name in third second first; do await $name down; done
down

claim "killed while it is built without a launcher, as by want of memory, is no failure of the service, which nothing would start again"
clean
tmpfs=()
for n in {1..100}; do
	mkdir -p "$R/m/$n"
	tmpfs+=("tmpfs=/m/$n")
done
service once "exec=/bin/probe forever -" restart=never stop-signal=KILL init=no dev=none mask=none "${tmpfs[@]}"
up
for n in 1 2 3; do
	await once up
	pid=$(get once pid)
	tell restart once
	until_true another once "$pid"
done
same "launch" "$(get once launch)" direct
for n in {1..40}; do
	await once up
	pid=$(get once pid)
	# The start follows the answer.
	catch sh -c "$H restart once; exec sleep 0.1"
	wait "$catcher"
	[ -n "$caught" ] || continue
	# Its program runs already: the next one.
	[ "$(cat "/proc/$caught/comm")" = probe ] && kill -CONT "$caught" && continue
	kill -KILL "$caught"
	until_true another once "$pid" || break
	! grep -q 'delayed: the sandbox ended' "$T/said.err" || break
done
like "what was told" "$(grep -c 'delayed: the sandbox ended' "$T/said.err")" "[1-9]*"
down
