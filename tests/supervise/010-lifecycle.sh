#!/bin/bash
# A service's life: what it is asked for, how it ends, and what follows.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

run() {	# PAYLOAD WORDS as an exec= line
	echo "exec=/bin/probe $*"
}

claim "up: ready is told to whoever started the supervisor, a status line shows pid, wish and state"
service plain "$(run stamp run forever -)"
service byhand "$(run stamp hand forever -)" start=manual
up
await plain up
same "wish" "$(get plain wish)" up
same "the payload" "$(tr '\0' ' ' <"/proc/$(get plain pid)/cmdline" 2>&1 | cut -c 1-40)" \
	"$(tr '\0' ' ' <"/proc/$(pgrep -P "$sup" | head -n 1)/cmdline" | cut -c 1-40)"
ask status plain
same "status of what is up" "$status" 0
like "its line" "$text" "NAME*plain *up *"

claim "start=manual stays down until it is asked for, and status 1 tells of what is not up"
same "state" "$(get byhand state)" down
ask status byhand
same "status of what is down" "$status" 1
tell start byhand
await byhand up

claim "no verb depends on the state: each is answered with 0 whatever the service does, and again"
for verb in start start stop stop start restart restart; do
	tell "$verb" plain
done
tell wait plain up 5s
tell stop plain
tell wait plain down 5s
tell restart plain
tell wait plain up 5s
same "wish after a restart" "$(get plain wish)" up

claim "restart gives another process, stop none"
old=$(get plain pid)
tell restart plain
tell wait plain up 5s
unlike "pid" "$(get plain pid)" "$old"
tell stop plain
tell wait plain down 5s
same "pid of what is down" "$(get plain pid)" null
same "wish" "$(get plain wish)" down

claim "wait ends with 1 and the reason after its time, and at once when it is true already"
ask wait plain up 100ms
same "status" "$status" 1
like "text" "$text" "*plain is down*"
timed "$H" wait plain down 10s
same "status" "$status" 0
within "ms" "$took" 0 1000

claim "one unknown name among several: told with the nearest one, nothing is done for the others"
ask start plain plian
same "status" "$status" 1
like "text" "$text" "*no service named plian, did you mean plain*"
same "state" "$(get plain state)" down

claim "a wrong request ends with 2 and does nothing"
for words in "start" "stop" "wait plain" "wait plain sideways" "signal NOSUCH plain" "status -x" "logs -n many plain"; do
	# shellcheck disable=SC2086
	ask $words
	same "status of $words" "$status" 2
done

claim "signal reaches the payload, by name and by number; 1 for what does not run"
service heard "$(run trap got say ready forever -)" restart=never
ask reload
await heard up
until_true "$H" logs heard
until [ "$("$H" logs heard)" = ready ]; do nap; done
tell signal USR1 heard
stamped_by "^got 10" 1
await heard down
ask signal USR1 heard
same "status" "$status" 1
like "text" "$text" "*heard is not running*"
down
same "the supervisor's end by TERM" "$status" 0

# ---- policies -----------------------------------------------------------------------

claim "restart=never: no other start, by status or signal; on-failure: only after a failure; always: after both"
clean
for policy in never on-failure always; do
	service "$policy-0" "$(run stamp "$policy-0" exit 0)" restart=$policy "restart-delay=5s"
	service "$policy-3" "$(run stamp "$policy-3" exit 3)" restart=$policy "restart-delay=5s"
	service "$policy-s" "$(run stamp "$policy-s" die 6)" restart=$policy "restart-delay=5s"
done
up
for c in never-0:down never-3:down never-s:down on-failure-0:down on-failure-3:delayed on-failure-s:delayed \
	always-0:delayed always-3:delayed always-s:delayed; do
	await "${c%:*}" "${c#*:}"
	same "starts of ${c%:*}" "$(stamps "^${c%:*} ")" 1
done

claim "the status tells how it ended last and when the next attempt is"
same "exit" "$(get never-3 exit)" "status 3"
same "signal" "$(get always-s exit)" "signal 6"
like "why" "$(get always-3 why)" "ended with status 3"
like "next" "$(get always-3 next)" "[0-5].*"
same "next of what rests" "$(get never-3 next)" null
down

claim "success= makes a status and a signal no failure, for policy and limit"
clean
service code "$(run exit 7)" restart=on-failure "success=7 9" restart-delay=0ms
service term "$(run die 15)" restart=on-failure "success=TERM" restart-delay=0ms
service other "$(run exit 8)" restart=on-failure "success=7 9" "restart-delay=5s"
up
await code down
await term down
await other delayed
same "restarts" "$(get code restarts) $(get term restarts)" "0 0"
down

claim "pauses begin at the least, double, and stay at the most"
clean
service grow "$(run stamp grow exit 1)" "restart-delay=40ms 160ms"
up
stamped_by '^grow' 6
read -r -a gap <<<"$(gaps '^grow')"
within "first" "${gap[0]}" 40 400
within "second" "${gap[1]}" 80 450
within "third" "${gap[2]}" 160 700
within "fourth" "${gap[3]}" 160 700
within "fifth" "${gap[4]}" 160 700
down

claim "after restart-reset of being ready the pause is the least again"
clean
service reset "$(run stamp reset sleep 300 exit 1)" "restart-delay=20ms 2s" restart-reset=200ms
up
stamped_by '^reset' 7 10
for gap in $(gaps '^reset'); do within "gap" "$gap" 320 800; done
down

claim "restart-delay=0ms: again at once, and the pause grows all the same"
clean
service zero "$(run stamp zero exit 1)" "restart-delay=0ms 80ms"
up
stamped_by '^zero' 8
read -r -a gap <<<"$(gaps '^zero')"
within "first" "${gap[0]}" 0 400
within "last" "${gap[6]}" 80 600
down

claim "a service that ends with 0 pauses as well: no loop without a breath"
clean
service eager "$(run stamp eager exit 0)" "restart-delay=100ms 100ms"
up
stamped_by '^eager' 3
for gap in $(gaps '^eager'); do within "gap" "$gap" 100 600; done
down

# ---- limits --------------------------------------------------------------------------

claim "restart-limit with slow: the next attempt comes at that cadence, and it goes on"
clean
service slow "$(run stamp slow exit 1)" "restart-delay=0ms 0ms" "restart-limit=3 10s" "on-limit=slow 400ms"
up
stamped_by '^slow' 9
read -r -a gap <<<"$(gaps '^slow')"
within "pause after four" "${gap[3]}" 400 1000
within "fifth" "${gap[4]}" 0 390
within "pause after eight" "${gap[7]}" 400 1000
like "event" "$(events)" "*slow*failed more than 3 times within 10000 ms*"
down

claim "restart-limit with stop: it stays down, a person may start it again"
clean
service stop "$(run stamp stop exit 1)" "restart-delay=0ms 0ms" "restart-limit=2 10s" on-limit=stop
up
await stop down
same "starts" "$(stamps '^stop')" 3
same "wish" "$(get stop wish)" down
tell start stop
stamped_by '^stop' 4
down

claim "restart-limit with exit N: all others are stopped and the supervisor ends with N"
clean
service bad "$(run exit 1)" "restart-delay=0ms 0ms" "restart-limit=2 10s" "on-limit=exit 42" after=good
service good "$(run trap bye ready 3 forever -)" "ready=fd 3"
up
ended
same "status" "$status" 42
same "the other one was asked to end" "$(stamps '^bye 15')" 1

claim "failures that are spread over more than the limit's time do not count together"
clean
service spread "$(run stamp spread sleep 60 exit 1)" "restart-delay=0ms 0ms" "restart-limit=2 50ms" on-limit=stop
up
stamped_by '^spread' 6
down

claim "restart-limit with reboot: all is stopped, then PID 1 gets INT, as Ctrl-Alt-Del does"
clean
service bad "$(run exit 1)" "restart-delay=0ms 0ms" "restart-limit=1 10s" on-limit=reboot after=good
service good "$(run trap bye ready 3 forever -)" "ready=fd 3"
rebooted=0
trap 'rebooted=1' INT
up
for ((i = 0; i < 250; i++)); do [ $rebooted = 1 ] && break; nap; done
ended
same "INT came" "$rebooted" 1
same "the other one was asked to end" "$(stamps '^bye 15')" 1

claim "hutch shutdown ends it with 0, hutch shutdown reboot tells PID 1 too"
clean
service good "$(run trap bye forever -)"
rebooted=0
up
await good up
tell shutdown
ended
same "status and INT" "$status $rebooted" "0 0"
up
await good up
tell shutdown reboot
ended
nap 0.1
same "status and INT" "$status $rebooted" "0 1"
trap - INT

claim "critical: its end for good ends the supervisor with its status, 128+N for a signal"
clean
service vital "$(run sleep 100 exit 9)" restart=never critical=yes after=good
service good "$(run trap bye ready 3 forever -)" "ready=fd 3"
up
ended
same "status" "$status" 9
same "the other one was asked to end" "$(stamps '^bye 15')" 1
service vital "$(run sleep 100 die 6)" restart=never critical=yes
up
ended
same "status" "$status" 134

claim "critical: a restart and hutch stop are no end for good"
clean
service vital "$(run first 3 forever -)" critical=yes "restart-delay=0ms"
up
await vital up
tell restart vital
tell stop vital
await vital down
kill -0 "$sup" 2>/dev/null || note "the supervisor has ended"
down

# ---- oneshots ------------------------------------------------------------------------

claim "a oneshot that succeeded is done, whatever restart= says; one that failed is tried again"
clean
service once "$(run stamp once exit 0)" type=oneshot restart=always
service again "$(run stamp again first 1 exit 0)" type=oneshot "restart-delay=20ms"
service fail "$(run stamp fail exit 1)" type=oneshot restart=never
up
await once "done"
await again "done"
await fail down
same "runs" "$(stamps '^once') $(stamps '^again') $(stamps '^fail')" "1 2 1"
tell wait once up 1s
tell start once
stamped_by '^once' 2
await once "done"
down

claim "every=: from start to start, never two at a time, also after a failure"
clean
service tick "$(run stamp tick exit 0)" type=oneshot every=150ms
service long "$(run stamp long sleep 250 stamp end exit 0)" type=oneshot every=100ms
service failing "$(run stamp failing exit 1)" type=oneshot restart=never every=150ms
before=$("$T/probe" now)
up
stamped_by '^tick' 9 10
# What is noted is late by what a launch takes, each time differently: no note comes
# earlier than its number says, and the shortest way from one to the next is no longer.
same "too early" "$(awk -v t="$before" '$1 == "tick" && $NF < t + 150 * n++ { print n, $NF - t }' "$S/stamps")" ""
within "the shortest tick" "$(gaps '^tick' | tr ' ' '\n' | sort -n | head -n 1)" 0 250
stamped_by '^long' 3
stamped_by '^failing' 3
same "one after the other" "$(awk '$1 == "long" { if (on) bad++; on = 1 } $1 == "end" { on = 0 } END { print bad + 0 }' "$S/stamps")" 0
down
