#!/bin/bash
# Ways that a root or a caller could open for the payload without a mount.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

root=$T/doors
tree "$root"

claim "a standard stream is never a file of /proc, whatever link the root has there"
ln -s /proc/self/mem "$root/log"
ln -s /proc/1/environ "$root/in"
ln -s /proc/self/fd/0 "$root/magic"
for init in yes no; do
	for key in stdout=/log stderr=/log "stdout=append /log" stdin=/in stdin=/magic stdin=/proc/kmsg; do
		box root="$root" root-mode=rw init=$init "$key" -- "${ran[@]}"
		like "init=$init $key" "$status $text" "125 *stdio.set*"
		unlike "init=$init $key" "$text" "*payload did run*"
	done
done

claim "a standard stream opens with the payload's rights: not what only root may write"
: >"$root/secret"
chmod 600 "$root/secret"
box root="$root" root-mode=rw user=1000 stdout=/secret -- "${ran[@]}"
same "status" "$status" 125

claim "a pipe as standard input does not hold hutch up before the payload is there"
mkfifo "$root/pipe"
box root="$root" init=no stdin=/pipe -- "$P" args in
same "init=no" "$status $text" "0 [in]"

claim "streams and users work in the host's mount namespace, too"
text=$(timeout 20 "$H" run ns.mount=host stdin=/dev/null user=0 -- /bin/true 2>&1)
same "status" "$? $text" "0 "

claim "a reader of the status that goes away does not take the sandbox along"
with_root -- "$P" args in
text=$({ timeout 20 "$H" run --status-fd=5 "${args[@]}" 5>&1 >/dev/null 2>&1; echo $? >"$T/rc"; } | true; cat "$T/rc")
same "status" "$text" 0

claim "somebody who swaps the link at /proc 60 launches long never gets one without its protection"
mkdir "$root/a" "$root/b"
rmdir "$root/proc"
ln -s a "$root/proc"
ln -s b "$root/proc.other"
"$T/probe" flip "$root/proc" "$root/proc.other" >"$T/flip" &
flipper=$!
good=0
for ((i = 0; i < 60; i++)); do
	box root="$root" user=0 -- "$P" open-w /a/sys/kernel/core_pattern , open-w /b/sys/kernel/core_pattern , args in
	unlike "launch $i" "$text" "*ok*"
	[ "$status" = 0 ] && good=$((good + 1))
done
kill $flipper
wait $flipper 2>/dev/null
echo "# $good of 60 launches came to their end"

claim "a user of the root's passwd is never made root by it"
tree "$root.two"
printf '%s\n' root:x:0:0::/:/bin/sh web:x:0:0::/:/bin/sh x:x:1000:0::/:/bin/sh >"$root.two/etc/passwd"
for user in web 1000; do
	box root="$root.two" user=$user -- "${ran[@]}"
	like "user=$user" "$status $text" "125 *root's ids*"
done
