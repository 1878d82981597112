#!/bin/bash
# Files of services that follow the host's, and what is mounted in services that run.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir "$T/src"
cp "$(dirname "$OUT")/claims/probe" "$R/bin/look" 2>/dev/null || cp "$R/bin/probe" "$R/bin/look"
: >"$R/etc/follows"

put() {
	echo "$1" >"$T/src/new"
	mv "$T/src/new" "$T/src/f"
}

sees() {
	[ "$(timeout 10 "$H" exec "$1" -- /bin/look cat /etc/follows 2>&1 </dev/null)" = "$2" ]
}

one_mount() {
	local pid
	pid=$(get "$1" pid)
	same "mounts at the place in $1" "$(grep -c ' /etc/follows ' "/proc/$pid/mountinfo")" 1
	ask verify "$1"
	like "verify $1" "$status $text" "0 $1: as stated*"
}

# What the supervisor has at work besides its services.
helpers() {
	pgrep -P "$sup" | wc -l
}

claim "a file that is replaced is replaced in every service that follows it, sealed or not, and restarts get it by themselves"
put one
service plain "exec=/bin/look sleep 1000" "bind=$T/src/f /etc/follows follow"
service sealed "exec=/bin/look sleep 1000" "bind=$T/src/f /etc/follows follow" root-seal=yes
service mapped "exec=/bin/look sleep 1000" "bind=$T/src/f /etc/follows follow" "uidmap=0 100000 2000" "gidmap=0 200000 2000"
service other "exec=/bin/look sleep 1000"
up
for name in plain sealed mapped other; do await $name up; done
put two
for name in plain sealed mapped; do
	until_true sees $name two
	one_mount $name
done
tell restart plain
await plain up
until_true sees plain two
put three
for name in plain sealed mapped; do until_true sees $name three; done

claim "deleted: the old content stays, events tell it once, and a new file comes"
rm "$T/src/f"
until_true 5 bash -c "'$H' events | grep -q 'service=plain.*No such file.*keeps the old file'"
touch "$T/src/x" "$T/src/y"
nap 0.3
until_true sees plain three
same "told" "$("$H" events | grep -c 'service=plain.*keeps the old file')" 1
echo four >"$T/src/f"
for name in plain sealed mapped; do until_true sees $name four; done

claim "over an upgrade and a crash the watching goes on, and what changed meanwhile is not missed"
tell reload --exec
put five
for name in plain sealed mapped; do until_true sees $name five; done
put six
until_true sees plain six
kill -SEGV "$sup"
put seven
for name in plain sealed mapped; do until_true sees $name seven; done
put eight
for name in plain sealed mapped; do
	until_true sees $name eight
	one_mount $name
done

claim "a storm of replacements is looked at a few times a second, and leaves nothing behind"
before=$(awk '{ print $14 + $15 }' "/proc/$sup/stat")
most=0
for i in {1..1000}; do
	put "$i"
	if [ $((i % 50)) = 0 ]; then
		n=$(helpers)
		[ "$n" -le "$most" ] || most=$n
	fi
done
for name in plain sealed mapped; do
	until_true sees $name 1000
	one_mount $name
done
[ "$most" -le 12 ] || note "$most children of the supervisor"
within "ticks of processor time" $(($(awk '{ print $14 + $15 }' "/proc/$sup/stat") - before)) 0 200
until_true bash -c "[ \$(pgrep -P $sup | wc -l) -eq 4 ]"

claim "hutch mount and umount on a service; verify knows, a restart begins anew, and the end leaves nothing"
mkdir -p "$T/more"
echo text >"$T/more/file"
tell mount other "bind=$T/more /mnt"
same "inside" "$(timeout 10 "$H" exec other -- /bin/look cat /mnt/file 2>&1 </dev/null)" text
ask verify other
like "verify" "$status $text" "0 other: as stated*"
tell umount other /mnt
ask verify other
like "verify" "$status $text" "0 other: as stated*"
tell mount other "bind=$T/more /mnt"
tell restart other
await other up
ask verify other
like "verify" "$status $text" "0 other: as stated*"
ask umount other /mnt
like "umount" "$status $text" "1 *nothing is mounted there*"
down
same "files" "$(find /run/hutch -name '*.added')" ""
