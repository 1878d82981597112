#!/bin/bash
# The console: a service's terminal, and PID 1's own words, whatever becomes of it.
# shellcheck disable=SC2016,SC2119
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
[ -e "$M/bin/sh" ] || no_shell="there is no toybox"
shell() {	# NAME KEY=...: a shell on the console, in the host's namespaces
	local name=$1
	shift
	printf '%s\n' type=console ns=none caps=all no-new-privs=no env=PATH=/bin "env=PS1=prompt-$name " exec=/bin/sh "$@" >"$D/$name.conf"
}

claim "a shell on the console: what is typed runs, and hutch answers there"
if [ -n "${no_shell:-}" ]; then
	skip "$no_shell"
	exit 0
fi
service one "exec=$P say first-words stamp one forever 0"
shell login
boot_up
await login up
await one up
typed 'echo $((40 + 2))-typed\n'
on_console '^42-typed'
typed 'hutch status\n'
on_console '^one +up'
on_console '^login +up'
typed 'hutch logs one\n'
on_console '^first-words'
typed 'echo mine >/dev/tty\n'
on_console '^mine'

claim "it is the controlling terminal: ^C reaches what runs in front, not the shell"
shell_pid=$(get login pid)
typed 'sleep 1000; echo after-$?-all\n'
runs_sleep() { inside pgrep sleep && [ "$status" = 0 ]; }
until_true runs_sleep
typed '\003'
no_sleep() { ! runs_sleep; }
until_true no_sleep
typed 'echo still-$((1 + 1))\n'
on_console '^still-2'
same "the shell" "$(get login pid)" "$shell_pid"

claim "a shell that ends comes again, and PID 1 still has the console that its end hung up"
typed 'exit\n'
new_shell() { local now; now=$(get login pid); [ -n "$now" ] && [ "$now" != "$shell_pid" ]; }
until_true new_shell
await login up
typed 'echo again-$((3 * 3))\n'
on_console '^again-9'

claim "it is a launcher that starts it each time: PID 1 opens no terminal that may hang"
shell_pid=$(get login pid)
typed 'exit\n'
until_true new_shell
await login up
same "launch" "$(get login launch)" "launcher: a terminal may hang when it is opened"
typed 'echo third-$((3 * 9))\n'
on_console '^third-27'
service two "exec=$P forever 0"
ask reload
on_console 'hutch: two: up'
off
rm "$D/two.conf"

claim "its output is on the console alone, and log= has nothing to say about it"
shell bad log=ring
boot_up
ask status bad
like "log=" "$text" "*there is no output to log*"
ask logs login
same "logs" "$text" ""
off
rm "$D/bad.conf"

claim "in a sandbox with its own /dev too, where it is called /dev/console"
printf '%s\n' type=console root=/ env=PATH=/bin exec=/bin/sh >"$D/login.conf"
boot_up
await login up
typed 'echo in-$((2 * 4)) >/dev/console\n'
on_console '^in-8'
typed 'echo tty-$((2 * 5)) >/dev/tty\n'
on_console '^tty-10'
typed 'ls /proc | grep -c "^1$"; ls /dev/kmsg\n'
on_console 'ls: /dev/kmsg'
off

claim "one service at a time: the second waits for the first, and gets it then"
shell first
shell second
rm "$D/login.conf"
boot_up
await first up
ask status second
like "second" "$text" "*blocked*waits for first*"
ask stop first
await second up
typed 'echo second-$((1 + 1))\n'
on_console '^second-2'
ask start first
await first blocked
same "second" "$(get second state)" up
off
rm "$D/second.conf"

claim "who holds the terminal otherwise loses it"
service one "exec=$P forever 0"
boot_up
await first up
ask stop first
await first down
"${asker[@]}" /bin/sh -c 'exec setsid -c sleep 30 </dev/console' >/dev/null 2>&1 &
thief=$!
has_thief() { inside ps -o tty,args && [[ $text == *sleep\ 30* ]]; }
until_true has_thief
ask start first
await first up
typed 'echo mine-$((1 + 5))\n'
on_console '^mine-6'
kill "$thief" 2>/dev/null
off

claim "a console that is stopped with ^S, or read by nobody, keeps nobody waiting"
rm "$D/first.conf"
service loud log=console "exec=$P flood 0"
service one "exec=$P forever 0"
boot_up
await loud up
typed '\023'
lively_init
tell restart one
await one up
lively_init
typed '\021'
kill -USR1 "$cradle"
lively_init
service two "exec=$P forever 0"
ask reload
await two up
lively_init
kill -USR1 "$pid"
ended_as "signal 2"
rm "$D/two.conf" "$D/loud.conf"

claim "a console that goes away: services run on, a shell is tried again, the end is an end"
shell first
boot_up
await first up
kill -USR2 "$cradle"
await first delayed
await one up
lively_init
kill -TERM "$pid"
ended_as "signal 1"

claim "a console that stands there stopped when the machine boots, and nobody reads"
boot
kill -USR1 "$cradle"
typed '\023'
await first up 10
await one up
kill -TERM "$pid"
ended_as "signal 1"

claim "boot.console names another terminal, and one that is not there falls back"
machine_conf boot.console=/dev/nothing
boot_up
await first up
typed 'echo fall-$((1 + 8))\n'
on_console '^fall-9'
off

claim "hutch.debug on the kernel's command line tells people every step"
rm "$D/first.conf" "$D/init.conf"
echo hutch.debug >"$T/line"
boot cmdline="$T/line"
on_console 'hutch: one: building'
off
