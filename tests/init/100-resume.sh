#!/bin/bash
# PID 1 becomes another program, and crashes, and the machine goes on.
# shellcheck source=SCRIPTDIR/lib.sh disable=SC2119,SC2016
. "${0%/*}/lib.sh"

fds() {
	find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l
}
event() { ask events && grep -q "$1" <<<"$text"; }
pids() { echo "$(get web pid) $(get watched pid) $(get web restarts) $(get watched restarts)"; }

machine_conf boot.rescue-timeout=3s boot.shutdown-timeout=5s
service web "exec=/bin/probe stamp web forever 0"
service watched "exec=/bin/probe notify READY=1 beat 100" ready=notify watchdog=3s
boot_up
await web up
await watched up

claim "PID 1 is upgraded over and over, and to a file that took the place of its own: its services run on"
before=$(pids)
for i in 1 2 3; do
	tell reload --exec
done
fds=$(fds)
for i in {1..17}; do
	tell reload --exec
done
cp "$M/init" "$M/new"
mv "$M/new" "$M/init"
tell reload --exec
until_true event 'resumed after upgrade 21'
same "services" "$(pids)" "$before"
fds_are() { [ "$(fds)" = "$fds" ]; }
until_true fds_are
same "program" "$(readlink "/proc/$pid/exe" | sed 's|.*/||')" init
on_console 'resumed after upgrade 21'
lives || note "the machine ended"

claim "what is no program, or another one: told, and nothing is changed"
ask reload --exec /bin/probe
same "status" "$status" 1
like "text" "$text" "*nothing was changed: it is no hutch*"
ask reload --exec /nothing
like "text" "$text" "*nothing was changed: /nothing: No such file*"
same "services" "$(pids)" "$before"

claim "it still is PID 1 with all that belongs to it: orphans, signals, a reload, the end of the machine"
service other "exec=/bin/probe stamp other forever 0"
kill -HUP "$pid"
await other up
kill -INT "$pid"
ended_as "signal 1" 15

claim "PID 1 crashes: its services run on, and its end is as ever"
boot_up
await web up
await watched up
before=$(pids)
kill -SEGV "$pid"
until_true event 'resumed after crash 1, by signal 11'
same "services" "$(pids)" "$before"
tell restart web
await web up
tell reload --exec
kill -USR2 "$pid"
ended_as "signal 2" 15

claim "a second crash soon after: services run on, there is a shell, and then a reboot"
boot_up
await web up
before=$(get web pid)
kill -ABRT "$pid"
until_true event 'resumed after crash 1, by signal 6'
kill -BUS "$pid"
on_console 'crashed again and gives up'
lives || note "the machine ended at once"
typed 'echo it is a $((40 + 2)) shell\n'
on_console 'it is a 42 shell'
typed "[ -d /proc/$before ] && echo web runs on\n"
on_console 'web runs on'
ended_as "signal 1" 10

claim "without memfd PID 1 lives as ever; an upgrade is refused, a crash ends in the shell"
in_front=("$T/probe" without memfd)
boot_up
await web up
ask reload --exec
like "text" "$text" "*nothing was changed:*in no memory that outlives this hutch*"
await web up
kill -SEGV "$pid"
on_console 'crashed again and gives up'
ended_as "signal 1" 10
in_front=()
