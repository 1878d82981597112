#!/bin/bash
# hutch verify: a running sandbox against its profile, from outside.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

named() {
	timeout 20 "$H" run --name=box root="$R" "$@" -- "$P" sleep 20 >"$T/said" 2>&1 &
	job=$!
	for _ in {1..100}; do
		[ -e /run/hutch/box.box ] && pgrep -x probe >/dev/null && return
		sleep 0.02
	done
	note "did not start: $(cat "$T/said")"
}

finish() {
	pkill -P $job -TERM hutch
	wait $job
}

claim "as stated, right after the start, for profiles of every kind"
for keys in "ipc=new" "root-mode=overlay" "user=svc|umask=077|nice=3" "rlimit.nofile=50" "caps=sys_admin" "net=none|hostname=x" \
	"bind=$T /data rw|tmpfs=/tmp" "uidmap=0 0 99|gidmap=0 0 99" "propagation=slave" "init=no" "ipc=group x|shm=private" "oom-score=100"; do
	IFS='|' read -ra args_ <<<"$keys"
	named "${args_[@]}"
	expect timeout 20 "$H" verify box
	finish
done

claim "a mount that somebody made writable, added or took away later is told"
named bind="$T /data"
inside=/proc/$(pgrep -x probe)/ns/mnt
"$T/probe" enter "$inside" rw /data >/dev/null
refuse timeout 20 "$H" verify box
like "writable" "$(cat "$T/said")" "*/data*read-only*"
"$T/probe" enter "$inside" umount /data >/dev/null
refuse timeout 20 "$H" verify box
like "gone" "$(cat "$T/said")" "*/data*"
finish
named
"$T/probe" enter "/proc/$(pgrep -x probe)/ns/mnt" tmpfs /media >/dev/null
refuse timeout 20 "$H" verify box
like "added" "$(cat "$T/said")" "*/media*"
finish

claim "a limit that was changed later is told"
named rlimit.nofile=50
prlimit --pid "$(pgrep -x probe)" --nofile=40:40
refuse timeout 20 "$H" verify box
like "limit" "$(cat "$T/said")" "*nofile*"
finish

claim "a sandbox that is gone, or never was, cannot be verified"
refuse timeout 20 "$H" verify box
refuse timeout 20 "$H" verify nobody
