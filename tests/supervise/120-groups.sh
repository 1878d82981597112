#!/bin/bash
# IPC groups of services: they live from the first to the last member, and have one set of limits.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

members() {
	"$H" ipc --json desk 2>/dev/null | jq -r '[.[].members[] | "\(.name) \(.pid)"] | sort | join(", ")'
}
space() {
	"$H" ipc --json desk 2>/dev/null | jq -r '.[].namespace'
}
queues() {
	"$H" ipc --json desk | jq -r '[.[].objects[] | select(.kind == "queue") | .id] | join(" ")'
}
both() {
	[ "$(members)" = "a $(get a pid), b $(get b pid)" ]
}

nobody() {
	[ -z "$(members)" ]
}
somebody() {
	[ -n "$(members)" ]
}
new_pid() {
	local pid
	pid=$(get "$1" pid)
	[[ $pid == [0-9]* && $pid != "$was" ]]
}
refused_limit() {
	[[ $("$H" status a) == *"ipc.msgmax sys/kernel/msgmax: the group has 5000, set by its first member, and not 4096"* ]]
}

claim "two services of a group: the first sets the limits that the second one says, and hutch ipc knows both by name"
service a "exec=/bin/probe forever -" "ipc=group desk" ipc.msgmax=4096 after=b
service b "exec=/bin/probe forever -" "ipc=group desk"
up
await a up
await b up
until_true both
first=$(space)
same "its namespace" "ipc:[$first]" "$(readlink "/proc/$(get a pid)/ns/ipc")"

claim "a restart of one, then of the other: the group, its limits and what lies in it stay"
nsenter --ipc="/proc/$(get b pid)/ns/ipc" ipcmk -Q >/dev/null
echo paper >"/proc/$(get b pid)/root/dev/shm/paper"
for name in a b; do
	was=$(get $name pid)
	tell restart $name
	until_true new_pid $name
	await $name up
	until_true both
	same "namespace after $name" "$(space)" "$first"
	same "the queue after $name" "$(queues)" 0
	same "its limit after $name" "$(nsenter --ipc="/proc/$(get $name pid)/ns/ipc" cat /proc/sys/kernel/msgmax)" 4096
	same "the file after $name" "$(cat "/proc/$(get $name pid)/root/dev/shm/paper")" paper
done

claim "one that is killed leaves the group, and comes back into it"
was=$(get a pid)
kill -KILL "$was"
until_true new_pid a
await a up
until_true both
same "namespace" "$(space)" "$first"

claim "the group ends with its last member, and the next one is new and empty"
tell stop a b
await a down
await b down
until_true nobody
ask ipc
same "hutch ipc" "$status $text" "0 "
tell start a b
await a up
await b up
until_true both
same "queues" "$(queues)" ""
same "files" "$(ls "/proc/$(get b pid)/root/dev/shm")" ""
down

claim "two limits for one group: both profiles are wrong at load, and the others run"
service b "exec=/bin/probe forever -" "ipc=group desk" ipc.msgmax=8192
service c "exec=/bin/probe forever -" "ipc=group wall" ipc.msgmax=8192
up
await c up
for name in a b; do same "$name" "$(get $name state)" down; done
ask status a b
like "a" "$text" "*a.conf:*ipc.msgmax of the group desk is 4096 here and 8192 at $D/b.conf:*"
like "b" "$text" "*b.conf:*ipc.msgmax of the group desk is 8192 here and 4096 at $D/a.conf:*"
down

claim "a living group with another limit: the service says so and is tried again until it may be the first"
rm "$D"/[bc].conf
"$H" run "root=$R" "ipc=group desk" ipc.msgmax=5000 -- /bin/probe forever - >"$T/other.said" 2>&1 &
other=$!
until_true somebody
up
until_true refused_limit
kill $other
wait $other 2>/dev/null
await a up 15
same "its limit" "$(nsenter --ipc="/proc/$(get a pid)/ns/ipc" cat /proc/sys/kernel/msgmax)" 4096
down
