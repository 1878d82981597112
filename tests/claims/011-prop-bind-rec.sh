#!/bin/bash
# The same for a recursive bind: the mounts below its source follow the word too.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source=propagation.sh
. "$HERE/propagation.sh"

for source in private shared slave slave+shared; do
	for word in private slave shared unbindable slave+shared; do
		claim "recursive bind of a $source mount, $word: as the word says, below it too"
		make_source "$source"
		mkdir "$T/src/below"
		mount -t tmpfs below "$T/src/below"
		exchange "$source" "$word" /data bind="$T/src /data rec $word"
		host_mounts >"$T/before"
		[ "$word:${CLAIM_KERNEL:-}" != shared:old ] && start a bind="$T/src /data rec $word" && {
			same "propagation below" "$(propagation a /data/below)" "$(becomes "$(
				"$T/probe" mounts /proc/self/mountinfo "$T/src/below" | awk '{ print $NF }')" "$word")"
			ask a mount /data/below
			like "attributes below" "$text" "tmpfs ro,nosuid,nodev *"
			stop a
		}
		umount "$T/src/below" 2>/dev/null
		drop_source
	done
done
