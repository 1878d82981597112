#!/bin/bash
# Nobody survives: neither hutch stop, nor the end of the supervisor, nor a restart.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

inside() {	# processes in sandboxes
	strangers | wc -l
}
nobody() {
	[ -z "$(strangers)" ]
}

claim "hutch stop leaves nobody: neither an own session, nor a stopped one, nor one that hears nothing"
service wild "exec=/bin/probe ignore 15 orphan 0 orphan 0 orphan 1 stamp begun forever -" stop-timeout=200ms
service halted "exec=/bin/probe orphan 1 stamp halted stop - forever -" stop-timeout=200ms
up
await wild up
stamped_by '^orphan' 4
stamped_by '^begun' 1
within "processes" "$(inside)" 6 20
tell stop wild halted
tell wait wild down 5s
tell wait halted down 5s
until_true 1 nobody

claim "restart leaves nobody of the old ones, and the new one is alone"
tell start wild
stamped_by '^begun' 2
old=$(get wild pid)
tell restart wild
tell wait wild up 5s
stamped_by '^begun' 3
unlike "pid" "$(get wild pid)" "$old"
[ ! -e "/proc/$old" ] || note "the old one lives"
tell stop wild
tell wait wild down 5s

claim "the payload's end takes all others of its sandbox along"
service parent "exec=/bin/probe orphan 0 orphan 1 sleep 100 exit 0" restart=never
ask reload
await parent down
until_true 1 nobody
down

claim "shutdown leaves nobody"
clean
for name in a b c; do
	service $name "exec=/bin/probe ignore 15 orphan 0 orphan 1 stamp begun forever -" stop-timeout=300ms
done
up
stamped_by '^begun' 3
started=$("$T/probe" now)
down
within "ms" $(($("$T/probe" now) - started)) 250 2000
until_true 1 nobody

claim "the same without an init of the sandbox's own"
clean
service bare "exec=/bin/probe ignore 15 orphan 0 orphan 1 stamp begun forever -" init=no stop-timeout=200ms
up
stamped_by '^begun' 1
tell stop bare
tell wait bare down 5s
until_true 1 nobody
down

claim "without a PID namespace nobody of its session survives"
clean
service session "exec=/bin/probe ignore 15 stamp begun forever -" ns.pid=host stop-timeout=200ms
up
stamped_by '^begun' 1
tell restart session
stamped_by '^begun' 2
tell stop session
tell wait session down 5s
until_true 1 nobody
down

claim "stop-signal is what the payload gets, and a stopped payload hears it: CONT follows"
clean
for signal in TERM INT HUP USR1; do
	service "on-$signal" "exec=/bin/probe trap on-$signal stamp begun forever -" stop-signal=$signal stop-timeout=5s
done
service asleep "exec=/bin/probe trap asleep stamp begun stop - forever -" stop-timeout=5s
up
stamped_by '^begun' 5
nap 0.2
started=$("$T/probe" now)
tell stop on-TERM on-INT on-HUP on-USR1 asleep
for name in on-TERM on-INT on-HUP on-USR1 asleep; do tell wait $name down 5s; done
within "ms" $(($("$T/probe" now) - started)) 0 2000
for want in "on-TERM 15" "on-INT 2" "on-HUP 1" "on-USR1 10" "asleep 15"; do
	same "$want" "$(stamps "^$want ")" 1
done
down

claim "stop-timeout: TERM first, KILL not before its time and soon after it"
clean
service deaf "exec=/bin/probe ignore 15 stamp begun forever -" stop-timeout=400ms
up
stamped_by '^begun' 1
started=$("$T/probe" now)
tell stop deaf
await deaf stopping
tell wait deaf down 5s
within "ms" $(($("$T/probe" now) - started)) 390 1200
same "exit" "$(get deaf exit)" "signal 9"
down

claim "a second TERM hastens the end: nobody's stop-timeout is waited for"
clean
service deaf "exec=/bin/probe ignore 15 stamp begun forever -" stop-timeout=30s
service behind "exec=/bin/probe ignore 15 stamp begun forever -" stop-timeout=30s after=deaf
up
stamped_by '^begun' 2
started=$("$T/probe" now)
kill -TERM "$sup"
await behind stopping
kill -TERM "$sup"
nap 0.3
# Who waited for the first to end may have to be hastened too.
kill -TERM "$sup" 2>/dev/null
ended
same "status" "$status" 0
within "ms" $(($("$T/probe" now) - started)) 0 4000

claim "a stop while the sandbox is built, and a start while it is stopped: the last wish counts"
clean
service busy "exec=/bin/probe ignore 15 stamp begun forever -" stop-timeout=100ms start=manual
up
for i in 1 2 3 4 5 6; do
	tell start busy
	nap "0.00$i"
	tell stop busy
done
tell wait busy down 5s
nap 0.3
same "state" "$(get busy state)" down
tell start busy
await busy up
tell stop busy
await busy stopping
tell start busy
await busy up
same "wish" "$(get busy wish)" up
down
until_true 1 nobody

claim "TERM while everything starts: it ends all the same, and nobody is left"
clean
for i in {1..20}; do service "s$i" "exec=/bin/probe stamp begun forever -"; done
up
kill -TERM "$sup"
ended
same "status" "$status" 0
until_true 1 nobody

claim "KILL of the supervisor leaves no process and no mount, and the next one starts as if nothing had been"
clean
service a "exec=/bin/probe ignore 15 orphan 0 orphan 1 stamp begun forever -"
service b "exec=/bin/probe stamp begun forever -"
service c "exec=/bin/probe ignore 15 stamp begun forever -" init=no
up
stamped_by '^begun' 3
murder_it
until_true 2 nobody
up
await a up
await b up
down

claim "an IPC group of services leaves no entry behind an orderly end"
clean
service a "exec=/bin/probe stamp begun forever -" "ipc=group g"
service b "exec=/bin/probe stamp begun forever -" "ipc=group g"
up
stamped_by '^begun' 2
down
same "entries" "$(registered)" ""
rm -f /run/hutch/g.group

claim "KILL of a sandbox from outside is an end by a signal: it starts again"
clean
service a "exec=/bin/probe stamp begun forever -" "restart-delay=50ms"
up
stamped_by '^begun' 1
kill -KILL "$(get a pid)"
stamped_by '^begun' 2
await a up
same "restarts" "$(get a restarts)" 1
same "exit" "$(get a exit)" null
down
