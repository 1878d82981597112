#!/bin/bash
# What the root can be made of, and how it may be written.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "root=DIR is the directory, read-only, and the payload stands in it"
box -- "$P" cwd , make /made , stat /etc/passwd
same "inside" "$text" $'/\nEROFS\nfile 0644 0:0'
same "on the host" "$(ls "$R/made" 2>/dev/null)" ""

claim "root-mode=rw writes to the directory"
says ok root-mode=rw -- "$P" make /made
same "on the host" "$(cat "$R/made")" ""
rm -f "$R/made"

claim "root-mode=overlay writes, and the directory stays as it was"
find "$R" -printf '%p %m %T@\n' | sort >"$T/before"
says $'ok\nok\nok' root-mode=overlay -- "$P" make /made , write /etc/passwd gone , mkdir /new
same "on the host" "$(find "$R" -printf '%p %m %T@\n' | sort | diff "$T/before" -)" ""

claim "root=/ is the host's own tree, with the sandbox's mounts over it"
box root=/ bind="$T" -- "$T/probe" mount / , mount /proc , mount "$T"
like "mounts" "$text" $'* ro,nosuid,nodev private\nproc rw,nosuid,nodev,noexec private\ntmpfs ro,nosuid,nodev private'

claim "root=tmpfs is empty but for what the profile puts there"
box root=tmpfs bind="$R/bin /bin create" -- "$P" ls / , mount / , make /made
same "inside" "$(tr ' ' '\n' <<<"$text" | sort | tr '\n' ' ')" " EROFS bin dev private proc ro,nosuid,nodev tmpfs "

claim "root=tmpfs root-mode=rw size= mode= are those of the new file system"
box root="tmpfs size=64k mode=0711" root-mode=rw bind="$R/bin /bin create" -- "$P" stat / , make /made
same "inside" "$text" $'dir 0711 0:0\nok'

claim "root=DIR norec leaves out what is mounted below, rec takes it along"
mount -t tmpfs below "$R/more"
echo x >"$R/more/file"
box -- "$P" stat /more/file
same "below, left out" "$text" ENOENT
says "file 0644 0:0" root="$R rec" -- "$P" stat /more/file
box root="$R rec" -- "$P" mount /more
same "attributes below" "$text" "tmpfs ro,nosuid,nodev private"
umount "$R/more"

claim "a root that does not exist never runs the host's program"
for missing in "$T/none" "$T/none/deeper" "$R/etc/passwd/x"; do
	refused "$missing" root="$missing" -- "${ran[@]}"
done
refused root root="$R/etc/passwd" -- "${ran[@]}"
refused "$T/none" root="image $T/none" -- "${ran[@]}"
refused "$T/none" root="cpio $T/none" -- "${ran[@]}"
box root=$'' -- "${ran[@]}"
same "empty root" "$status" 125

claim "a bind whose source does not exist is fatal, and says which"
refused "$T/none" bind="$T/none /data" -- "${ran[@]}"
