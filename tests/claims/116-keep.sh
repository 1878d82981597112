#!/bin/bash
# template=keep: a template that hutch run leaves for the next run.
# shellcheck source-path=SCRIPTDIR
# A mount namespace can be bound where it is newer than the one it is bound in, and since Linux 6.17 each processor
# numbers those that it makes: a claim's host is not the machine's, hence all of it on one processor.
if [ -z "${CLAIM_CPU:-}" ]; then
	cpu=$(taskset -pc $$)
	cpu=${cpu##*: }
	CLAIM_CPU=${cpu%%[,-]*} exec taskset -c "${cpu%%[,-]*}" bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

D=/run/hutch/templates
mkdir "$T/src"
echo one >"$T/src/f"
keep=("template=keep" "bind=$T/src /data")

pins() { find "$D" -name '*.note' 2>/dev/null | wc -l; }

clean() {
	expect "$H" clean --all
	[ ! -e "$D" ] || note "$D is there: $(ls "$D")"
}

# A mount in the template itself: who sees it got a copy.
mark_templates() {
	local ns
	for ns in "$D"/*.ns; do
		same "mark in $ns" "$("$T/probe" enter "$ns" tmpfs /mnt)" ok
	done
}

# used KEY...: a run of the profile shows the mark.
used() {
	box "${keep[@]}" "$@" -- "$P" mounts
	like "mounts by the template, $*" "$text" "*/mnt tmpfs*"
	same "status" "$status" 0
}

# built KEY...: it does not, and is what it would be without templates; and the next run uses a template again.
built() {
	local fresh
	box "${keep[@]}" template=no "$@" -- "$P" mounts
	fresh=$text
	box "${keep[@]}" "$@" -- "$P" mounts
	same "mounts, built anew, $*" "$text" "$fresh"
	box "${keep[@]}" "$@" -- "$P" mounts
	same "mounts, once more, $*" "$text" "$fresh"
	mark_templates
	used "$@"
}

claim "a second run copies the template of the first, and sees the same"
built
same "templates" "$(pins)" 1
says one "${keep[@]}" -- "$P" cat /data/f
clean

claim "only what makes the root counts: another program, user, name or limit has the same template"
box "${keep[@]}" -- "$P" args
mark_templates
used user=svc
used hostname=other
used rlimit.nofile=77
used workdir=/tmp
used tmpfs=/tmp
same "templates" "$(pins)" 1
clean

claim "another root has another template"
box "${keep[@]}" -- "$P" args
mark_templates
mkdir -p "$T/other"
for key in "bind=$T/other /more" "bind=$T/src /more rw" root-mode=rw propagation=slave; do
	box "${keep[@]}" "$key" -- "$P" mounts
	unlike "mounts with $key" "$text" "*/mnt tmpfs*"
	same "status with $key" "$status" 0
done
used
same "templates" "$(pins)" 5
clean

claim "a source that is another one is seen: directory, mount on it, mount around it, attributes, propagation"
built
mv "$T/src" "$T/was" && mkdir "$T/src" && echo two >"$T/src/f"
built
says two "${keep[@]}" -- "$P" cat /data/f
mount -t tmpfs on "$T/src"
built
umount "$T/src"
built
mount --bind "$T/src" "$T/src"
built
mount -o remount,bind,noexec "$T/src"
built
mount -o remount,bind,exec "$T/src"
built
keep+=("bind=$T/src /more slave")
built
mount --make-shared "$T/src"
built
mount --make-private "$T/src"
built
unset 'keep[2]'
umount "$T/src"
rm -r "$T/src" && mv "$T/was" "$T/src"
built
same "templates" "$(pins)" 2
clean

claim "so is what comes to be, or goes, below it or in its place"
mkdir "$T/src/sub"
keep=("template=keep" "bind=$T/src /data rec")
built
mount -t tmpfs sub "$T/src/sub"
built
umount "$T/src/sub"
built
keep=("template=keep" "bind=$T/late /data optional")
built
mkdir "$T/late"
built
rmdir "$T/late"
built
keep=("template=keep" "bind=$T/src /data")
clean

claim "a file system that is unmounted lazily is not shown any more"
mount -t tmpfs gone "$T/src"
echo gone >"$T/src/f"
built
umount -l "$T/src"
says one "${keep[@]}" -- "$P" cat /data/f
built
clean

claim "mounts that come to a slave come through a template"
mkdir -p "$T/hub"
mount -t tmpfs hub "$T/hub"
mount --make-shared "$T/hub"
mkdir "$T/hub/a"
keep=("template=keep" "bind=$T/hub /data slave")
built
mount -t tmpfs a "$T/hub/a"
box "${keep[@]}" -- "$P" mounts
like "mounts" "$text" "*/data/a tmpfs*"
start a "${keep[@]}"
umount "$T/hub/a"
ask a mounts
unlike "what was unmounted" "$text" "*/data/a tmpfs*"
mount -t tmpfs a "$T/hub/a"
ask a mounts
like "what was mounted" "$text" "*/data/a tmpfs*"
stop a
umount "$T/hub/a" "$T/hub"
keep=("template=keep" "bind=$T/src /data")
clean

claim "a note that says anything else is not believed, and goes"
box "${keep[@]}" -- "$P" args
note=$(echo "$D"/*.note)
cp "$note" "$T/right"
size=$(stat -c %s "$note")
for ((n = 0; n <= size + 1; n += n < 40 || n > size - 40 ? 1 : 23)); do
	mark_templates
	head -c $n "$T/right" >"$note"
	[ $n -le "$size" ] || echo >>"$note"
	[ $n -ne "$size" ] || continue
	box "${keep[@]}" -- "$P" mounts
	unlike "mounts with $n bytes of the note" "$text" "*/mnt tmpfs*"
	same "status with $n bytes" "$status" 0
	cp "$note" "$T/right"
done
for ((n = 0; n < size; n += n < 40 || n > size - 40 ? 1 : 23)); do
	mark_templates
	printf '\377' | dd of="$note" bs=1 seek=$n conv=notrunc status=none
	box "${keep[@]}" -- "$P" mounts
	unlike "mounts with byte $n of the note changed" "$text" "*/mnt tmpfs*"
	same "status with byte $n changed" "$status" 0
done
for source in "head -c 1048576 /dev/zero" "head -c 1048576 /dev/urandom" "head -c $size /dev/zero"; do
	mark_templates
	$source >"$note"
	box "${keep[@]}" -- "$P" mounts
	unlike "mounts with $source" "$text" "*/mnt tmpfs*"
	same "status with $source" "$status" 0
done
mark_templates
sed -i '1s/ [^ ]*$/ 0.0/' "$note"
same "another version" "$("$H" clean)" "template $(basename "$note" .note): of another version of hutch"
same "templates" "$(pins)" 0
clean

claim "hutch clean takes what is stale, half-made, unreadable, and tells; what is in order stays"
box "${keep[@]}" -- "$P" args
box "${keep[@]}" "bind=$T/other /more" -- "$P" args
same "in order" "$("$H" clean)" ""
same "templates" "$(pins)" 2
rmdir "$T/other" && mkdir "$T/other.new" "$T/other" && rmdir "$T/other.new"
like "stale" "$("$H" clean)" "template ????????????????: *$T/other*"
same "templates" "$(pins)" 1
touch "$D/1.ns" "$D/0123.draft"
echo garbage >"$D/00.note"
same "rest" "$("$H" clean | sort)" "template 00: its note cannot be read
template 0123.draft: half-made
template 1.ns: half-made"
mark_templates
used
umount "$D"/*.ns
like "no namespace" "$("$H" clean)" "template ????????????????: its namespace is gone"
same "left" "$(ls "$D" 2>/dev/null)" ""
expect "$H" clean
refuse "$H" clean more
clean

claim "where none can be kept, the sandbox is built as ever"
mkdir -p /run/hutch
touch "$D"
says one "${keep[@]}" -- "$P" cat /data/f
rm "$D"
mkdir -m 777 "$D"
says one "${keep[@]}" -- "$P" cat /data/f
same "nothing in it" "$(ls "$D")" ""
rmdir "$D"
mount -t tmpfs -o ro ro /run/hutch
says one "${keep[@]}" -- "$P" cat /data/f
umount /run/hutch
mount -t tmpfs -o nr_inodes=2 full /run/hutch
says one "${keep[@]}" -- "$P" cat /data/f
same "nothing in it" "$(ls "$D")" ""
umount /run/hutch
exec 8<"$T/src"
mkdir "$D" -m 700 && exec 7<"$D" && flock 7
says one "${keep[@]}" -- "$P" cat /data/f
same "nothing in it" "$(ls "$D")" ""
exec 7<&- 8<&-
clean

claim "too few descriptors fail as they do without, or work"
box "${keep[@]}" -- "$P" args
for n in {4..16}; do
	for how in no keep; do
		text=$(ulimit -n "$n" && timeout 20 "$H" run root="$R" "${keep[@]}" "template=$how" -- "$P" cat /data/f 2>&1 </dev/null)
		status=$?
		[ "$status" -ne 0 ] || same "template=$how with $n descriptors" "$text" one
		[ "$how" = keep ] || without=$status
	done
	[ "$without" -ne 0 ] || same "status of keep with $n descriptors" "$status" 0
done
clean

claim "the oldest of too many goes"
for n in {1..70}; do
	box "${keep[@]}" "mask=/mask$n optional" "bind=$T/src /more" -- "$P" args
done
[ "$(find "$D" -name '*.ns' | wc -l)" -le 64 ] || note "$(find "$D" -name '*.ns' | wc -l) templates"
clean

claim "two at once do not meet: 50 times, first runs and later ones"
for i in {1..50}; do
	for j in 1 2; do
		timeout 20 "$H" run root="$R" "${keep[@]}" -- "$P" cat /data/f >"$T/said$j" 2>&1 </dev/null &
	done
	wait
	same "the first of round $i" "$(cat "$T/said1")" one
	same "the second of round $i" "$(cat "$T/said2")" one
	case $((i % 5)) in
	0) "$H" clean --all >/dev/null ;;
	1)
		mv "$T/src" "$T/was" && cp -r "$T/was" "$T/src" && rm -r "$T/was"
		;;
	2) timeout 20 "$H" clean >/dev/null & ;;
	esac
done
wait
same "templates" "$(find "$D" -name '*.ns' | wc -l)" "$(pins)"
clean

claim "mounts that come and go on the host meanwhile do no harm"
mkdir "$T/storm"
(
	trap 'exit 0' TERM
	while :; do
		mount -t tmpfs storm "$T/storm" && umount "$T/storm"
	done
) &
storm=$!
for i in {1..60}; do
	says one "${keep[@]}" -- "$P" cat /data/f
done
kill $storm
wait $storm 2>/dev/null
umount "$T/storm" 2>/dev/null
clean
