#!/bin/bash
# A broken profile is no brick: what is wrong is told, what was good last time runs, and
# where nothing is left there is a shell.
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe G=/var/lib/hutch/good
keep() {	# an init.conf that keeps the good ones
	machine_conf "boot.good=$G" boot.lo=no "$@"
}
kept() { [ -s "$M$G" ]; }
good_boot() {	# the profiles as they are become the last good ones
	rm -f "$M$G"
	boot
	until_true 10 kept || note "console: $(tail -n 5 "$E/console")"
	off
	: >"$S/stamps"
}
profile_of() { get "$1" profile; }
findings_of() { get "$1" findings; }
# A shell answers on the console.
shell_there() {
	await hutch-rescue up 10
	same "profile" "$(profile_of hutch-rescue)" built-in
}

mkdir "$M/var/lib"
service web "exec=$P stamp web forever 0"
service log "exec=$P stamp log forever 0"
keep

claim "a boot that is complete keeps its profiles; the next one writes nothing, for a flash wears out"
good_boot
same "mode" "$(stat -c %a "$M$G")" 600
same "no draft" "$(ls "$M/var/lib/hutch")" good
touch -d @1 "$M$G"
boot
await web up
await log up
inside true
nap 0.3
same "written" "$(stat -c %Y "$M$G")" 1
same "profile" "$(profile_of web) $(findings_of web)" "null null"
off

claim "a broken profile: the last good one runs; the line at fault is on the console and in the status"
echo restart=sometimes >>"$D/web.conf"
line=$(wc -l <"$D/web.conf")
boot
stamped_by web 1 10
await log up
await web up
on_console "web.conf:$line:9: restart is .* not sometimes"
like "findings" "$(findings_of web)" "/etc/hutch/web.conf:$line:9: restart is*not sometimes"
same "profile" "$(profile_of web) $(profile_of log)" "last-good null"
inside hutch status
like "status" "$text" "*web * up *web.conf:$line:9: restart is*"
same "kept as it was" "$(stat -c %Y "$M$G")" 1

claim "a reload is refused while it is broken, with all that is wrong, and takes it once it is not"
pid_before=$(get web pid)
echo nice=99 >>"$D/log.conf"
ask reload
same "status" "$status" 1
like "web" "$text" "hutch: nothing was changed?*web.conf:$line:9:*"
like "log" "$text" "*log.conf:*: nice is*"
same "untouched" "$(get web pid)" "$pid_before"
sed -i '$d' "$D/web.conf"
sed -i '$d' "$D/log.conf"
ask reload
same "reload" "$status $text" "0 "
same "profile" "$(profile_of web) $(findings_of web) $(get web pid)" "null null $pid_before"
off

claim "all findings of all profiles are told"
for i in 1 2 3 4 5 6 7 8; do service "bad$i" "exec=$P forever" "nice=9$i" "restart=often"; done
boot
for i in 1 2 3 4 5 6 7 8; do
	on_console "bad$i.conf:[0-9]*:[0-9]*: nice is"
	on_console "bad$i.conf:[0-9]*:[0-9]*: restart is"
	same "bad$i" "$(get "bad$i" state)" down
done
await web up
off
rm "$D"/bad*.conf

claim "a new profile that is broken has none to stand in: it is down, the others run"
service new "exec=$P stamp new forever 0" "nice=99"
boot
await web up
same "state" "$(get new state) $(profile_of new)" "down null"
like "findings" "$(findings_of new)" "*new.conf:*nice*99"
off
rm "$D/new.conf"

claim "an order that cannot be kept is as wrong as a word"
cp "$D/web.conf" "$T/web" && cp "$D/log.conf" "$T/log"
echo after=log >>"$D/web.conf"
echo after=web >>"$D/log.conf"
boot
await web up
await log up
on_console "in a circle"
like "profiles" "$(profile_of web) $(profile_of log)" "*last-good*"
off
cp "$T/web" "$D/web.conf" && cp "$T/log" "$D/log.conf"

claim "each kind of nonsense in a profile's place: told, and the last good one runs"
odd() {	# WHAT PATTERN: web.conf is made so by the function of this name
	rm -rf "$D/web.conf"
	"$1"
	: >"$S/stamps"
	boot
	stamped_by web 1 10
	await web up
	on_console "web.*$2"
	same "$1" "$(profile_of web)" last-good
	off
	rm -rf "$D/web.conf"
}
binary() { cp "$M/init" "$D/web.conf"; }
garbage() { head -c 5000 /dev/urandom >"$D/web.conf"; printf '\0' >>"$D/web.conf"; }
fifo() { mkfifo "$D/web.conf"; }
large() { head -c 10485760 /dev/zero | tr '\0' '\n' >"$D/web.conf"; }
circle() { echo "include=web.conf" >"$D/web.conf"; }
directory() { mkdir "$D/web.conf"; }
dangling() { ln -s /nowhere "$D/web.conf"; }
empty() { : >"$D/web.conf"; }
odd binary "not a text file|larger"
odd garbage ":"
odd fifo "not a regular file"
odd large "larger than 1 MiB"
odd circle "in a circle"
odd directory "not a regular file"
odd dangling "No such file"
odd empty "exec"
cp "$T/web" "$D/web.conf"

claim "a broken init.conf: the last good one holds"
printf 'boot.hostname=kept\n' >>"$D/init.conf"
good_boot
printf 'boot.hostnam=lost\n' >>"$D/init.conf"
boot
await web up
on_console "init.conf:[0-9]*:1: unknown key boot.hostnam"
inside cat /proc/sys/kernel/hostname
same "host name" "$text" kept
inside hutch status
like "status" "$text" "*init.conf*unknown key boot.hostnam*"
off
head -c 3000 /dev/urandom >"$D/init.conf"
printf '\0' >>"$D/init.conf"
boot
await web up
inside cat /proc/sys/kernel/hostname
same "host name, with no word about where the good ones are" "$text" kept
off
keep

claim "where the last good ones are counts also when something else in init.conf is wrong"
rm "$M$G"
machine_conf "boot.good=/var/kept/good" "boot.hostname=elsewhere"
boot
until_true 10 test -s "$M/var/kept/good"
off
echo "boot.hostnam=lost" >>"$D/init.conf"
boot
await web up
inside cat /proc/sys/kernel/hostname
same "host name" "$text" elsewhere
off
keep

claim "the directory is empty, missing or no directory at all: everything as it was last"
good_boot
mv "$D" "$T/away"
for place in missing empty file; do
	rm -rf "$D"
	[ $place != empty ] || mkdir "$D"
	[ $place != file ] || head -c 100 /dev/urandom >"$D"
	: >"$S/stamps"
	boot
	stamped_by web 1 10
	stamped_by log 1 10
	on_console "the last good profiles are used"
	same "$place" "$(profile_of web) $(profile_of log)" "last-good last-good"
	off
done
rm -rf "$D"
mv "$T/away" "$D"

claim "nothing good was ever kept: a shell on the console, and the machine answers"
cp "$M$G" "$T/good"
rm "$M$G"
mv "$D" "$T/away"
boot
shell_there
on_console "etc/hutch.*No such file.*shell"
# shellcheck disable=SC2016 # the shell inside does the sum
typed 'echo typed-$((40+2))\n'
on_console "typed-42"
mv "$T/away" "$D"
ask reload
same "repaired" "$status" 0
await web up
until_true 10 kept
off
rm "$M$G"
mv "$D" "$T/away"
mkdir "$D"
boot
shell_there
off
rmdir "$D"
mv "$T/away" "$D"

claim "every profile is broken and none was ever good: a shell beside what is told of them"
echo nice=99 >>"$D/web.conf"
echo nice=99 >>"$D/log.conf"
boot
shell_there
same "states" "$(get web state) $(get log state)" "down down"
cp "$T/web" "$D/web.conf"
cp "$T/log" "$D/log.conf"
off

claim "the kept ones truncated, garbage, of another version, a FIFO, a directory: as if there were none"
broken_good() {
	echo nice=99 >>"$D/web.conf"
	: >"$S/stamps"
	boot
	await log up
	same "$1" "$(get web state) $(profile_of web)" "down null"
	off
	cp "$T/web" "$D/web.conf"
	rm -rf "${M:?}$G"
}
head -c $(($(wc -c <"$T/good") / 2)) "$T/good" >"$M$G"
broken_good truncated
head -c 5000 /dev/urandom >"$M$G"
broken_good garbage
sed '1s/^/hutch-archive-9 /' "$T/good" >"$M$G"
broken_good version
{ head -c 40 "$T/good"; printf x; tail -c +42 "$T/good"; } >"$M$G"
broken_good "one byte of it"
: >"$M$G"
broken_good empty
mkfifo "$M$G"
broken_good FIFO
mkdir "$M$G"
broken_good directory

claim "a disk that is full, read-only or not there for the kept ones: told, and nothing else happens"
mount -t tmpfs -o size=16k full "$M/var/lib/hutch"
cp "$T/good" "$M$G"
head -c 1 "$T/good" >>"$M$G"
head -c 16384 /dev/zero >"$M/var/lib/hutch/fill" 2>/dev/null
sum=$(cksum <"$M$G")
boot
await web up
on_console "boot.good $G: No space left"
same "what was there" "$(cksum <"$M$G")" "$sum"
same "no draft" "$(ls "$M/var/lib/hutch")" "fill
good"
off
umount "$M/var/lib/hutch"
boot readonly
await web up
on_console "boot.good $G: Read-only file system"
off
keep
sed -i "s,^boot.good=.*,boot.good=/nowhere/at/all," "$D/init.conf"
boot
await web up
on_console "boot.good /nowhere/at/all: No such file"
off
keep

claim "profiles with which the boot does not become complete are not kept; when the time is up, the critical ones count"
rm -f "$M$G"
keep boot.deadline=1s
cp "$T/web" "$D/web.conf"
echo critical=yes >>"$D/log.conf"
service never "exec=$P forever" ready=notify start-timeout=1m
boot
await log up
nap 0.5
if kept; then note "kept before its time"; fi
until_true 10 kept
off
rm -f "$M$G"
sed -i '/critical/d' "$D/log.conf"
echo critical=yes >>"$D/never.conf"
boot
await log up
nap 1.5
if kept; then note "kept without a critical one"; fi
off
rm "$D/never.conf"
keep

claim "hutch.rescue on the command line: only the shell, whatever there is"
good_boot
echo "quiet hutch.rescue" >"$T/line"
boot cmdline="$T/line"
shell_there
same "web" "$(get web state)" ""
off

claim "new, then last good, then the shell: three boots of one machine"
boot
await web up
same "new" "$(profile_of web)" null
off
echo nice=99 >>"$D/web.conf"
boot
await web up
same "last good" "$(profile_of web)" last-good
off
rm "$M$G" "$D"/*.conf
boot
shell_there
off

claim "a disk that hangs holds the boot up for boot.setup-timeout only: then the last good ones, and the shell"
hang() {	# a file system whose server never answers
	mkdir -p "$M/hung"
	exec 9<>/dev/fuse && mount -i -t fuse -o "fd=9,rootmode=040000,user_id=0,group_id=0" none "$M/hung" 2>/dev/null
}
fresh
mkdir "$M/var/lib"
service web "exec=$P stamp web forever 0"
keep
good_boot
if hang; then
	keep boot.setup-timeout=1s
	ln -s /hung/x "$D/slow.conf"
	boot
	on_console "given up, it hangs: reading /etc/hutch/slow.conf" 10
	await web up 10
	same "profile" "$(profile_of web)" last-good
	off
	rm "$M$G"
	boot
	shell_there
	off
	umount -l "$M/hung"
	exec 9<&-
else
	echo "# no FUSE here: nothing hangs"
fi
