#!/bin/bash
# hutch why: where a mount is seen and an umount takes something away, asked first and then done.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir "$T/media" "$T/copy" "$T/lone"
mount -t tmpfs hub "$T/media"
mount --make-shared "$T/media"
mkdir "$T"/media/{cd,usb,usb/in}
mount --bind "$T/media" "$T/copy"
mount -t tmpfs lone "$T/lone"

named() {	# NAME KEY...: a sandbox that stays until its job is ended
	"$H" run "--name=$1" "root=$R" "${@:2}" -- "$P" sleep 50 >"$T/$1.said" 2>&1 &
	hutch_pid[$1]=$!
	until init_pid[$1]=$(sed -n 's/^pid=//p' "/run/hutch/$1.box" 2>/dev/null) && [ -n "${init_pid[$1]}" ]; do
		kill -0 "${hutch_pid[$1]}" || { note "$1 did not start: $(cat "$T/$1.said")"; return; }
		sleep 0.02
	done
}

stranger() {	# PROPAGATION: a mount namespace that hutch did not make
	unshare --mount --propagation "$1" sleep 50 &
	last=$!
	until [ "$(cat /proc/$last/comm)" = sleep ]; do sleep 0.02; done
	hutch_pid[$last]=$last init_pid[$last]=$last
}

why() {
	text=$(timeout 20 "$H" why "$@" 2>&1)
	status=$?
}

inside() {	# NAME COMMAND...: the probe in that mount namespace
	if [ "$1" = host ]; then
		"$T/probe" "${@:2}"
	else
		enter "$@"
	fi
}

# Every mount of host, sandboxes and strangers: NAME ID POINT.
all_mounts() {
	local name
	awk '{ print "host", $1, $5 }' /proc/self/mountinfo
	for name in "${!init_pid[@]}"; do
		awk -v name="$name" '{ print name, $1, $5 }' "/proc/${init_pid[$name]}/mountinfo"
	done
}

# What is in one list only: NAME POINT.
only() {
	comm -23 <(sort <<<"$1") <(sort <<<"$2") | awk '{ print $1, $3 }' | sort
}

# Rows of the answer that have one of these reasons: NAME PATH.
rows() {
	jq -r '.rows[] | select(.reason | IN($ARGS.positional[])) | "\(.in) \(.path)"' --args "$@" <<<"$text" |
		sed 's/([a-z]*)//' | sort
}

root_of() {
	[ "$1" = host ] || echo "/proc/${init_pid[$1]}/root"
}

# Asks, then mounts, and looks where it came to and what is seen there.
mount_told() {	# NAME PATH
	local before after name path
	why --json --from "$1" "$2"
	same "why a mount at $2 in $1" "$status" 0
	before=$(all_mounts)
	same "mount at $2 in $1" "$(inside "$1" tmpfs "$2")" ok
	after=$(all_mounts)
	same "mount at $2 in $1: where it came" "$(rows seen hidden copy root)" "$(only "$after" "$before")"
	: >"$(root_of "$1")$2/mark"
	while read -r name path; do
		[ -e "$(root_of "$name")$path/mark" ] || note "$name does not see $path"
	done <<<"$(rows seen)"
	while read -r name path; do
		[ -z "$name" ] || [ ! -e "$(root_of "$name")$path/mark" ] || note "$name sees $path"
	done <<<"$(rows hidden copy root)"
}

# The same of an umount.
umount_told() {	# NAME PATH
	local before after
	why --umount --json --from "$1" "$2"
	same "why an umount of $2 in $1" "$status" 0
	before=$(all_mounts)
	same "umount of $2 in $1" "$(inside "$1" umount "$2")" ok
	after=$(all_mounts)
	same "umount of $2 in $1: what went" "$(rows gone)" "$(only "$before" "$after")"
}

# NAME REASON of those to whom nothing came.
not_in() {
	jq -r '.rows[] | select(.reason | IN("seen", "hidden", "copy", "root", "gone") | not) | "\(.in) \(.reason)"' <<<"$text" |
		sed 's/([a-z]*)//'
}

claim "what it does not know it says"
for words in "" "a" "--dotty /" "/a /b"; do
	# shellcheck disable=SC2086
	why $words
	same "why $words" "$status" 2
done
why "$T/nothing"
same "no such path" "$status $text" "125 hutch: $T/nothing: No such file or directory"
why --umount "$T/media/cd"
same "nothing there" "$status $text" "125 hutch: $T/media/cd: nothing is mounted there"
why --from nobody /
like "nobody" "$status $text" "125 hutch: nobody: no sandbox*"

named alone "bind=$T/media /mnt rw"
named covered "bind=$T/media /mnt slave" "tmpfs=/mnt/cd size=64k"
named other "bind=$T/lone /mnt"
named part "bind=$T/media/usb /mnt slave"
named takes "bind=$T/media /mnt rw slave"
# Before Linux 5.12 hutch shares nothing with the host.
word=shared
[ "${CLAIM_KERNEL:-}" != old ] || word=slave
named twoway "bind=$T/media /mnt rw $word"
stranger unchanged
peer=$last
stranger slave
slave=$last
stranger private
private=$last

claim "a mount on the host comes to where why says, is seen there or hidden, and nowhere else"
mount_told host "$T/media/cd"
same "the others" "$(not_in)" "alone private
other none
part part
$private private"
umount_told host "$T/media/cd"
mount_told host "$T/media/usb/in"
same "in a part" "$(rows seen | grep '^part')" "part /mnt/in"

claim "an umount takes what is at the same place of the receivers, and leaves what something else is on"
inside takes tmpfs /mnt/usb/in >/dev/null
umount_told host "$T/media/usb/in"
mount_told host "$T/media/usb"
mkdir "$T/media/usb/deep"
inside takes tmpfs /mnt/usb/deep >/dev/null
umount_told host "$T/media/usb"
same "the one that stays" "$(rows stays)" "takes /mnt/usb"
inside takes umount /mnt/usb >/dev/null

claim "a mount in a sandbox that only receives goes nowhere, and why says who sends to it"
mount_told takes /mnt/usb
like "the host" "$(not_in)" "*host above*"
umount_told takes /mnt/usb
mount_told "$slave" "$T/media/usb"
umount_told "$slave" "$T/media/usb"

claim "a mount in a sandbox that sends, and in a namespace of others, comes back to the host"
mount_told twoway /mnt/usb
umount_told twoway /mnt/usb
mount_told "$peer" "$T/media/usb"
same "on the host" "$(rows seen | grep '^host')" "host $T/copy/usb
host $T/media/usb"
umount_told "$peer" "$T/copy/usb"
mount_told "$private" "$T/media/usb"
umount_told "$private" "$T/media/usb"

claim "with mounts on it, an umount takes them along"
mount_told host "$T/media/usb"
mkdir "$T/media/usb/in"
mount_told host "$T/media/usb/in"
why --umount "$T/media/usb"
like "what it takes" "$text" "*only by umount -l: 1 mounts are on it, and go along*"
umount_told host "$T/media/usb"

claim "the answer in words"
why "$T/media/cd"
like "where it lands" "$text" "mount at $T/media/cd, on $T/media (tmpfs hub), in group *"
like "who sees it" "$text" "*
seen at
    host                 $T/media/cd
*    takes                /mnt/cd
*"
like "who does not" "$text" "*but
    covered              /mnt/cd                        arrives, but lies hidden below the mount at /mnt/cd
not in
    alone                /mnt                           private: receives nothing
    part                 /mnt                           shows only /usb of the file system
    $private(sleep) *$T/media *private: receives nothing
and 1 other: no mount of this file system"
why "$T/lone"
like "where nothing is sent" "$text" "*, private: sends nothing
seen at
    host *"

claim "a path with links is the path that they lead to, in the sandbox's own root"
ln -s media "$T/link"
mkdir "$T/media/dir"
ln -s /mnt/dir "$T/media/link"
why --from takes /mnt/link
like "the first line" "$text" "mount at /mnt/dir, on /mnt (tmpfs hub), receives from group *"
why "$T/link/dir"
like "the first line" "$text" "mount at $T/media/dir, on $T/media (tmpfs hub), in group *"

disturbed() {	# TIMES PATH
	text=$(timeout 20 "$T/probe" disturb "$1" "$T/busy" "$H" why "$2" 2>&1)
	status=$?
}

claim "a table that changes while it is read is read again, and one that always does is no answer"
mkdir "$T/busy"
disturbed 0 "$T/busy"
like "at rest" "$status $text" "0 mount at $T/busy, on /run (*"
for times in 1 7; do
	disturbed "$times" "$T/busy"
	like "changed $times times" "$status $text" "0 mount at $T/busy, on $T/busy (tmpfs disturb)*"
	same "mounts then" "$(grep -c disturb /proc/self/mountinfo)" "$times"
	while umount "$T/busy" 2>/dev/null; do :; done
done
disturbed 1000 "$T/busy"
same "all the time" "$status $text" "125 hutch: the mounts of host: they change while they are read, again and again"
while umount "$T/busy" 2>/dev/null; do :; done

kill "${hutch_pid[@]}"
wait "${hutch_pid[@]}" 2>/dev/null
hutch_pid=() init_pid=()
rm "$T/link"
