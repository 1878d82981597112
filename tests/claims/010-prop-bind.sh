#!/bin/bash
# Each propagation word on a bind, for each kind of source.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source=propagation.sh
. "$HERE/propagation.sh"

for source in private shared slave slave+shared; do
	for word in private slave shared unbindable slave+shared; do
		claim "bind of a $source mount, $word: becomes, receives and sends what the word says"
		make_source "$source"
		exchange "$source" "$word" /data bind="$T/src /data $word"
		drop_source
	done
done
