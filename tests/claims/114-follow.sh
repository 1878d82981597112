#!/bin/bash
# bind=... follow: a file that the host replaces is replaced in the sandbox.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir "$T/src"

followed() {
	named "bind=$T/src/f /etc/passwd follow" "$@"
}

into() {
	text=$(timeout -k 1 20 "${launcher[@]}" "$H" exec box -- "$P" "$@" 2>&1 </dev/null)
}

# has TEXT: the sandbox gets it, within a few seconds.
has() {
	local until=$((SECONDS + 5))
	while into cat /etc/passwd; [ "$text" != "$1" ]; do
		if [ $SECONDS -gt $until ]; then
			note "has '$text' and not '$1': $(cat "$T/said")"
			return 1
		fi
		sleep 0.02
	done
}

# says TEXT: hutch tells it.
tells() {
	local until=$((SECONDS + 5))
	until grep -q -- "$1" "$T/said"; do
		[ $SECONDS -le $until ] || { note "never said '$1': $(cat "$T/said")"; return 1; }
		sleep 0.02
	done
}

put() {
	echo "$1" >"$T/src/new"
	mv "$T/src/new" "$T/src/f"
}

# fresh: the file as at first.
fresh() {
	rm -rf "$T/src"
	mkdir "$T/src"
	echo "${1:-0}" >"$T/src/f"
}

one_mount() {
	into mounts /proc/self/mountinfo
	same "mounts at the place" "$(grep -c '^/etc/passwd ' <<<"$text")" 1
	text=$(timeout 20 "${launcher[@]}" "$H" verify box 2>&1)
	like "verify" "$text" "box: as stated*"
}

if [ "${CLAIM_KERNEL:-}" = old ]; then
	claim "before Linux 5.2 it says so"
	fresh
	refused "follow needs Linux 5.2 or newer" "bind=$T/src/f /etc/passwd follow" -- "${ran[@]}"
	exit
fi

every() {
	fresh one
	followed "$@"
	has one
	put two
	has two
	rm "$T/src/f"
	echo three >"$T/src/f"
	has three
	one_mount
	same "said" "$(grep -v 'No such file' "$T/said")" ready
	finish
}

for keys in "ipc=new" "caps=all" "root-seal=yes" "uidmap=0 100000 2000|gidmap=0 200000 2000" "ns.user=new" "init=no" "ns.pid=host" \
	"root-mode=overlay" "propagation=slave+shared"; do
	claim "a rename over it, and a new file in its place: ${keys//|/, }"
	IFS='|' read -ra args_ <<<"$keys"
	every "${args_[@]}"
done

claim "the same for an ordinary user's sandbox"
launcher=(env XDG_RUNTIME_DIR="$T/user" setpriv --reuid 65534 --regid 65534 --clear-groups)
mkdir "$T/user"
chown 65534:65534 "$T/user"
for keys in "ipc=new" "root-seal=yes"; do
	every "$keys"
done
launcher=()

claim "1,000 replacements leave one mount; there is no moment without the file, nor an older one"
fresh 1
followed
timeout 60 "$H" exec box -- "$P" reread /etc/passwd >"$T/reread" 2>&1 </dev/null &
reader=$!
for i in {2..1000}; do put "$i"; done
has 1000
put end
wait $reader
same "read all the time" "$(cat "$T/reread")" "bad=0 back=0"
one_mount
finish

claim "a program that has the old file open keeps it"
fresh old
followed
mkfifo "$T/to"
timeout 20 "$H" exec box -- "$P" with 7 /etc/passwd "$P" serve <"$T/to" >"$T/from" 2>&1 &
holder=$!
exec 8>"$T/to"
until grep -q ready "$T/from" || ! kill -0 $holder 2>/dev/null; do sleep 0.02; done
put new
has new
printf '%s\n' "cat /etc/passwd" "cat /proc/self/fd/7" quit >&8
wait $holder
exec 8>&-
same "by its name, and by descriptor" "$(tr '\n' ' ' <"$T/from")" "ready new . old . "
finish

claim "deleted: the old content stays, which is told once, until there is a file again"
fresh one
followed
rm "$T/src/f"
tells "f: No such file or directory: the sandbox keeps the old file"
touch "$T/src/other"
rm "$T/src/other"
has one
echo two >"$T/src/f"
has two
same "told" "$(grep -c 'No such file' "$T/said")" 1
one_mount

claim "a directory in its place, or a loop of links: the old content stays"
rm "$T/src/f"
mkdir "$T/src/f"
tells "keeps the old file"
sleep 0.2
has two
rmdir "$T/src/f"
ln -s f "$T/src/f"
sleep 0.2
has two
rm "$T/src/f"
echo three >"$T/src/f"
has three
finish
fresh one
followed
# In one step: a link that leads nowhere for a moment would be what is told, and nothing else until there is a file again.
ln -s loop "$T/src/loop"
ln -s loop "$T/src/new"
mv -T "$T/src/new" "$T/src/f"
tells "link"
has one
finish
fresh one
followed
mkdir "$T/src/dir"
rm "$T/src/f"
mv -T "$T/src/dir" "$T/src/f"
tells "s a directory: the sandbox keeps the old file\|No such file"
has one
finish

claim "links are followed as the first time, and each of them may change"
fresh one
mkdir -p "$T/src/a" "$T/src/b"
mv "$T/src/f" "$T/src/a/real"
echo two >"$T/src/b/real"
ln -s a "$T/src/way"
ln -s way/real "$T/src/f"
followed
has one
echo again >"$T/src/a/x"
mv "$T/src/a/x" "$T/src/a/real"
has again
ln -s b "$T/src/way2"
mv -T "$T/src/way2" "$T/src/way"
has two
echo three >"$T/src/b/x"
mv "$T/src/b/x" "$T/src/b/real"
has three
ln -s "$T/src/a/real" "$T/src/f2"
mv -T "$T/src/f2" "$T/src/f"
has again
one_mount
finish

claim "the directory itself may be replaced"
fresh one
followed
mkdir "$T/other"
echo two >"$T/other/f"
mv "$T/src" "$T/gone"
mv "$T/other" "$T/src"
has two
put three
has three
rm -rf "$T/gone"
finish

claim "a replacement while the sandbox is built is not missed"
for delay in 0 0.001 0.002 0.003 0.005 0.008; do
	fresh one
	(sleep $delay; put two) &
	putter=$!
	followed
	wait $putter
	has two
	finish
done

claim "several files, each by itself"
fresh one
echo a >"$T/src/g"
followed "bind=$T/src/g /etc/group rw follow"
echo b >"$T/src/new"
mv "$T/src/new" "$T/src/g"
for _ in {1..200}; do into cat /etc/group; [ "$text" = b ] && break; sleep 0.02; done
same "the second" "$text" b
has one
rm "$T/src/g"
put two
has two
finish

claim "before Linux 6.5 and 5.12: the same, by another way"
if [ -x "$OUT/../fault/enosys" ]; then
	cp "$OUT/../fault/enosys" "$T/enosys"
	for calls in "beneath" "beneath mount_setattr statmount openat2"; do
		read -ra calls_ <<<"$calls"
		launcher=("$T/enosys" "${calls_[@]}" --)
		every
		every "uidmap=0 100000 2000" "gidmap=0 200000 2000"
		fresh 1
		followed
		for i in {2..300}; do put "$i"; done
		has 300
		one_mount
		finish
	done
	launcher=()
else
	skip "no filter of calls was built"
fi

claim "what cannot follow is told before anything is done"
fresh
refused "follow is for one file" "bind=$T/src /mnt rec follow" -- "${ran[@]}"
refused "follow is for one file" "bind=$T/src/f /etc/passwd slave follow" -- "${ran[@]}"
refused "is covered by what another line mounts" root-seal=yes "bind=$T/src/f /etc/passwd follow" "mask=/etc/passwd" -- "${ran[@]}"
mount --bind "$R" "$R"
mount --make-shared "$R"
refused "each new file would be mounted on the host, too" propagation=shared "bind=$T/src/f /etc/passwd follow" -- "${ran[@]}"
umount "$R"
