#!/bin/bash
# Who says what about being ready, and who is not believed.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "ready=fd: a newline on the descriptor is the word; other bytes and its end are not"
service s6 "exec=/bin/probe sleep 700 stamp said ready 7 forever -" "ready=fd 7"
service no "exec=/bin/probe unready 7 forever -" "ready=fd 7" start-timeout=3s
up
await s6 starting
same "before" "$(stamps '^said')" 0
await s6 up
await no starting
nap 0.3
same "no word" "$(get no state)" starting
down

# The payload's own NOTIFY_SOCKET: a file in a /dev of its own, or an abstract address.
kinds=("own /dev:dev=minimal" "host's mounts:ns.mount=host")
profile() {	# NAME KIND WORDS KEYS...
	local name=$1 kind=$2 words=$3
	shift 3
	if [ "$kind" = ns.mount=host ]; then
		printf '%s\n' ns.mount=host "exec=$T/probe $words" ready=notify stop-timeout=1s "env=STAMPS=$S/stamps" "$@" >"$D/$name.conf"
	else
		service "$name" "$kind" "exec=/bin/probe $words" ready=notify "$@"
	fi
}

strange_told() { events | grep -q "a message from outside of the sandbox was dropped"; }

for k in "${kinds[@]}"; do
	where=${k%%:*} kind=${k#*:}
	claim "$where: READY=1 is the word, STATUS= is shown, STOPPING=1 is told"
	clean
	profile one "$kind" "sleep 150 notify STATUS=warming|X=y sleep 150 notify READY=1|STATUS=here forever -"
	up
	await one starting
	for ((i = 0; i < 50; i++)); do [ "$(get one why)" = warming ] && break; nap; done
	same "status" "$(get one why)" warming
	await one up
	same "status" "$(get one why)" here
	down
	clean
	profile one "$kind" "notify READY=1 sleep 300 notify STOPPING=1 sleep 5000 forever -"
	up
	await one up
	for ((i = 0; i < 100; i++)); do [ "$(get one why)" = "it says that it stops" ] && break; nap; done
	same "told" "$(get one why)" "it says that it stops"
	down

	claim "$where: EXTEND_TIMEOUT_USEC= gives more time than start-timeout, and the end of that is kept"
	clean
	profile more "$kind" "notify EXTEND_TIMEOUT_USEC=1500000 sleep 500 notify READY=1 forever -" start-timeout=250ms
	profile less "$kind" "stamp less notify EXTEND_TIMEOUT_USEC=400000 forever -" start-timeout=100ms "restart-delay=5s"
	up
	await less delayed
	await more up
	like "why" "$(get less why)" "not ready within start-timeout"
	same "restarts" "$(get more restarts)" 0
	down

	claim "$where: WATCHDOG=1 in time keeps it up, silence kills it, WATCHDOG=trigger at once"
	clean
	profile good "$kind" "notify READY=1 notify WATCHDOG=1 sleep 100 notify WATCHDOG=1 sleep 100 notify WATCHDOG=1 sleep 100 notify WATCHDOG=1 sleep 100 stamp alive notify WATCHDOG=1 forever -" \
		watchdog=250ms "restart-delay=5s"
	profile silent "$kind" "env WATCHDOG_USEC notify READY=1 ignore 15 forever -" watchdog=200ms "restart-delay=5s"
	profile asks "$kind" "notify READY=1 notify WATCHDOG=trigger forever -" watchdog=20s "restart-delay=5s"
	up
	await asks delayed
	await silent delayed
	like "why" "$(get silent why)" "*watchdog*"
	same "told how long" "$(stamps '^WATCHDOG_USEC=200000')" 1
	await good delayed
	same "lived while it told" "$(stamps '^alive')" 1
	down

	claim "$where: MAINPID= is refused, told once, and the payload stays what it was"
	clean
	profile main "$kind" "notify READY=1|MAINPID=1 notify MAINPID=1 stamp done forever -"
	up
	await main up
	stamped_by '^done' 1
	before=$(get main pid)
	nap 0.1
	same "pid" "$(get main pid)" "$before"
	same "told" "$(events | grep -c 'MAINPID= is refused')" 1
	down

	claim "$where: 64 KiB, garbage and descriptors that come along do no harm, and no descriptor stays"
	clean
	profile wild "$kind" "big 65000 garbage 2000 gift 500 big 4097 stamp thrown sleep 100 notify READY=1 forever -"
	up
	await wild up 10
	same "threw all" "$(stamps '^thrown')" 1
	same "told about the long one" "$(events | grep -c 'more than 4096 bytes')" 1
	within "descriptors of the supervisor" "$(find "/proc/$sup/fd" -mindepth 1 | wc -l)" 5 40
	tell restart wild
	await wild up 10
	down

	claim "$where: who is not of the sandbox is not believed"
	clean
	profile victim "$kind" "env NOTIFY_SOCKET stamp begun forever -" start-timeout=20s
	up
	stamped_by '^begun' 1
	address=$(sed -n 's/^NOTIFY_SOCKET=\([^ ]*\).*/\1/p' "$S/stamps")
	[ "${address:0:1}" = @ ] || address=/proc/$(get victim pid)/root$address
	"$T/probe" send "$address" "READY=1|STATUS=lie" &
	sender=$!
	until_true strange_told
	# shellcheck disable=SC2086
	{ kill $sender && wait $sender; } 2>/dev/null
	same "state" "$(get victim state)" starting
	unlike "status" "$(get victim why)" "lie"
	# Once, however many come. Where anybody finds the address, who has gone is not believed either.
	if [ "$kind" = ns.mount=host ]; then
		expect env "NOTIFY_SOCKET=$address" "$T/probe" notify "READY=1|STATUS=lie"
		same "state" "$(get victim state)" starting
		unlike "status" "$(get victim why)" "lie"
	fi
	same "told" "$(events | grep -c 'a message from outside of the sandbox was dropped')" 1
	down
done

claim "a helper in the sandbox that has ended already is believed, where a PID namespace says who is inside"
clean
service helper "exec=/bin/probe helper READY=1 forever -" ready=notify
up
await helper up
down

claim "two services at once: the word of one is not the other's"
clean
service a "exec=/bin/probe notify READY=1 forever -" ready=notify
service b "exec=/bin/probe forever -" ready=notify
up
await a up
same "b" "$(get b state)" starting
down

claim "without ready=notify there is no NOTIFY_SOCKET, and none of the supervisor's own"
clean
service a "exec=/bin/probe env NOTIFY_SOCKET forever -"
up
stamped_by '^NOTIFY_SOCKET=(none)' 1
down
