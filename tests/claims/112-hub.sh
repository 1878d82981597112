#!/bin/bash
# Hubs: one directory, whose mounts come and go for all who name it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

hub=$T/hub
mkdir "$hub"
media=(hub.media="$hub" hub="media /media")

make_hub() {
	mount -t tmpfs hub "$hub"
	mount --make-shared "$hub"
	mkdir "$hub/usb" "$hub/cd"
}
stick() {
	mount -t tmpfs "stick.$1" "$hub/$1"
	echo "of $1" >"$hub/$1/file"
}
mounts_at() {	# PATH: how many lie there on the host
	grep -c " $1 " /proc/self/mountinfo
}
mounts_in() {	# PID PATH
	grep -c " $2 " "/proc/$1/mountinfo"
}
tops() {	# NAME PATH: how many inside
	mounts_in "${init_pid[$1]}" "$2"
}

claim "a medium that was there before, one that comes later, one that goes: each is so in every sandbox, whenever it was started"
make_hub
stick usb
start a "${media[@]}"
start b "${media[@]}" caps=sys_admin
start c "${media[@]}" uidmap="0 0 99" gidmap="0 0 99"
stick cd
start d "${media[@]}"
for box in a b c d; do
	answers "of usb" "$box" cat /media/usb/file
	answers "of cd" "$box" cat /media/cd/file
	same "$box" "$(propagation "$box" /media)" slave
done
umount "$hub/usb"
for box in a b c d; do
	same "usb in $box" "$(tops "$box" /media/usb)" 0
	answers "of cd" "$box" cat /media/cd/file
done
for box in a b c d; do stop "$box"; done
same "on the host" "$(mounts_at "$hub/cd")" 1
umount -R "$hub"

claim "what is mounted in it inside a sandbox stays there, where the hub is a slave"
make_hub
start a "${media[@]}" caps=sys_admin hub="media /more"
enter a tmpfs /media/usb >/dev/null
same "inside" "$(tops a /media/usb)" 1
same "on the host" "$(mounts_at "$hub/usb")" 0
same "in the other place" "$(tops a /more/usb)" 0
stop a
umount "$hub"

if [ "${CLAIM_KERNEL:-}" != old ]; then
	claim "shared: what one sandbox mounts in it, all have"
	make_hub
	start a hub.media="$hub" hub="media /media shared rw" caps=sys_admin
	start b "${media[@]}"
	same "a" "$(propagation a /media)" shared
	enter a tmpfs /media/usb >/dev/null
	same "on the host" "$(mounts_at "$hub/usb")" 1
	same "in b" "$(tops b /media/usb)" 1
	enter a umount /media/usb >/dev/null
	same "on the host" "$(mounts_at "$hub/usb")" 0
	same "in b" "$(tops b /media/usb)" 0
	stop a
	stop b
	umount "$hub"
fi

claim "read-only unless rw, also what is mounted there already; what comes later is as it was mounted"
make_hub
stick usb
for at in /media /media/usb; do
	box "${media[@]}" -- "$P" make $at/x
	same "$at" "$text" EROFS
	says ok hub.media="$hub" hub="media /media rw" -- "$P" make $at/x
done
start a "${media[@]}"
stick cd
answers ok a make /media/cd/x
stop a
umount -R "$hub"

claim "a directory that is no mount point, or whose mount is private, is no hub: the error says what to type, and that is right"
refused "hub $hub: not a mount point: type mount --bind $hub $hub && mount --make-shared $hub, or say share in hub.media (step * hub.check)" "${media[@]}" -- "${ran[@]}"
mkdir -p "$T/a-path-that-is-longer-than-others"
refused "others: not a mount point: type mount --bind PATH PATH && mount --make-shared PATH, or say share in hub.m (" hub.m="$T/a-path-that-is-longer-than-others" hub="m /media" -- "${ran[@]}"
mkdir /run/m
refused "hub /run/m: not a mount point: type mount --bind /run/m /run/m && mount --make-shared /run/m, or*" hub.m=/run/m hub="m /media" -- "${ran[@]}"
expect mount --bind /run/m /run/m
refused "hub /run/m: a private mount: type mount --make-shared /run/m, or*" hub.m=/run/m hub="m /media" -- "${ran[@]}"
expect mount --make-shared /run/m
says "[hi]" hub.m=/run/m hub="m /media" -- "$P" args hi
mount --make-private /run/m
refused "a private mount" hub.m=/run/m hub="m /media optional" -- "${ran[@]}"
umount /run/m
rmdir /run/m

claim "missing, a file, behind a link: told, or not needed"
refused "hub $hub/none: No such file or directory" hub.media="$hub/none" hub="media /media" -- "${ran[@]}"
says "[hi]" hub.media="$hub/none" hub="media /media optional" -- "$P" args hi
refused "Not a directory" hub.media="$T/probe" hub="media /media" -- "${ran[@]}"
make_hub
ln -s hub "$T/link"
stick usb
says "of usb" hub.media="$T/link" hub="media /media" -- "$P" cat /media/usb/file
umount -R "$hub"
rm "$T/link"

claim "share makes it one, once, however many start at once; what was mounted below comes along"
mkdir -p "$hub/usb"
mount -t tmpfs stick.usb "$hub/usb"
# All of them have seen that it is none, and wait for who is making it one.
mkdir /run/hutch
(exec 9</run/hutch && flock 9 && exec sleep 20) &
locker=$!
while flock -n /run/hutch true; do sleep 0.02; done
for i in {1..12}; do
	timeout 20 "$H" run root="$R" hub.media="$hub share" hub="media /media" -- "$P" args hi >"$T/said.$i" 2>&1 &
	pids[i]=$!
done
waiting() {
	local p n=0
	for p in $(pgrep -x hutch); do
		[ -z "$(find "/proc/$p/fd" -lname /run/hutch 2>/dev/null)" ] || n=$((n + 1))
	done
	[ $n = 12 ]
}
for _ in {1..500}; do
	if waiting; then break; fi
	sleep 0.02
done
waiting || note "not all of them wait"
kill $locker
wait $locker
for i in {1..12}; do
	wait "${pids[i]}"
	same "$i" "$? $(cat "$T/said.$i")" "0 [hi]"
done
same "mounts" "$(mounts_at "$hub") $(mounts_at "$hub/usb")" "1 1"
start a hub.media="$hub" hub="media /media"
same "before" "$(tops a /media/usb)" 1
umount "$hub/usb"
same "after" "$(tops a /media/usb) $(mounts_at "$hub/usb")" "0 0"
mount -t tmpfs stick.usb "$hub/usb"
same "again" "$(tops a /media/usb)" 1
stop a
umount "$hub/usb" "$hub"
same "nothing is left below" "$(mounts_at "$hub/usb")" 0

claim "so it is on a host whose mounts are shared, where what is below is not there twice"
mount -t tmpfs above "$hub"
mount --make-shared "$hub"
mkdir -p "$hub/in/usb"
mount -t tmpfs stick.usb "$hub/in/usb"
start a hub.media="$hub/in share" hub="media /media"
umount "$hub/in/usb"
same "after" "$(tops a /media/usb) $(mounts_at "$hub/in/usb")" "0 0"
stop a
umount -R "$hub"

claim "hutch verify: as stated with media, and told when the hub is one no more"
make_hub
timeout 20 "$H" run --name=box root="$R" "${media[@]}" -- "$P" sleep 20 >"$T/said" 2>&1 &
job=$!
until [ -e /run/hutch/box.box ]; do sleep 0.02; done
stick usb
expect timeout 20 "$H" verify box
umount "$hub/usb"
mount --make-private "$hub"
refuse timeout 20 "$H" verify box
like "said" "$(cat "$T/said")" "*/media should be slave*is private*"
pkill -P $job -TERM hutch
wait $job
umount "$hub"

claim "hutch umount --hub: it goes everywhere; nothing there, no hub, no way out"
make_hub
stick usb
start a "${media[@]}"
expect timeout 20 "$H" umount --hub media usb hub.media="$hub"
same "after" "$(tops a /media/usb) $(mounts_at "$hub/usb")" "0 0"
text=$("$H" umount --hub media usb hub.media="$hub" 2>&1)
same "nothing there" "$? $text" "1 hutch: $hub/usb: nothing is mounted there"
for path in ../root . usb/.. /usb usb//x none ""; do
	"$H" umount --hub media "$path" hub.media="$hub" >"$T/said" 2>&1
	same "$path" $? 125
done
ln -s usb "$hub/link"
stick usb
refuse "$H" umount --hub media link hub.media="$hub"
same "still there" "$(tops a /media/usb)" 1
mkdir "$hub/usb/deep"
mount -t tmpfs deep "$hub/usb/deep"
refuse "$H" umount --hub media link/deep hub.media="$hub"
expect "$H" umount --hub media usb/deep hub.media="$hub"
same "still there" "$(tops a /media/usb)" 1
text=$("$H" umount --hub meida usb hub.media="$hub" 2>&1)
same "nearest" "$? $text" "125 hutch: unknown hub meida, did you mean media?"
text=$("$H" umount --hub media usb 2>&1)
like "no supervisor" "$? $text" "125 *no supervisor*say hub.NAME=DIR"
stop a
umount -R "$hub"

claim "who keeps it busy is told, by sandbox, number, program and how; others who use what is mounted elsewhere are not; --lazy detaches it all the same"
make_hub
stick usb
timeout 20 "$H" run --name=box root="$R" "${media[@]}" workdir=/media/usb -- "$P" sleep 20 >"$T/said.box" 2>&1 &
job=$!
until [ -e /run/hutch/box.box ] && pgrep -x probe >/dev/null; do sleep 0.02; done
(exec sleep 20 5<"$hub/usb/file") &
host=$!
mkdir "$T/elsewhere"
mount --bind "$hub/usb" "$T/elsewhere"
mount --make-private "$T/elsewhere"
(cd "$T/elsewhere" && exec sleep 20) &
stranger=$!
until [ "$(cat /proc/$host/comm /proc/$stranger/comm)" = sleep$'\n'sleep ]; do sleep 0.02; done
text=$("$H" umount --hub media usb hub.media="$hub" 2>&1)
same "status" $? 1
payload=$(pgrep -x probe)
like "the box" "$text" "*hutch: $hub/usb: *busy*  box: $payload probe: working directory*"
like "the host" "$text" "*  host: $host sleep: open file*"
unlike "the stranger" "$text" "*$stranger*"
same "lines" "$(wc -l <<<"$text")" 3
same "still there" "$(mounts_at "$hub/usb")" 1
expect timeout 20 "$H" umount --hub --lazy media usb hub.media="$hub"
same "gone" "$(mounts_at "$hub/usb") $(mounts_in "$payload" /media/usb)" "0 0"
kill $host $stranger
pkill -P $job -TERM hutch
wait $job $host $stranger
umount "$T/elsewhere"
rmdir "$T/elsewhere"
umount "$hub"

claim "busy by a mount on it is told, too"
make_hub
stick usb
mkdir "$hub/usb/deep"
mount -t tmpfs deep "$hub/usb/deep"
text=$("$H" umount --hub media usb hub.media="$hub" 2>&1)
like "said" "$? $text" "1 *host: a mount on it: $hub/usb/deep"
umount -R "$hub"
