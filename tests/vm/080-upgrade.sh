#!/bin/bash
# PID 1 of a real machine becomes another program, and survives its own crash.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

pids() {	# of the services that run
	run "hutch status --json web console | grep -oE '\"(pid|restarts)\":[0-9]+'"
}

printf '%s\n' boot.hostname=hutch boot.rescue-timeout=3s | write /etc/hutch/init.conf

claim "20 upgrades of PID 1: the same services, none started again"
boot
shell
up web
pids
before=$text
like "pids" "$before" "*pid*restarts*"
run "i=0; while [ \$i -lt 20 ]; do hutch reload --exec || echo failed; i=\$((i+1)); done; echo done"
like "upgrades" "$text" "*resumed after upgrade 20*done"
unlike "upgrades" "$text" "*failed*"
pids
same "pids" "$text" "$before"
run "hutch verify web"
like "verify" "$status $text" "0 web: as stated*"

claim "a new file of the program is what it becomes; something else is refused, and all goes on"
run "cp /bin/hutch /run/other && hutch reload --exec /run/other && ls -l /proc/1/exe"
same "upgrade" "$status" 0
run "hutch reload --exec /bin/toybox"
unlike "toybox" "$status" 0
run "head -c 60000 /bin/hutch >/run/short && chmod 755 /run/short && hutch reload --exec /run/short"
unlike "a short file" "$status" 0
pids
same "pids" "$text" "$before"

claim "a crash of PID 1 is survived: the same services, and the machine goes on"
run "kill -SEGV 1"
see "hutch: .*crash" || :
pids
same "pids" "$text" "$before"

claim "a second crash at once: a rescue that ends with a new start of the machine"
type "kill -SEGV 1"
left 90 && like "its end" "$shown" "*reboot: Restarting system*"
