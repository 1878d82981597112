#!/bin/bash
# Command lines and clocks that make no sense, and the other ends of a machine.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
# on: 5.10|6.1|6.12|7|aarch64
. "$(dirname "$0")/lib.sh"

usable() {
	shell
	up web console
	run "hutch status"
	like "status" "$status $text" "0 *console *up *web *up *"
}

claim "a command line full of nonsense, as long as the kernel takes it, changes nothing"
printf -v long '%0700d' 0
boot "hutch.${long//0/x} hutch. hutch.config hutch.debug= hutch=1 = == -- 'a b \"c' $(printf 'x\377\001y') single emergency 3 ${long//0/=}"
usable
run "cat /proc/cmdline | wc -c"
[ "${text:-0}" -gt 1400 ] || note "the command line has only $text bytes"

claim "reboot of toybox starts the machine again"
type reboot
left && like "its end" "$shown" "*reboot: Restarting system*"

claim "a clock that stands at 1970"
extra=(-rtc base=1970-01-01T00:00:00)
boot
usable
run "date -u +%Y"
like "the year" "$text" "19[67]*"

claim "halt of toybox stops the machine, and leaves it on"
type halt
see "reboot: System halted" && sleep 0.3 && { kill -0 "$qemu_pid" || note "the machine is off"; }
reap

claim "a clock that stands at the end of 32 bits, in 2106, and goes on"
extra=(-rtc base=2106-02-07T06:28:10)
boot
usable
# Not every clock of a virtual machine can say it: then it is told.
run "date -u +%Y"
[ "$text" = 2106 ] || run "date -u @4294967290"
run "hutch restart web && date -u +%Y"
like "the year" "$text" 2106
soon "test \$(date -u +%s) -lt 4294967000 -o \$(date -u +%s) -gt 4294967297"
usable

claim "SIGINT to PID 1, which is what ctrl-alt-del comes as, starts the machine again"
type "kill -INT 1"
left && like "its end" "$shown" "*reboot: Restarting system*"

claim "an empty command line: no console is named, and the services run"
service tell type=oneshot ns=none caps=all 'exec=sh -c "wc -c </proc/cmdline >/dev/'"$console"'; hutch wait web up 60s && echo served >/dev/'"$console"'; kill -PWR 1"'
extra=()
bare=1 boot
see "served"
left
