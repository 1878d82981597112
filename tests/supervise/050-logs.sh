#!/bin/bash
# What services write: kept, told, handed on, and never in anybody's way.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

logs() {
	"$H" logs "$@" 2>/dev/null
}
logs_say() {	# NAME PATTERN
	logs "$1" | grep -q "$2"
}

claim "the ring goes over restarts: the last words before a crash are there, and those after it"
service talk "exec=/bin/probe say before first 3 say after forever -" "restart-delay=20ms"
up
until_true logs_say talk after
same "lines" "$(logs talk | tr '\n' ' ')" "before before after "

claim "a line that was not ended gets its end when the run is over"
service half "exec=/bin/probe partial half-a-line exit 0" restart=never
ask reload
await half down
same "text" "$(logs half; echo .)" $'half-a-line\n.'

claim "hutch logs -n: the last lines; -t: when they came, in seconds since boot; what is stopped has its log"
service many "exec=/bin/probe lines 50 exit 0" restart=never
ask reload
await many down
same "-n 3" "$(logs -n 3 many | tr '\n' ' ')" "line 48 line 49 line 50 "
same "-n 0" "$(logs -n 0 many)" ""
like "-t" "$(logs -t -n 1 many)" "[0-9]*.[0-9][0-9][0-9] line 50"

claim "hutch logs -f goes on with what comes, over a restart"
service ticks "exec=/bin/probe say begin sleep 200 say more sleep 200 exit 0" "restart-delay=50ms 50ms"
ask reload
await ticks up
timeout 1.5 "$H" logs -f ticks >"$T/follow" 2>&1
same "status" "$?" 124
within "begin" "$(grep -c begin "$T/follow")" 2 9
within "more" "$(grep -c more "$T/follow")" 2 9
down

claim "what the ring had no room for is counted and told"
clean
service loud "exec=/bin/probe flood 100 say last-line exit 0" restart=never log-size=4k
service quiet "exec=/bin/probe say hello forever -"
up
await loud down
like "the newest" "$(logs -n 1 loud)" "*last-line"
within "bytes kept" "$(logs loud | wc -c)" 2000 4096
service loud "exec=/bin/probe flood 0" log-size=4k
ask reload
tell start loud
await loud up
# shellcheck disable=SC2094 # that it is still empty is what counts
timeout 10 "$H" logs -f loud 2>"$T/lost" | for i in {1..40}; do
	[ -s "$T/lost" ] && break
	nap 0.2
	dd bs=64k count=1 of=/dev/null 2>/dev/null
done
like "told to a reader who is too slow" "$(cat "$T/lost")" "*bytes are lost here*"

claim "a payload that writes without end slows neither another one's restart nor the replies"
service other "exec=/bin/probe stamp other forever -" "restart-delay=10ms"
ask reload
await other up
lively
best=9999
for i in {1..5}; do
	n=$(stamps '^other')
	old=$("$T/probe" now)
	tell restart other
	stamped_by '^other' $((n + 1))
	took=$(($(awk '$1 == "other" { t = $2 } END { print t }' "$S/stamps") - old))
	[ "$took" -ge "$best" ] || best=$took
done
within "a restart in ms" "$best" 0 150

claim "it may write as fast as it likes, but the supervisor's memory stays"
before=$(awk '/VmRSS/ { print $2 }' "/proc/$sup/status")
nap 0.5
within "growth in KiB" $(($(awk '/VmRSS/ { print $2 }' "/proc/$sup/status") - before)) -2000 200
down

claim "a payload that closed its output goes on, and one that is silent for ever too"
clean
service closed "exec=/bin/probe close 1 close 2 sleep 50 stamp lives forever -"
up
stamped_by '^lives' 1
await closed up
same "restarts" "$(get closed restarts)" 0
down

claim "log=file: every line is there, rotated at its size, and no more old files than keep="
clean
mkdir -p "$S/log"
service file "exec=/bin/probe lines 2000 exit 0" restart=never "log=file $S/log/app size=8k keep=2" log-size=64k
up
await file down
until_true grep -q '^line 2000$' "$S/log/app"
same "files" "$(cd "$S/log" && echo *)" "app app.1 app.2"
for f in "$S"/log/*; do within "size of $f" "$(stat -c %s "$f")" 1 8192; done
same "in order" "$(cat "$S"/log/app.2 "$S"/log/app.1 "$S"/log/app | awk '{ if (n && $2 != n + 1) bad++; n = $2 } END { print bad + 0, n }')" "0 2000"
same "mode" "$(stat -c %a "$S/log/app")" 640

claim "log=file: a file that was moved away is made anew, one that cannot be written harms nobody"
mv "$S/log/app" "$S/log/away"
service dir "exec=/bin/probe say lost stamp dir forever -" "log=file $S/log"
service fifo "exec=/bin/probe say lost stamp fifo forever -" "log=file $S/fifo"
mkfifo "$S/fifo"
ask reload
tell start file
until_true grep -q '^line 2000$' "$S/log/app"
stamped_by '^dir' 1
stamped_by '^fifo' 1
lively
down

claim "log=syslog: one datagram a line with the service's name; the first lines come late, but they come"
clean
mkdir -p "$T/dev"
service sys "exec=/bin/probe say early forever -" log=syslog
mount -t tmpfs dev "$T/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/console "$T/dev/" 2>/dev/null
mkdir -p "$T/dev/pts" "$T/dev/shm"
mount --bind "$T/dev" /dev
umount "$T/dev"
mark
up
until_true logs_say sys early
timeout 10 "$T/probe" hear /dev/log >"$T/syslog" &
hear=$!
until [ -S /dev/log ]; do nap; done
tell restart sys
# A target is looked for again when something happens, a second after the last time.
while kill -0 $hear 2>/dev/null; do
	"$H" status >/dev/null
	nap 0.1
done
wait $hear
same "first datagram" "$(cat "$T/syslog")" "<30>sys: early"
down

claim "log=console: a line with the service's name at /dev/console"
clean
rm -f /dev/console
mkfifo /dev/console
exec {console}<>/dev/console
service con "exec=/bin/probe say shown forever -" log=console
up
read -r -t 5 -u "$console" line
same "line" "$line" "con: shown"

claim "log=console: nobody reads it: nothing waits, and what is missing is told when it goes on"
service full "exec=/bin/probe lines 20000 stamp written forever -" log=console log-size=4k
ask reload
stamped_by '^written' 1
lively
n=0
while read -r -t 1 -u "$console" line; do
	[[ $line == *"bytes are missing here"* ]] && n=1
	[[ $line == "full: line 20000" ]] && break
done
same "the last line came" "$line" "full: line 20000"
same "told what is missing" $n 1
down
exec {console}>&-

claim "log=kmsg: one record a line, with the service's name"
clean
service kernel "exec=/bin/probe say to-the-kernel-$SRANDOM forever -" log=kmsg
[ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11 2>/dev/null
if [ -c /dev/kmsg ] && word=$(sed -n 's/.*\(to-the-kernel-[0-9]*\).*/\1/p' "$D/kernel.conf") && dmesg >/dev/null 2>&1; then
	up
	until_true 5 logs_say kernel "$word"
	kernel_says() { dmesg | grep -q "kernel: $word"; }
	until_true kernel_says
	down
else
	skip "no kernel log here"
fi

claim "stderr that nobody reads does not hold the supervisor up"
clean
service crash "exec=/bin/probe stamp crash exit 1" "restart-delay=0ms 5ms"
rm -f "$T/said.err"
mkfifo "$T/said.err"
exec {err}<>"$T/said.err"
up
stamped_by '^crash' 400 20
lively
down
exec {err}>&-
