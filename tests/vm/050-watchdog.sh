#!/bin/bash
# The hardware watchdog is petted on proof of progress only. softdog resets as a real one would.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

case $KERNEL in
*full) dog=i6300esb extra=(-device i6300esb -action watchdog=reset) ;;
*) dog=softdog ;;
esac
modules "$dog"

# machine KEY...: an init.conf with the watchdog
machine() {
	printf '%s\n' boot.hostname=hutch "boot.module=$dog" "boot.watchdog=/dev/watchdog 4s budget=3s" "$@" | write /etc/hutch/init.conf
}

# It went, and no kernel said why: nobody had asked for it.
reset_by_hardware() {
	left 60 || return
	[ "$dog" != softdog ] || like "who did it" "$shown" "*softdog: Initiating system reboot*"
	unlike "PID 1" "$shown" "*hutch: ends*"
}

claim "a machine that makes progress lives on, longer than the watchdog's time and the boot's"
machine boot.deadline=20s
service vital critical=yes restart-delay=1h root=tmpfs 'bind=/bin create' 'bind=/run/vital create' \
	'exec=sh -c "test -e /run/vital/good && sleep 100000"'
service prepare type=oneshot ns=none 'exec=sh -c "mkdir /run/vital; touch /run/vital/good"'
sed -i '1i after=prepare' "$T/new/etc/hutch/vital.conf"
boot
shell
up vital web
# All of it is over by then.
soon "sleep 1; test \$(cut -d . -f 1 /proc/uptime) -gt 35"
run "hutch status vital"
like "vital" "$text" "*vital *up *"

claim "a critical service that is away for longer than its budget: the hardware resets the machine"
run "rm /run/vital/good; hutch signal KILL vital"
reset_by_hardware
reap
forget vital
forget prepare

claim "a boot that is not complete by its deadline: the hardware resets the machine"
machine boot.deadline=3s
service never type=oneshot root=tmpfs 'bind=/bin create' start-timeout=1h 'exec=sleep 100000'
boot
reset_by_hardware
reap
forget never

claim "an end in order is no case for the watchdog"
machine
boot
shell
up web
off
