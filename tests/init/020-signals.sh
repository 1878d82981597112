#!/bin/bash
# What signals mean to PID 1, at any time; ends of the machine; requests without an end.
# shellcheck disable=SC2016,SC2119
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
plain() {
	service one "exec=$P trap bye stamp one forever 0"
	boot_up
	await one up
}

claim "USR1 halts, USR2 and PWR power off, TERM and INT reboot: services are stopped before"
for row in "USR1 halt 2" "USR2 poweroff 2" "PWR poweroff 2" "TERM reboot 1" "INT reboot 1"; do
	read -r signal what number <<<"$row"
	plain
	kill -"$signal" "$pid"
	ended_as "signal $number"
	on_console "ends: $what"
	same "$signal: the service was told" "$(stamps bye)" 1
done

claim "the same by hutch shutdown; without a word it powers off"
for row in "halt 2" "poweroff 2" "reboot 1"; do
	read -r what number <<<"$row"
	plain
	ask shutdown "$what"
	like "shutdown $what" "$status" "@(0|143)"	# the asker is a process of the machine too, and told to end
	ended_as "signal $number"
	on_console "ends: $what"
done
plain
ask shutdown
on_console "ends: poweroff"
ended_as "signal 2"

claim "toybox's halt, poweroff and reboot send what PID 1 understands"
for row in "halt 2" "poweroff 2" "reboot 1"; do
	read -r what number <<<"$row"
	if [ ! -e "$M/bin/$what" ]; then
		skip "there is no toybox"
		break
	fi
	plain
	inside "$what"
	ended_as "signal $number"
	on_console "ends: $what"
done

claim "the second one does not wait for anybody, and its word counts"
service deaf "exec=$P ignore 15 stamp deaf forever 0" stop-timeout=1h
service one "exec=$P trap bye stamp one forever 0"
boot_up
await deaf up
kill -TERM "$pid"
await deaf stopping
kill -USR2 "$pid"
ended_as "signal 2" 5
on_console "ends: reboot"
rm "$D/deaf.conf"

claim "HUP reads the profiles again"
plain
service two "exec=$P stamp two forever 0"
kill -HUP "$pid"
stamped_by two 1
await two up
rm "$D/two.conf"
kill -HUP "$pid"
gone_two() { [ -z "$(get two state)" ]; }
until_true gone_two
off

claim "every other signal means nothing to it, but those of a crash"
plain
for ((i = 1; i < 65; i++)); do
	case $i in 1 | 2 | [4-9] | 10 | 11 | 12 | 15 | 19 | 30 | 31 | 32 | 33) continue ;; esac
	kill -"$i" "$pid" || note "kill -$i"
done
ask status one
same "status" "$status" 0
lives || note "PID 1 is gone: $(cat "$E/end")"
off

claim "every signal in the first moment is heard once there is somebody to hear it"
service one "exec=$P trap bye stamp one forever 0"
for row in "USR1 2" "USR2 2" "PWR 2" "TERM 1" "INT 1"; do
	read -r signal number <<<"$row"
	boot
	# As soon as it is init, and not the harness that it was.
	until [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == /init* ]]; do :; done
	kill -"$signal" "$pid"
	ended_as "signal $number"
done

claim "1,000 reload requests a second: it answers, and the service runs on"
plain
first=$(get one pid)
for ((i = 0; i < 2000; i++)); do
	kill -HUP "$pid"
	((i % 500)) || lively_init
done
until_true lives
ask reload
same "reload" "$status" 0
same "pid" "$(get one pid)" "$first"
off

claim "services that end the supervisor end the machine: on-limit=reboot, and a critical one"
service bad "exec=$P exit 1" "restart-delay=0ms 0ms" "restart-limit=1 10s" on-limit=reboot
boot
ended_as "signal 1"
service bad "exec=$P exit 3" restart=never critical=yes
boot
ended_as "signal 1"
rm "$D/bad.conf"
