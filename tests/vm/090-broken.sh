#!/bin/bash
# A broken profile is no brick, over the boots of a machine with a disk.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

truncate -s 16M "$T/image"
mke2fs -q -t ext4 "$T/image" >"$T/image.log" 2>&1
modules ext4 crc32c_generic virtio_pci virtio_blk
disk "$T/image" data
printf '%s\n' boot.hostname=hutch boot.module=virtio_pci boot.module=virtio_blk boot.module=ext4 \
	"boot.mount=ext4 $disk /mnt rw" boot.good=/mnt/good | write /etc/hutch/init.conf

claim "a boot that is complete keeps its profiles on the disk"
boot
shell
up web
soon "test -s /mnt/good"
off

claim "the next one has a broken profile: the line is on the console, the last good one runs"
cp "$T/new/etc/hutch/web.conf" "$T/web.conf"
echo "bind=nowhere" >>"$T/new/etc/hutch/web.conf"
line=$(wc -l <"$T/new/etc/hutch/web.conf")
boot
shell
like "the console" "$shown" "*web.conf:$line:*"
up web
run "hutch status"
like "status" "$text" "*web *up *web.conf:$line:*"
run "hutch status --json web"
like "profile" "$text" '*"profile":"last-good"*'
run "wget -O - http://127.0.0.1/index.html"
like "page" "$text" "*This device is up.*"
off

claim "hutch.rescue: none of them, but a shell"
boot hutch.rescue
see $'(^|\n)# '
run "hutch status --json"
like "status" "$text" '*"profile":"built-in"*'
unlike "status" "$text" '*"web"*'
off

claim "no configuration at all, and no disk: a shell too"
rm -rf "$T/new/etc/hutch"
extra=()
boot
see $'(^|\n)# '
run "hutch status --json"
like "status" "$text" '*"profile":"built-in"*'
off
