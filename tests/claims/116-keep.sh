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
# What hides files of /proc is of the host, and before Linux 5.12 a launch could not bring it along.
old=()
[ "${CLAIM_KERNEL:-}" != old ] || old=(mask=none)
mkdir "$T/src"
echo one >"$T/src/f"
lines=("bind=$T/src /data")

pins() { find "$D" -name '*.note' 2>/dev/null | wc -l; }

clean() {
	expect "$H" clean --all
	[ ! -e "$D" ] || note "$D is there: $(ls "$D")"
}

# keep KEY... -- PROGRAM: a run with a template; $how is what became of that.
keep() {
	text=$(timeout -k 1 20 "$H" run --status-fd=9 root="$R" template=keep "${old[@]}" "${lines[@]}" "$@" 2>&1 </dev/null 9>"$T/how")
	status=$?
	how=$(sed -n 's/^{"event":"template","\(.*\)":1}$/\1/p' "$T/how" | tail -n 1)
	same "status of $*: $text" "$status" 0
}

# runs HOW KEY...: a run sees what it would see without templates.
runs() {
	local without
	box "${old[@]}" "${lines[@]}" "${@:2}" -- "$P" mounts
	without=$(sort <<<"$text")
	keep "${@:2}" -- "$P" mounts
	same "mounts, $*" "$(sort <<<"$text")" "$without"
	same "template, ${*:2}" "$how" "$1"
}

used() { runs copied "$@"; }

# built KEY...: the first run builds, the second copies.
built() {
	runs pinned "$@"
	used "$@"
}

claim "a second run copies the template of the first, and sees the same"
built
same "templates" "$(pins)" 1
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
clean

claim "only what makes the root counts: another program, user, name or limit has the same template"
keep -- "$P" args
used user=svc
used hostname=other
used rlimit.nofile=77
used workdir=/tmp
used tmpfs=/tmp
same "templates" "$(pins)" 1
clean

claim "whatever the profile says: what comes of a template is what comes without"
mkdir -p "$T/lower"
copied=0
for keys in init=no dev=none dev=host caps=all "caps=all|root-seal=no" root-seal=yes root-mode=rw root-mode=overlay \
	'file=/etc/passwd "root:x:0:0::/:"' 'file=/dev/x "y"' mask=/etc/passwd "device=/dev/zero" "tmpfs=/tmp|dir=/tmp/a mode=0700|symlink=a /tmp/b" \
	"bind=$T/src/f /etc/passwd follow" "ipc=group g" "ns.pid=host|init=no" tty=yes user=svc "overlay=$T/lower /more" \
	propagation=slave propagation=shared propagation=unbindable "bind=$T/src /more shared" "bind=$T/src /more unbindable" \
	"bind=$T/src /more slave+shared rec" "net=none|sysfs=/sys" ns.user=new "root=tmpfs|bind=$R/bin /bin create" \
	"tmpfs=/data|bind=$T/src /data/x create" "bind=$T/src /tmp|tmpfs=/tmp" "mount=ramfs none /more" "ns=mount" "ns=none" proc=none; do
	IFS='|' read -r -a more <<<"$keys"
	all=("${old[@]}" "${lines[@]}")
	[ "$keys" != ns=none ] || all=()
	want=''
	for how in no keep keep; do
		[ "$keys" = ns=none ] || set -- root="$R"
		[[ $keys != root=* ]] || set --
		[ "$keys" != ns=none ] || set -- exec="$T/probe"
		text=$(timeout -k 1 20 "$H" run --status-fd=9 "$@" "template=$how" "${all[@]}" "${more[@]}" -- "$P" mounts 2>&1 </dev/null 9>"$T/how" | sed 's/(step.*//' | sort)
		grep -q '"copied":1' "$T/how" && copied=$((copied + 1))
		[ "$how" = keep ] || want=$text
		same "$keys with template=$how" "$text" "$want"
	done
done
[ $copied -ge 20 ] || note "only $copied of them were copies"
clean

claim "another root has another template"
keep -- "$P" args
mkdir -p "$T/other"
for key in "bind=$T/other /more" "bind=$T/src /more rw" root-mode=rw propagation=slave; do
	built "$key"
done
used
same "templates" "$(pins)" 5
clean

claim "a source that is another one is seen: directory, mount on it, mount around it, attributes, propagation"
built
mv "$T/src" "$T/was" && mkdir "$T/src" && echo two >"$T/src/f"
built
says two template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
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
lines+=("bind=$T/src /more slave")
built
mount --make-shared "$T/src"
built
mount --make-private "$T/src"
built
unset 'lines[1]'
umount "$T/src"
rm -r "$T/src" && mv "$T/was" "$T/src"
built
same "templates" "$(pins)" 2
clean

claim "so is what comes to be, or goes, below it or in its place"
mkdir "$T/src/sub"
lines=("bind=$T/src /data rec")
built
mount -t tmpfs sub "$T/src/sub"
built
umount "$T/src/sub"
built
lines=("bind=$T/late /data optional")
built
mkdir "$T/late"
built
rmdir "$T/late"
built
lines=("bind=$T/src /data")
clean

claim "where somebody lets two directories of the root change their names, each place shows what is said of it"
mkdir -p "$T/b" "$R/more"
echo other >"$T/b/f"
lines=("bind=$T/src /data" "bind=$T/b /more")
built
mv "$R/data" "$R/was" && mv "$R/more" "$R/data" && mv "$R/was" "$R/more"
keep -- "$P" cat /data/f
same "in place of /data" "$text" one
used
lines=("bind=$T/src /data")
clean

claim "a file system that is unmounted lazily is not shown any more"
mount -t tmpfs gone "$T/src"
echo gone >"$T/src/f"
built
umount -l "$T/src"
built
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
clean

claim "mounts that come to a slave come through a template"
mkdir -p "$T/hub"
mount -t tmpfs hub "$T/hub"
mount --make-shared "$T/hub"
mkdir "$T/hub/a"
lines=("bind=$T/hub /data slave")
built
mount -t tmpfs a "$T/hub/a"
# One that was built now would not have it.
built
lines=("bind=$T/hub /data slave rec")
built
umount "$T/hub/a"
built
start a template=keep "${old[@]}" "${lines[@]}"
ask a mounts
unlike "before" "$text" "*/data/a tmpfs*"
mount -t tmpfs a "$T/hub/a"
ask a mounts
like "what was mounted" "$text" "*/data/a tmpfs*"
umount "$T/hub/a"
ask a mounts
unlike "what was unmounted" "$text" "*/data/a tmpfs*"
stop a
umount "$T/hub"
lines=("bind=$T/src /data")
clean

claim "on a host whose mounts others receive, where no mount namespace can be bound, as well"
mount --make-shared /run
unshare --mount --propagation unchanged sleep 1000 &
other=$!
until [ "$(readlink /proc/$other/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]; do :; done
built
same "templates" "$(pins)" 1
expect "$H" clean
used
clean
kill $other
wait $other 2>/dev/null
mount --make-private /run

claim "a note that says anything else is not believed, and goes"
keep -- "$P" args
note=$(echo "$D"/*.note)
cp "$note" "$T/right"
size=$(stat -c %s "$note")
for ((n = 0; n <= size + 1; n += n < 40 || n > size - 40 ? 1 : 23)); do
	head -c $n "$T/right" >"$note"
	[ $n -le "$size" ] || echo >>"$note"
	[ $n -ne "$size" ] || continue
	keep -- "$P" args
	same "$n of the note" "$how" pinned
	cp "$note" "$T/right"
done
ignored=0
for ((n = 0; n < size; n += n < 40 || n > size - 40 ? 1 : 23)); do
	printf '\377' | dd of="$note" bs=1 seek=$n conv=notrunc status=none
	keep -- "$P" args
	[ "$how" = pinned ] || ignored=$((ignored + 1))
done
# What it is about the template itself has more room than it needs.
[ $ignored -le 20 ] || note "$ignored bytes are not looked at"
for source in "head -c 1048576 /dev/zero" "head -c 1048576 /dev/urandom" "head -c $size /dev/zero"; do
	$source >"$note"
	keep -- "$P" args
	same "$source" "$how" pinned
done
for kind in mkfifo "ln -s $T/right" mkdir; do
	keep -- "$P" args
	mv "$note" "$T/right"
	$kind "$note"
	keep -- "$P" args
	[ ! -d "$note" ] || rmdir "$note"
	[ "$kind" = mkdir ] || same "$kind instead of it" "$how" pinned
	keep -- "$P" args
done
ns=$(echo "$D"/*.ns)
umount "$ns" && rm "$ns" && ln -s /proc/self/ns/mnt "$ns"
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
same "a link instead of the namespace" "$(find "$D" -type l)" ""
same "who may look" "$(stat -c %a "$D")" 700
note=$(echo "$D"/*.note)
sed -i '1s/ [^ ]*$/ 0.0/' "$note"
same "another version" "$("$H" clean)" "template $(basename "$note" .note): of another version of hutch"
same "templates" "$(pins)" 0
clean

claim "hutch clean takes what is stale, half-made, unreadable, and tells; what is in order stays"
keep -- "$P" args
keep "bind=$T/other /more" -- "$P" args
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
used
umount "$D"/*.ns
like "no namespace" "$("$H" clean)" "template ????????????????: its namespace is gone"
[ ! -e "$D" ] || note "left: $(ls "$D")"
expect "$H" clean
refuse "$H" clean more
clean

claim "where none can be kept, the sandbox is built as ever"
mkdir -p /run/hutch
touch "$D"
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
rm "$D"
mkdir -m 777 "$D"
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
same "pins" "$(pins)" 0
rmdir "$D"
mount -t tmpfs -o ro ro /run/hutch
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
umount /run/hutch
mount -t tmpfs -o nr_inodes=2 full /run/hutch
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
same "pins" "$(pins)" 0
umount /run/hutch
exec 8<"$T/src"
mkdir "$D" -m 700 && exec 7<"$D" && flock 7
says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
same "pins" "$(pins)" 0
exec 7<&- 8<&-
clean

claim "too few descriptors fail as they do without, or work"
keep -- "$P" args
for n in {4..16}; do
	for how in no keep; do
		text=$(ulimit -n "$n" && timeout 20 "$H" run root="$R" "${old[@]}" "${lines[@]}" "template=$how" -- "$P" cat /data/f 2>&1 </dev/null)
		status=$?
		[ "$status" -ne 0 ] || same "template=$how with $n descriptors" "$text" one
		[ "$how" = keep ] || without=$status
	done
	[ "$without" -ne 0 ] || same "status of keep with $n descriptors" "$status" 0
done
clean

claim "where mount namespaces are too few, templates are the first to go"
# In a user namespace, whose limit is its own.
cat >"$T/limit" <<EOF
for n in 0 1 2 3 4 5 6; do
	echo \$n >/proc/sys/user/max_mnt_namespaces || exit 1
	for how in no keep keep; do
		"$H" run root="$R" template=\$how dev=none mask=none proc=none bind="$T/src /data" init=no -- "$P" cat /data/f 2>&1 </dev/null
		echo "\$? with \$n"
	done | tr '\n' ' '
	echo
	"$H" clean --all >/dev/null
done
EOF
unshare --user --map-root-user --mount bash "$T/limit" >"$T/tried" 2>&1
same "limits" "$(wc -l <"$T/tried")" 7
while read -r line; do
	case $line in
	"one 0 "*125*) note "worse than without: $line" ;;
	esac
done <"$T/tried"
like "the highest" "$(tail -n 1 "$T/tried")" "one 0 with 6 one 0 with 6 one 0 with 6*"
like "the lowest" "$(head -n 1 "$T/tried")" "*No space left on device*125 with 0*"
clean

claim "what cannot be made of a template is not tried again and again"
# In a user namespace, the kernel mounts no proc where none is seen.
cat >"$T/user" <<EOF
for i in 1 2 3; do
	"$H" run --status-fd=1 root="$R" template=keep dev=none mask=none bind="$T/src /data" init=no -- "$P" cat /data/f 2>&1 </dev/null |
		grep -v 'started\\|built\\|one'
done
"$H" clean
EOF
like "runs" "$(unshare --user --map-root-user --mount bash "$T/user" 2>&1)" '{"event":"template","pinned":1}
{"event":"exited","status":0}
{"event":"exited","status":0}
{"event":"exited","status":0}
template *: the sandbox could not be made of it'
clean

claim "the oldest of too many goes"
for n in {1..66}; do
	mkdir -p "$T/many/$n"
	# The youngest are listed first otherwise.
	[ "$n" != 50 ] || for note in "$D"/*.note; do mv "$note" "$T/note" && cp "$T/note" "$note"; done
	keep "bind=$T/many/$n /more" -- "$P" args
	same "template $n" "$how" pinned
done
same "namespaces" "$(find "$D" -name '*.ns' | wc -l)" 64
keep "bind=$T/many/1 /more" -- "$P" args
same "the first" "$how" pinned
keep "bind=$T/many/66 /more" -- "$P" args
same "the last" "$how" copied
clean

claim "two at once do not meet: 50 times, first runs and later ones"
for i in {1..50}; do
	for j in 1 2; do
		timeout 20 "$H" run root="$R" template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f >"$T/said$j" 2>&1 </dev/null &
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
same "templates" "$(find /run/hutch -name '*.ns' | wc -l)" "$(pins)"
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
	says one template=keep "${old[@]}" "${lines[@]}" -- "$P" cat /data/f
done
kill $storm
wait $storm 2>/dev/null
umount "$T/storm" 2>/dev/null
clean
