#!/bin/bash
# What comes after what, and what cannot.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "after=: starts when the other is ready, not merely running, whatever the names' order"
service a "exec=/bin/probe stamp a forever -" after=z
service z "exec=/bin/probe stamp z sleep 300 stamp z-ready ready 5 forever -" "ready=fd 5"
up
await z starting
same "why" "$(get a why)" "waits for z, which is starting"
same "state" "$(get a state)" blocked
await a up
within "ms from z's word to a's start" "$(between '^z-ready' '^a')" 0 300

claim "shutdown goes the other way: who comes after ends first"
down
service a "exec=/bin/probe trap a ready 3 forever -" after=z "ready=fd 3"
service z "exec=/bin/probe trap z ready 3 forever -" "ready=fd 3"
up
await a up
down
like "ends" "$(tr '\n' ' ' <"$S/stamps")" "a 15 *z 15 *"

claim "after=: a first attempt that failed, one that is not wanted and one that does not exist are not waited for"
clean
service failing "exec=/bin/probe exit 1" "restart-delay=5s"
service unwanted "exec=/bin/probe forever -" start=manual
service a "exec=/bin/probe forever -" "after=failing unwanted nosuch"
up
await a up 2
same "unwanted" "$(get unwanted state)" down
down

claim "after= a oneshot: when it is done"
clean
service job "exec=/bin/probe sleep 200 stamp job exit 0" type=oneshot
service a "exec=/bin/probe stamp a forever -" after=job
up
await a up
within "ms" "$(between '^job' '^a')" 0 300
down

claim "needs=: hutch start starts what it needs and waits for it"
clean
service base "exec=/bin/probe stamp base sleep 200 ready 3 forever -" start=manual "ready=fd 3"
service middle "exec=/bin/probe stamp middle trap middle-end ready 3 forever -" start=manual needs=base "ready=fd 3"
service top "exec=/bin/probe stamp top trap top-end forever -" start=manual needs=middle
up
tell start top
await top up
same "all up" "$(get base state) $(get middle state)" "up up"
like "order" "$(cut -d ' ' -f 1 "$S/stamps" | tr '\n' ' ')" "base middle top *"

claim "needs=: hutch stop stops the dependents first, and they stay down"
tell stop base
tell wait base down 5s
same "states" "$(get middle state) $(get top state)" "down down"
like "order" "$(grep end "$S/stamps" | cut -d ' ' -f 1 | tr '\n' ' ')" "top-end middle-end *"

claim "needs=: who fails is waited for, and the status says what is waited for"
down
clean
service base "exec=/bin/probe exit 3" "ready=fd 3" "restart-delay=5s"
service top "exec=/bin/probe forever -" needs=base
up
await base delayed
await top blocked
same "why" "$(get top why)" "waits for base, which is delayed"
same "wish" "$(get top wish)" up
down

claim "needs=: a need that was stopped by hand is started again with hutch start of the dependent"
clean
service base "exec=/bin/probe forever -"
service top "exec=/bin/probe forever -" needs=base
up
await top up
tell stop base
tell wait base down 5s
tell start top
await top up
same "base" "$(get base state)" up
down

claim "a circle is named with its way, others start all the same"
clean
service a "exec=/bin/probe forever -" after=b
service b "exec=/bin/probe forever -" after=c
service c "exec=/bin/probe forever -" needs=a
service free "exec=/bin/probe forever -"
up
await free up
for name in a b c; do
	same "$name" "$(get $name state)" down
	like "why of $name" "$(get $name why)" "*in a circle: *a after b after c after a*"
done
down

claim "an unknown need is named, and only that service does not start"
clean
service a "exec=/bin/probe forever -" needs=nosuch
service free "exec=/bin/probe forever -"
up
await free up
same "a" "$(get a state)" down
like "why" "$(get a why)" "*needs a service that there is not: nosuch*"
down

claim "start-timeout: a failure with its reason, the next one comes, and others go on"
clean
service mute "exec=/bin/probe stamp mute forever -" "ready=fd 3" start-timeout=150ms "restart-delay=50ms"
service a "exec=/bin/probe stamp a forever -" after=mute
up
await a up
stamped_by '^mute' 3
like "events" "$(events)" "*mute*not ready within start-timeout*"
within "ms that others waited" "$(between '^mute' '^a')" 100 1500
down

claim "two profiles of one name: the second is told, the first runs"
clean
mkdir "$T/more"
service twin "exec=/bin/probe stamp first-one forever -"
cp "$D/twin.conf" "$T/more/"
sed -i 's/first-one/second-one/' "$T/more/twin.conf"
service free "exec=/bin/probe forever -"
paths=("$D" "$T/more")
up
paths=()
await free up
stamped_by first-one 1
like "told" "$(events) $("$H" status)" "*two profiles of this name*"
same "the second" "$(stamps second-one)" 0
down

claim "a hundred services in a chain start in order, and all end in order"
clean
service s000 "exec=/bin/probe stamp 000 ready 3 forever -" "ready=fd 3"
for i in {1..99}; do
	printf -v now %03d "$i"
	printf -v before %03d $((i - 1))
	service "s$now" "exec=/bin/probe stamp $now ready 3 forever -" "ready=fd 3" "needs=s$before"
done
up
await s099 up 20
same "order" "$(grep -E '^[0-9]+ ' "$S/stamps" | cut -d ' ' -f 1 | sort -c 2>&1)" ""
# The probe has no handler of TERM and ends by it at once.
down
same "end" "$status" 0
