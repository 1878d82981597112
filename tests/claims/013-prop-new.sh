#!/bin/bash
# The words on what is made new, and those of the root handed on to binds by rec.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source=propagation.sh
. "$HERE/propagation.sh"

for word in private shared unbindable slave+shared; do
	case $word in slave+shared) is=shared ;; *) is=$word ;; esac
	claim "tmpfs $word: a new mount has no source, and is $is"
	start a tmpfs="/data $word" && {
		same "propagation inside" "$(propagation a /data)" "$is"
		stop a
	}
	claim "root=tmpfs propagation=$word: a new root is $is too"
	start a root=tmpfs propagation="$word" bind="$R/bin /bin create" && {
		same "propagation inside" "$(propagation a /)" "$is"
		stop a
	}
done

claim "slave of nothing is refused: a new mount and a new root have no source"
refused "nothing to receive from" tmpfs="/data slave" -- "${ran[@]}"
refused "nothing to receive from" root=tmpfs propagation=slave bind="$R/bin /bin create" -- "${ran[@]}"

claim_end
make_source slave+shared tree
claim "without a word everything is private, whatever the host is"
start a root="$T/src" bind="$T/master /data" && {
	ask a mounts
	unlike "mounts inside" "$text" "*shared*"
	unlike "mounts inside" "$text" "*slave*"
	stop a
}

claim "propagation=slave rec: the binds of the profile receive too"
start a root="$T/src" propagation="slave rec" bind="$T/master /data" && {
	same "propagation of the bind" "$(propagation a /data)" slave
	mount -t tmpfs event "$T/master/m"
	same "arrives" "$(mounted_inside /data/m)" yes
	umount "$T/master/m"
	stop a
}
claim_end
drop_source

can_share=1
[ "${CLAIM_KERNEL:-}" != old ] || can_share=0

claim "two sandboxes that share one mount with the host exchange mounts with each other"
make_source shared
if [ $can_share = 0 ]; then
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

claim "a mount below a shared bind is the sandbox's own and does not show on the host"
make_source shared
host_mounts >"$T/before"
if [ $can_share = 0 ]; then
	refused "5.12" bind="$T/src /data shared" tmpfs=/data/m -- "${ran[@]}"
else
	start a bind="$T/src /data shared" tmpfs=/data/m
	same "host" "$(host_mounts | diff "$T/before" -)" ""
	answers "tmpfs rw,nosuid,nodev private" a mount /data/m
	same "propagation" "$(propagation a /data)" shared
	stop a
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

claim "an unbindable source cannot be bound, and the message says why"
make_source private
mount --make-unbindable "$T/src"
unshare --mount --propagation unchanged "$T/probe" mount "$T/src" | grep -q unbindable ||
	skip "this kernel loses unbindable when a mount namespace is copied"
[ -n "$claim_skip" ] || refused "unbindable" bind="$T/src /data" -- "${ran[@]}"
drop_source
