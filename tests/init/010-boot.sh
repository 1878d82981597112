#!/bin/bash
# PID 1 comes up, whatever is missing: descriptors, devices, file systems, profiles.
# shellcheck disable=SC2016,SC2119
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
one() {
	service one "exec=$P stamp one forever 0"
}
runs() {	# it is up, with its service
	stamped_by one 1 10
	await one up
	lives || note "PID 1 is gone: $(cat "$E/end")"
}

claim "as /init it mounts what a machine needs, and keeps its services up"
one
boot
runs
inside cat /proc/mounts
for place in proc sys dev/pts dev/shm run; do
	like "/$place" "$text" "* /$place *"
done
inside hostname
same "host name" "$text" none
off

claim "with descriptors 0 to 2 closed: none of them becomes something else"
boot closed
runs
for fd in 0 1 2; do
	like "descriptor $fd" "$(readlink "/proc/$pid/fd/$fd")" "/dev/*"
done
off

claim "with descriptors 0 to 2 closed and an empty /dev"
boot closed dev=empty
runs
inside sh -c 'echo x >/dev/null && head -c 3 /dev/zero | wc -c'
same "/dev/null and zero were made" "$status $text" "0 3"
off

claim "without a console"
boot noconsole
runs
off

claim "with an empty /etc: it stays, and takes the profiles that come later"
mv "$M/etc" "$M/etc.away"
mkdir "$M/etc"
boot
until_true 10 answers_now
on_console "etc/hutch"
rmdir "$M/etc"
mv "$M/etc.away" "$M/etc"
ask reload
runs
off

claim "with a read-only root"
boot readonly
runs
off

claim "with a read-only root that lacks mount points"
rmdir "$M/sys" "$M/dev/shm" 2>/dev/null
boot readonly
runs
ask events
like "it is told" "$text" "*mount /sys: *"
off
mkdir -p "$M/sys"

claim "with a /run that is full, or noexec"
boot run=full
stamped_by one 1 10
lives || note "PID 1 is gone"
off
boot run=noexec
runs
off

claim "without any /proc"
boot noproc
on_console "mount /proc"
sleep 0.3
lives || note "PID 1 is gone: $(cat "$E/end")"
kill -TERM "$pid"
ended_as "signal 1"
rm -f "$M/proc"
mkdir "$M/proc"

claim "with a command line of garbage, of 4 KiB, and with words of its own"
head -c 4096 /dev/urandom >"$T/line"
boot cmdline="$T/line"
runs
off
{ printf 'hutch.config=/etc/other '; head -c 4000 /dev/zero | tr '\0' 'x'; } >"$T/line"
mkdir "$M/etc/other"
mv "$D/one.conf" "$M/etc/other"
boot cmdline="$T/line"
runs
off
mv "$M/etc/other/one.conf" "$D/one.conf"

claim "words of the kernel that are handed to init are no commands"
words=(splash auto -- quiet)
boot
runs
off
words=(check /etc)
boot
runs
words=()
off

claim "as /bin/hutch it is PID 1 without a word, with init, and with what is no command; a command is one"
for words in "" init nothing; do
	# shellcheck disable=SC2206
	words=($words) init=(/bin/hutch)
	boot
	runs
	off
done
words=(version)
boot
ended_as "exit 0"
words=() init=(/init)
inside_init=$("$outside" init 2>&1)
like "hutch init of anybody else" "$inside_init" "*PID 1*"
