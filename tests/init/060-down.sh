#!/bin/bash
# The end of a machine: by its deadline, whoever does not want to go.
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
cp "$OUT/storm" "$M/bin/storm"
clean_machine() {
	rm -f "$D"/*.conf
}
# Milliseconds from now until the machine is down: $took, for `ended_as`'s WHAT after SIGNAL.
down_by() {	# SIGNAL WHAT LEAST MOST
	local begin
	begin=$("$T/probe" now)
	kill -"$1" "$pid"
	ended_as "$2" 20
	within "ms until it is down" $(($("$T/probe" now) - begin)) "$3" "$4"
}
# A service without any namespace of its own.
bare() {
	local name=$1
	shift
	printf '%s\n' ns=none init=no stop-timeout=100ms "$@" >"$D/$name.conf"
}
is_silent() { ! "${asker[@]}" test -S /run/hutch/control; }
# What runs in the machine and belongs to no service: PID 1 is what it is left to.
stranger() {
	STAMPS=/data/stamps "${asker[@]}" /bin/storm daemon "$@" </dev/null >"$T/stranger" 2>&1
}

claim "nobody but services that go: the machine is down at once"
service one "exec=$P trap bye stamp one forever 0"
boot_up
await one up
down_by TERM "signal 1" 0 900

claim "services go in reverse order, and what came last is told"
clean_machine
service first "exec=$P trap first stamp begun forever 0"
service second "exec=$P trap second stamp begun forever 0" after=first
service third "exec=$P trap third stamp begun forever 0" after=second
boot_up
stamped_by begun 3
down_by TERM "signal 1" 0 2000
same "order" "$(awk '/ 15 / { printf "%s ", $1 }' "$S/stamps")" "third second first "
on_console "^hutch: reboot"

claim "who is nobody's service gets TERM first, also when it is stopped, and time to end"
clean_machine
machine_conf boot.shutdown-timeout=6s
boot_up
stranger "$P" trap told stamp begun forever 0
stranger "$P" trap told stamp begun stop - forever 0
stamped_by begun 2
down_by TERM "signal 1" 0 2500
same "told" "$(stamps '^told 15')" 2

claim "who ignores TERM is killed when its part of the time is over: daemons, stopped ones, those that fork on"
machine_conf boot.shutdown-timeout=3s
boot_up
stranger "$P" orphan 0 orphan 1 orphan 0 ignore 15 stamp begun forever 0
stranger /bin/storm disobey
stamped_by begun 1
stamped_by orphan 3
down_by TERM "signal 1" 200 3000
on_console "they are killed"

claim "a process that waits for a vforked child which is stopped"
machine_conf boot.shutdown-timeout=2s
boot_up
stranger /bin/storm vfork
in_vfork() { grep -qs '^State:.*D' /proc/[0-9]*/status; }
until_true in_vfork
down_by TERM "signal 1" 0 3000

claim "a stop-timeout of an hour is cut to what the machine has"
clean_machine
machine_conf boot.shutdown-timeout=2s
service deaf "exec=$P ignore 15 stamp deaf forever 0" stop-timeout=1h
service behind "exec=$P ignore 15 stamp deaf forever 0" stop-timeout=1h after=deaf
boot_up
stamped_by deaf 2
down_by USR2 "signal 2" 1000 2900
# By the supervisor, in order, and not by what follows it.
on_console "behind: down: ended by signal 9"
on_console "deaf: down: ended by signal 9"

claim "a child that cannot be killed: PID 1 makes the last call by its deadline and a second"
clean_machine
machine_conf boot.shutdown-timeout=2s
bare stuck env=STAMPS=/data/stamps "exec=$P stamp stuck forever 0"
boot_up
stamped_by stuck 1
# Traced from outside of its namespace a dead process stays one until its tracer lets it go.
"$OUT/storm" hold "$(host_pid "stamp stuck")" "$pid" >"$T/held" &
holder=$!
until_true grep -q held "$T/held"
begin=$("$T/probe" now)
kill -TERM "$pid"
wait "$holder"
within "ms until the last call" $(($(tail -n 1 "$T/held") - begin)) 1000 3000
ended_as "signal 1"
on_console "not all processes can be killed"

claim "TERM twice: nobody's good will is waited for, in the services' time and after it"
clean_machine
machine_conf boot.shutdown-timeout=1h
service deaf "exec=$P ignore 15 stamp deaf forever 0" stop-timeout=1h
boot_up
stranger "$P" ignore 15 stamp stranger forever 0
stamped_by deaf 1
stamped_by stranger 1
begin=$("$T/probe" now)
kill -TERM "$pid"
await deaf stopping
kill -TERM "$pid"
ended_as "signal 1"
within "ms" $(($("$T/probe" now) - begin)) 0 4000
clean_machine
machine_conf boot.shutdown-timeout=1h
boot_up
stranger "$P" ignore 15 stamp stranger forever 0
stamped_by stranger 1
kill -TERM "$pid"
on_console "ends: reboot"
until_true 5 is_silent
begin=$("$T/probe" now)
kill -TERM "$pid"
ended_as "signal 1"
within "ms after the second" $(($("$T/probe" now) - begin)) 0 4000

claim "a console that is stopped holds nobody up, however much there is to say"
machine_conf boot.shutdown-timeout=3s
service loud "exec=$P flood 0" log=console
boot_up
await loud up
kill -USR1 "$cradle"
nap 0.5
down_by TERM "signal 1" 0 4000

claim "a full process table"
clean_machine
machine_conf boot.shutdown-timeout=3s
bare full "exec=/bin/storm fill"
before=$(cat /proc/sys/kernel/pid_max)
boot_up
"${asker[@]}" sh -c 'echo 400 >/proc/sys/kernel/pid_max' 2>/dev/null
if [ "$(cat /proc/sys/kernel/pid_max)" != "$before" ]; then
	echo "$before" >/proc/sys/kernel/pid_max
	skip "this kernel has one pid_max for all"
	off
else
	is_full() { [ "$(wc -w <"/proc/$pid/task/$pid/children")" -gt 0 ] && ! "${asker[@]}" true; }
	until_true 20 is_full
	down_by TERM "signal 1" 0 4000
fi
