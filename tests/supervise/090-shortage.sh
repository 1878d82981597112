#!/bin/bash
# Bad input, and times when something is short: whoever should be up is up afterwards.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

chmod 755 "$T" "$H" "$T/probe"
good() {
	service good "exec=/bin/probe stamp good forever -"
}
as_nobody() {
	launcher=(setpriv --reuid 65534 --regid 65534 --clear-groups env "XDG_RUNTIME_DIR=$T/xdg")
	asker=("${launcher[@]}")	# its own user asks: nobody else is listened to
}
as_root() {
	launcher=() asker=()
}
mkdir -p "$T/xdg"
chown 65534:65534 "$T/xdg"
chmod 700 "$T/xdg"

# ---- profiles ---------------------------------------------------------------------

claim "profiles that are binary, empty, too big, a directory, a FIFO, a device or a circle of links: named, and the good one runs"
good
head -c 5000 /dev/urandom >"$D/binary.conf"
: >"$D/empty.conf"
mkdir "$D/directory.conf"
mkfifo "$D/fifo.conf"
ln -s loop.conf "$D/loop.conf"
ln -s /dev/zero "$D/zero.conf"
ln -s nothing "$D/dangling.conf"
yes "# ten megabytes" | head -c 10000000 >"$D/big.conf"
awk 'BEGIN { printf "exec="; for (i = 0; i < 100000; i++) printf "x"; print "" }' >"$D/wide.conf"
printf 'exec=/bin/probe\0forever\n' >"$D/nul.conf"
up
await good up
for name in binary empty directory fifo loop zero dangling big nul; do
	same "$name" "$(get $name state)" down
	like "why $name" "$(get $name why)" "?*"
done
like "told with its name" "$(events)" "*binary.conf*"

claim "with all of them there no reload changes what runs, and each is refused"
pid=$(get good pid)
ask reload
like "reload" "$text" "hutch: nothing was changed*"
same "pid" "$(get good pid)" "$pid"
kill -0 "$sup" 2>/dev/null || note "the supervisor has ended"
down

claim "names that are no names: told, none of them runs, nothing breaks"
clean
good
for name in "a b" 'a"b' "a=b" 'ü' "-rf" "x;y" "$(printf 'a\nb')" "$(head -c 200 /dev/zero | tr '\0' n)" .hidden; do
	cp "$D/good.conf" "$D/$name.conf"
done
cp "$D/good.conf" "$D/notes.txt"
: >"$D/.conf"
up
await good up
same "runs" "$("$H" status --json | grep -c '"state":"up"')" 1
same "json" "$("$H" status --json | python3 -c 'import json, sys; print(type(json.load(sys.stdin)).__name__)' 2>&1)" list
down

claim "a profile that changes while it is read again and again: no reload ends anything, the last one counts"
clean
good
service moving "exec=/bin/probe forever -"
up
await good up
pid=$(get good pid)
cp "$D/moving.conf" "$T/moving.conf"
"$T/probe" scribble "$D/moving.conf" 1000 &
scribble=$!
while kill -0 $scribble 2>/dev/null; do ask reload; done
wait $scribble
cp "$T/moving.conf" "$D/moving.conf"
ask reload
same "status" "$status" 0
await moving up
same "pid" "$(get good pid)" "$pid"
down

claim "a path that there is not: 125 with its name, and no directory at all: 2"
text=$(timeout 10 "$H" supervise "$T/nosuch" 2>&1)
same "status" "$?" 125
like "text" "$text" "*$T/nosuch*"
timeout 10 "$H" supervise >/dev/null 2>&1
same "status" "$?" 2

claim "an empty directory is a set too: it runs, and a reload brings the first service"
clean
up
ask status
same "status" "$status" 0
good
ask reload
await good up
down

# ---- rootless ----------------------------------------------------------------------

claim "as an ordinary user: a supervisor of one's own, in \$XDG_RUNTIME_DIR; a profile that cannot be read is told"
clean
good
service other "exec=/bin/probe ignore 15 orphan 0 stamp other forever -" stop-timeout=200ms
service secret "exec=/bin/probe forever -"
chmod 000 "$D/secret.conf"
as_nobody
up
stamped_by '^good' 1
stamped_by '^other' 1
await good up
await other up
ask status
like "status" "$text" "*good *up*other *up*secret *down*secret.conf: Permission denied*"
[ -S "$T/xdg/hutch/control" ] || note "no socket in XDG_RUNTIME_DIR"
tell stop other
tell wait other down 5s
down
same "status" "$status" 0
gone strangers
as_root

claim "no process can be made for seconds: no service is lost, nearly no time is used, all is up soon after"
clean
service crash "exec=/bin/probe stamp crash sleep 300 exit 1" "restart-delay=50ms 400ms"
service stays "exec=/bin/probe stamp stays forever -"
service job "exec=/bin/probe stamp job exit 0" type=oneshot every=300ms restart=always "restart-delay=50ms 400ms"
as_nobody
up
stamped_by '^crash' 2
stamped_by '^stays' 1
processes() {	# the soft limit of who is supervised; its own user may change that
	setpriv --reuid 65534 --regid 65534 --clear-groups prlimit --pid "$sup" --nproc="$1:"
}
before=$(awk '/Max processes/ { print $3 }' "/proc/$sup/limits")
processes 1
nap 1
runs=$(stamps '^crash')
cpu=$("$T/probe" cpu "$sup")
nap 2
within "ms of processor time in 2 s" $(($("$T/probe" cpu "$sup") - cpu)) 0 100
same "none was started" "$(stamps '^crash')" "$runs"
await crash delayed
processes "$before"
lifted=$("$T/probe" now)
stamped_by '^crash' $((runs + 1))
within "ms until it was up again" $(($(awk '$1 == "crash" { t = $NF } END { print t }' "$S/stamps") - lifted)) -50 700
n=$(stamps '^job')
stamped_by '^job' $((n + 2))
same "the other one" "$(stamps '^stays')" 1
# Told once in a while, not with every attempt: the log stays readable.
ask events
within "events" "$(wc -l <<<"$text")" 5 200
down
gone strangers
as_root

claim "no descriptor is left for seconds: all is up soon after, and the control socket answers again"
clean
service crash "exec=/bin/probe stamp crash sleep 200 exit 1" "restart-delay=50ms 400ms"
service stays "exec=/bin/probe stamp stays forever -"
up
stamped_by '^crash' 2
hard=$(awk '/open files/ { print $5 }' "/proc/$sup/limits")
prlimit --pid "$sup" --nofile=4:"$hard"
nap 1
runs=$(stamps '^crash')
cpu=$("$T/probe" cpu "$sup")
nap 1
within "ms of processor time in 1 s" $(($("$T/probe" cpu "$sup") - cpu)) 0 100
prlimit --pid "$sup" --nofile="$hard:$hard"
stamped_by '^crash' $((runs + 1))
await stays up
same "the other one" "$(stamps '^stays')" 1
down

# ---- /run ---------------------------------------------------------------------------

for kind in "full:-o size=4k,nr_inodes=1" "read-only:-o ro"; do
	claim "/run/hutch ${kind%%:*}: services run and restart; the control socket comes when it can, and tells the truth"
	clean
	service crash "exec=/bin/probe stamp crash sleep 100 exit 1" "restart-delay=50ms 100ms"
	service stays "exec=/bin/probe stamp stays forever -"
	mkdir -p /run/hutch
	# shellcheck disable=SC2086
	mount -t tmpfs ${kind#*:},mode=755 tiny /run/hutch
	up
	stamped_by '^crash' 3
	stamped_by '^stays' 1
	ask status
	same "status meanwhile" "$status" 125
	mount -o remount,rw,size=1m,nr_inodes=100 /run/hutch
	until_true 5 "$H" status stays
	same "truth" "$(get stays state) $(get stays restarts)" "up 0"
	within "restarts" "$(get crash restarts)" 2 1000
	down
	umount /run/hutch
done

claim "/run/hutch fills up while it runs: stop, start and logs go on"
clean
service a "exec=/bin/probe stamp a say hello forever -"
mkdir -p /run/hutch
mount -t tmpfs -o size=64k,nr_inodes=20,mode=755 tiny /run/hutch
up
await a up
for i in {1..30}; do : >"/run/hutch/fill.$i"; done 2>/dev/null
cat /dev/zero >/run/hutch/fill.1 2>/dev/null
tell restart a
stamped_by '^a' 2
await a up
same "logs" "$("$H" logs -n 1 a)" hello
down
umount /run/hutch

claim "an empty /dev: services that want nothing of it run, those that want its nodes are up when they are there"
clean
service good "exec=/bin/probe stamp good forever -" dev=none mask=none
service nodes "exec=/bin/probe stamp nodes forever -" "restart-delay=50ms 200ms"
mkdir -p "$T/dev"
# shellcheck disable=SC2016
launcher=(unshare -m sh -c 'mount --bind "$0" /dev && exec "$@"' "$T/dev")
up
asker=(nsenter -t "$sup" -m)
await good up
tell restart good
stamped_by '^good' 2
await good up
await nodes delayed
nsenter -t "$sup" -m umount /dev
await nodes up
down
launcher=() asker=()

# ---- numbers ---------------------------------------------------------------------------

# Below 300 only the first round goes: of 360, sixty are left.
claim "a table of pids that is used up and goes round: no stranger is taken for a service"
clean
read -r major minor < <(uname -r | tr . ' ' | cut -d ' ' -f 1,2)
if [ $((major * 1000 + minor)) -lt 6014 ]; then
	skip "pid_max of a PID namespace came with 6.14"
else
	service churn "exec=/bin/probe stamp churn exit 1" "restart-delay=0ms 0ms"
	service stays "exec=/bin/probe trap stays-end stamp stays forever -"
	before=$(cat /proc/sys/kernel/pid_max)
	echo 360 >/proc/sys/kernel/pid_max
	up
	stamped_by '^churn' 300 20
	await stays up
	same "the other one" "$(stamps '^stays ') $(stamps '^stays-end')" "1 0"
	lines=$(stamps '^churn')
	until_true 5 stamped '^churn' $((lines + 20))
	down
	echo "$before" >/proc/sys/kernel/pid_max
fi

claim "a bomb of processes in a service: replies within 100 ms, others restart, stop ends it"
clean
service bomb "exec=/bin/probe stamp bomb bomb -" user=1000 group=1001 rlimit.nproc=150 stop-timeout=300ms
service other "exec=/bin/probe stamp other forever -"
up
stamped_by '^bomb' 1
nap 0.5
lively
tell restart other
stamped_by '^other' 2 10
tell stop bomb
tell wait bomb down 5s
same "left of it" "$(pgrep -f 'probe stamp bomb' | wc -l)" 0
down

claim "a hundred services that crash at once and for ever: replies within 100 ms, and the one that stays stays"
clean
for i in {1..100}; do service "c$i" "exec=/bin/probe exit 1" "restart-delay=200ms 500ms"; done
service stays "exec=/bin/probe stamp stays forever -"
up
await stays up 20
lively
same "the other one" "$(stamps '^stays')" 1
down

claim "the supervisor reaps orphans that are nobody's"
clean
# Whoever leaves its session in a sandbox without a PID namespace becomes the supervisor's child.
service leaver "exec=/bin/probe orphan 0 exit 0" ns.pid=host restart=never
up
await leaver down
stamped_by '^orphan' 1
pkill -KILL -P "$sup" -f orphan
# shellcheck disable=SC2009 # the state is what counts
no_zombie() { ! ps -o stat= --ppid "$sup" | grep -q Z; }
until_true 2 no_zombie
down

claim "nothing to do: no processor time at all"
clean
for i in {1..20}; do service "s$i" "exec=/bin/probe forever -"; done
up
await s20 up
nap 0.5
cpu=$("$T/probe" cpu "$sup")
turns=$(awk '/^voluntary/ { print $2 }' "/proc/$sup/status")
nap 2
within "ms of processor time in 2 s" $(($("$T/probe" cpu "$sup") - cpu)) 0 1
within "times it woke up" $(($(awk '/^voluntary/ { print $2 }' "/proc/$sup/status") - turns)) 0 1
down

claim "a clock that jumps by ten years"
skip "clock_settime would change this machine; that only CLOCK_MONOTONIC is asked is shown next"

claim "no time but CLOCK_MONOTONIC is asked for: not in the source, not at run time"
src=$HERE/../../src
same "the source" "$(grep -lE 'CLOCK_REALTIME|gettimeofday|[^_a-z]time\((NULL|0)\)|TIMER_ABSTIME|timerfd' "$src"/supervise/*.c "$src"/service/*.c)" ""
same "k_now_ms" "$(grep -A9 'k_now_ms(' "$src"/kernel/k.c | grep -oE 'CLOCK_[A-Z]+' | sort -u)" CLOCK_MONOTONIC
