#!/bin/bash
# Mounts that sandboxes exchange with each other; with the host alone: tests/propagation.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source=propagation.sh
. "$HERE/propagation.sh"

claim "without a word everything is private, whatever the host is"
make_source slave+shared tree
start a root="$T/src" bind="$T/master /data" && {
	ask a mounts
	unlike "mounts inside" "$text" "*shared*"
	unlike "mounts inside" "$text" "*slave*"
	stop a
}
drop_source

claim "two sandboxes that share one mount with the host exchange mounts with each other"
make_source shared
if [ "${CLAIM_KERNEL:-}" = old ]; then
	skip "an older kernel does not share with the host"
else
	start a bind="$T/src /data shared"
	start b bind="$T/src /data shared"
	same "mount in a" "$(enter a tmpfs /data/in)" ok
	answers "tmpfs rw shared" b mount /data/in
	same "umount in b" "$(enter b umount /data/in)" ok
	answers none a mount /data/in
	stop a
	stop b
fi
drop_source

claim "a CD mounted once reaches every sandbox that receives, and is gone from all"
make_source shared
start a bind="$T/src /media slave"
start b bind="$T/src /media slave"
start c bind="$T/src /media"
mount -t tmpfs cd "$T/src/m"
echo hello >"$T/src/m/readme"
answers hello a cat /media/m/readme
answers hello b cat /media/m/readme
answers ENOENT c cat /media/m/readme
umount "$T/src/m"
answers ENOENT a cat /media/m/readme
answers ENOENT b cat /media/m/readme
stop a
stop b
stop c
drop_source
