#!/bin/bash
# One hub of init.conf, and services that name it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

hub=$T/hub
mkdir -p "$hub/usb" "$hub/cd" "$T/other/usb"

named() {	# NAME KEY...: a service with the hub
	service "$1" "exec=/bin/probe forever -" "hub=media /media" "${@:2}"
}
mounts_at() {
	grep -c " $1 " /proc/self/mountinfo
}
have() {	# PATH: how many of the services have a mount there
	local pid n=0
	for pid in $("$H" status --json 2>/dev/null | grep -o '"pid":[0-9]*' | cut -d: -f2); do
		! grep -q " $1 " "/proc/$pid/mountinfo" || n=$((n + 1))
	done
	echo $n
}
reloaded() {
	ask reload
	same "reload" "$status" 0
}
are_up() {
	[ "$("$H" status --json 2>/dev/null | grep -c '"state":"up"')" = "$1" ]
}

sees() {	# sees PLACE NUMBER: of the services that have a mount there
	[ "$(have "$1")" = "$2" ]
}

claim "fifty services of one hub: a medium comes to all of them, and goes; one that is restarted has what all have"
for i in {1..50}; do named "s$i"; done
echo "hub.media=$hub share" >"$D/init.conf"
mount -t tmpfs stick.usb "$hub/usb"
up
until_true 20 are_up 50
same "mounts of the hub" "$(mounts_at "$hub") $(mounts_at "$hub/usb")" "1 1"
same "the one before" "$(have /media/usb)" 50
mount -t tmpfs stick.cd "$hub/cd"
same "the one after" "$(have /media/cd)" 50
pid=$(get s7 pid)
tell restart s7
tell wait s7 up 5s
[ "$(get s7 pid)" != "$pid" ] || note "s7 was not restarted"
same "after a restart" "$(have /media/usb) $(have /media/cd)" "50 50"
ask verify s7
same "verify" "$status" 0
umount "$hub/usb"
same "pulled out" "$(have /media/usb) $(have /media/cd)" "0 50"

claim "a reload that changes nothing of it restarts nobody; neither does an upgrade, and both go on with the hub"
pid=$(get s1 pid)
kill -HUP "$sup"
named s51
reloaded
tell wait s51 up 5s
tell reload --exec
same "s1" "$(get s1 pid)" "$pid"
mount -t tmpfs stick.usb "$hub/usb"
same "after all" "$(have /media/usb)" 51
tell restart s1
tell wait s1 up 5s
same "one that starts under the new program" "$(have /media/usb)" 51
same "mounts of the hub" "$(mounts_at "$hub")" 1

claim "hutch umount --hub asks the supervisor where it is; busy: which service, and who in it"
service reader "hub=media /media" "workdir=/media/usb" "exec=/bin/probe forever -"
reloaded
await reader up
ask umount --hub media usb
same "status" "$status" 1
payload=$(pgrep -P "$(get reader pid)")
like "said" "$text" "hutch: $hub/usb: *busy
  reader: $payload probe: working directory"
ask umount --hub medai usb
same "nearest" "$status $text" "125 hutch: unknown hub medai, did you mean media?"
ask umount --hub --lazy media usb
same "lazy" "$status $text $(have /media/usb) $(mounts_at "$hub/usb")" "0  0 0"
ask umount --hub media cd
same "cd" "$status $text $(have /media/cd) $(mounts_at "$hub/cd")" "0  0 0"

claim "the supervisor is killed and another one comes: the hub is as it was"
mount -t tmpfs stick.usb "$hub/usb"
murder_it
same "the host's" "$(mounts_at "$hub") $(mounts_at "$hub/usb")" "1 1"
rm "$D/reader.conf"
up
until_true 20 are_up 51
same "all" "$(have /media/usb)" 51
same "mounts of the hub" "$(mounts_at "$hub")" 1

claim "another path in init.conf: those who name the hub are started again, with what is there; the others are not"
service plain "exec=/bin/probe forever -"
reloaded
await plain up
pid=$(get plain pid)
echo "hub.media=$T/other share" >"$D/init.conf"
rm "$D"/s[1-9]?.conf
reloaded
like "reload" "$text" "*changed=s1
*"
unlike "reload" "$text" "*plain*"
# What is mounted while a sandbox is built may be too late for it.
until_true 20 are_up 10
mount -t tmpfs stick.usb "$T/other/usb"
umount "$hub/usb"
until_true 20 are_up 10
until_true 5 sees /media/usb 9
same "plain" "$(get plain pid)" "$pid"

claim "hub= of services for which init.conf has none is told at once, with the line, and nothing changes"
rm "$D/init.conf"
ask reload
same "status" "$status" 1
like "said" "$text" "*nothing was changed*s1.conf:*: unknown hub media: hub.NAME=PATH says what it is*"
same "plain" "$(get plain pid)" "$pid"
until_true 5 are_up 10
ask check "$D"
same "check" "$status" 1
like "check" "$text" "*s1.conf:*: unknown hub media*"
printf '%s\n' "hub.media=$hub" "hub.stick=$hub" >"$D/init.conf"
ask check "$D"
same "check" "$status" 1
like "two of one path" "$text" "*init.conf:2:11: $hub is hub media already*"
unlike "the services" "$text" "*unknown hub*"
down
umount "$T/other/usb" "$T/other" "$hub"

claim "boot.* in init.conf is told once, and is no error, without PID 1"
rm -f "$D"/*.conf
named a
printf '%s\n' "hub.media=$hub share" boot.hostname=other boot.deadline=1m >"$D/init.conf"
up
await a up
reloaded
same "said" "$(grep -c 'init.conf: boot.hostname means nothing without PID 1' "$T/said.err")" 1
unlike "the name" "$(uname -n)" other
down
printf '%s\n' "hub.media=$hub" boot.deadline=1m >"$D/init.conf"
up
await a up
unlike "said" "$(cat "$T/said.err")" "*means nothing*"
down
umount "$hub"

claim "the last good profiles know the hub by the machine of today"
printf '%s\n' "hub.media=$hub share" "boot.good=$T/good" >"$D/init.conf"
up
until_true 5 test -s "$T/good"
down
echo nice=99 >>"$D/a.conf"
printf '%s\n' "hub.media=$T/other share" "boot.good=$T/good" >"$D/init.conf"
up
await a up
mount -t tmpfs stick.usb "$T/other/usb"
same "a" "$(get a profile) $(have /media/usb)" "last-good 1"
down
umount "$T/other/usb" "$T/other" "$hub"
