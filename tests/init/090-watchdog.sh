#!/bin/bash
# The hardware watchdog is petted on proof of progress only. Here a FIFO stands for the device:
# what it is told is seen, its time cannot be set. The real one is the matter of ../vm.
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
# A fresh device with nothing in it; everything that hutch writes is in "$T/pets".
device() {
	rm -f "$D"/*.conf "$M/watchdog" "$T/pets"
	mkfifo "$M/watchdog"
	[ -z "${reader:-}" ] || { kill "$reader" && wait "$reader"; } 2>/dev/null
	cat <>"$M/watchdog" >"$T/pets" &
	reader=$!
	until_true test -e "$T/pets"	# until then it has not opened it
}
pets() { stat -c %s "$T/pets"; }
petted() { [ "$(pets)" -gt "$1" ]; }	# more often than that
quiet() {	# nothing for longer than its time
	local before
	before=$(pets)
	nap 1.3
	same "pets meanwhile" "$(pets)" "$before"
}
told() {
	inside "$H" events
	[[ $text == *$1* ]]
}

claim "it is petted from the start, every third of its time; at the end once more, and never let go"
device
machine_conf "boot.watchdog=/watchdog 1s"
service one "exec=$P stamp one forever 0"
boot_up
await one up
until_true petted 0
before=$(pets)
nap 2
within "pets in two seconds" $(($(pets) - before)) 4 8
nodes() { readlink /proc/"$pid"/fd/* | grep -c '^/watchdog$'; }
same "descriptors of it" "$(nodes)" 1
before=$(pets)
kill -TERM "$pid"
ended_as "signal 1"
until_true petted "$before"
same "what it was told" "$(tr -d '\0' <"$T/pets")" ""

claim "a boot that is not complete by its deadline is petted until then, and never again"
device
machine_conf "boot.watchdog=/watchdog 1s" boot.deadline=2s
service one "exec=$P stamp one forever 0"
service slow type=oneshot start-timeout=1h "exec=$P stamp slow sleep 3000 exit 0"
boot_up
until_true petted 3
until_true told "not complete within boot.deadline"
on_console "watchdog: not petted"
quiet
# Too late.
until_true stamped one
nap 1
quiet
off

claim "one with a failed attempt and one that waits for its trigger are as good as complete"
device
machine_conf "boot.watchdog=/watchdog 1s" boot.deadline=1s
service bad "exec=$P exit 1" restart-delay=1h
service waits on-path=/data/never "exec=$P stamp waits forever 0"
boot_up
await bad delayed
nap 1.5
before=$(pets)
until_true petted $((before + 1))
off

claim "a critical service may be away for its budget; as soon as it is back there is progress again"
device
machine_conf "boot.watchdog=/watchdog 1s budget=1s" boot.deadline=1s
service vital critical=yes restart-delay=1h "exec=$P stamp vital forever 0"
service other restart-delay=1h "exec=$P stamp other forever 0"
boot_up
await vital up
await other up
nap 1
inside "$H" signal KILL other
await other delayed
nap 1.5
before=$(pets)
until_true petted $((before + 1))
inside "$H" signal KILL vital
await vital delayed
# Within the budget it is petted all the same.
before=$(pets)
until_true petted "$before"
until_true told "critical service is away"
quiet
before=$(pets)
ask start vital
await vital up
until_true petted "$before"
until_true told "watchdog: petted"
off

claim "a device that is not there is told once, and looked for again"
device
mv "$M/watchdog" "$M/later"
machine_conf "boot.watchdog=/watchdog 1s"
service one "exec=$P stamp one forever 0"
boot_up
await one up
until_true told "watchdog /watchdog: No such file"
nap 1
inside "$H" events
same "told" "$(grep -c 'watchdog.*No such file' <<<"$text")" 1
mv "$M/later" "$M/watchdog"
until_true petted 1
off

claim "without one nobody wakes PID 1"
device
service one "exec=$P stamp one forever 0"
boot_up
await one up
nap 0.5
wakes() { awk '/^voluntary_ctxt/ { print $2 }' "/proc/$pid/status"; }
before=$(wakes)
nap 2
same "wakes in two seconds" "$(wakes)" "$before"
off
kill "$reader"
wait "$reader" 2>/dev/null || :
