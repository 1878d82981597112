#!/bin/bash
# Each word on the root itself, whose own nested mounts must never show on the host.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source=propagation.sh
. "$HERE/propagation.sh"

for source in private shared slave slave+shared; do
	for word in private slave shared unbindable slave+shared; do
		claim "root on a $source mount, propagation=$word: as the word says, nothing nested leaks"
		make_source "$source" tree
		exchange "$source" "$word" / root="$T/src" propagation="$word"
		drop_source
	done
done
