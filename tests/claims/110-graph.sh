#!/bin/bash
# hutch graph: what the kernel's mount tables say, over all sandboxes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir "$T/media" "$T/lone"
mount -t tmpfs hub "$T/media"
mount --make-shared "$T/media"
mount -t tmpfs lone "$T/lone"
mount --make-shared "$T/lone"
mkdir "$T/media/usb"

graph() {
	text=$(timeout 20 "$H" graph "$@" 2>&1)
	status=$?
}

group_of() {	# POINT: its peer group, as the kernel numbers it
	awk -v at="$1" '$5 == at && match($0, /shared:[0-9]+/) { print substr($0, RSTART + 7, RLENGTH - 7) }' /proc/self/mountinfo
}

named() {	# NAME KEY...: a sandbox that stays until its job is ended
	"$H" run "--name=$1" "root=$R" "${@:2}" -- "$P" sleep 30 >"$T/$1.said" 2>&1 &
	hutch_pid[$1]=$!
	for _ in {1..200}; do
		[ -e "/run/hutch/$1.box" ] && return
		sleep 0.02
	done
	note "$1 did not start: $(cat "$T/$1.said")"
}

# Before Linux 5.12 hutch shares nothing with the host.
word=shared role=peer receives=false
[ "${CLAIM_KERNEL:-}" != old ] || word=slave role=receives receives=true

claim "no group of several mounts, no line but the sum"
graph
same "graph" "$status $text" "0 1 mount namespace, 0 groups"

claim "a peer and a receiver in two sandboxes are told with the host's mount, under its group's number"
named sends "bind=$T/media /mnt rw $word"
named takes "bind=$T/media /mnt slave"
graph
hub=$(group_of "$T/media")
like "the group" "$text" "*group $hub
    host                 $T/media *peer
    sends                /mnt *$role
    takes                /mnt *receives
*"
like "the sum" "$text" "*3 mount namespaces, 1 group"
unlike "a mount alone in its group" "$text" "*$T/lone*"

claim "what is mounted there later is one more group, in all three"
mount -t tmpfs stick "$T/media/usb"
graph
like "the stick's group" "$text" "*group $(group_of "$T/media/usb")
    host                 $T/media/usb *peer
    sends                /mnt/usb *$role
    takes                /mnt/usb *receives
*"
umount "$T/media/usb"

claim "-a tells of those that are alone in their group"
graph -a
like "the lone one" "$text" "*group $(group_of "$T/lone")
    host                 $T/lone *peer
*"

claim "--json and --dot tell the same"
graph --json
same "peers and receivers" "$(jq -r '.[0].mounts[] | [.in, .point, .receives] | join(" ")' <<<"$text")" "host $T/media false
sends /mnt $receives
takes /mnt true"
graph --dot
like "dot" "$text" "digraph*\"host:$T/media\" -> g$hub*g$hub -> \"takes:/mnt\"*}"

claim "--svg draws them: valid XML, whatever a place is called, with all three namespaces and the group's number"
odd=$T/media/usb/$'<b>&"\x01\xff]]>'
mount -t tmpfs stick "$T/media/usb"
mkdir "$odd"
mount -t tmpfs odd "$odd"
graph --svg "$T/a.svg"
same "it is told nowhere else" "$status $text" "0 "
expect xmllint --noout --nonet "$T/a.svg"
drawn=$(<"$T/a.svg")
for part in ">host</text>" ">sends</text>" ">takes</text>" ">/mnt</text>" ">$hub</text>" '&#60;b&#62;&#38;"??]]&#62;</text>'; do
	like "the picture" "$drawn" "*$part*"
done
unlike "a mount alone in its group" "$drawn" "*$T/lone*"
graph --svg -
same "- is standard output" "$text" "$drawn"
graph -a --svg -
like "-a draws all mounts" "$text" "*>$T/lone</text>*>/proc</text>*"
umount "$odd" "$T/media/usb"

claim "a namespace that hutch did not make is there by its first process"
unshare --mount --propagation unchanged sleep 30 &
other=$!
until [ "$(cat /proc/$other/comm)" = sleep ]; do sleep 0.02; done
graph
like "the stranger" "$text" "*    $other(sleep) * $T/media *peer*"
kill $other
wait $other 2>/dev/null
kill "${hutch_pid[@]}"
wait "${hutch_pid[@]}"
hutch_pid=()

claim "a picture that cannot be written is an error, and what was there stays"
mkdir "$T/small"
mount -t tmpfs -o size=4k full "$T/small"
echo before >"$T/small/a.svg"
graph --svg "$T/small/a.svg"
same "a full disk" "$status $text $(ls "$T/small") $(<"$T/small/a.svg")" \
	"125 hutch: $T/small/a.svg: No space left on device a.svg before"
umount "$T/small"
graph --svg "$T/nowhere/a.svg"
same "no directory" "$status $text" "125 hutch: $T/nowhere/a.svg: No such file or directory"
graph --svg /dev/full
same "a device" "$status $(stat -c %F /dev/full)" "125 character special file"
graph --svg "$T"
same "a directory" "$status $text" "125 hutch: $T: Is a directory"

claim "what it does not know it says"
for words in "x" "--dotty" "--states --json" "--svg" "--svg=x --json"; do
	# shellcheck disable=SC2086
	graph $words
	same "graph $words" "$status" 2
done
