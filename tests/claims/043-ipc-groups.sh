#!/bin/bash
# Groups made visible: who is in them, what lies in them, what may go, and what goes past them.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

ipc() {
	text=$(timeout 20 "$H" ipc "$@" 2>"$T/ipc.err")
	status=$?
	[ ! -s "$T/ipc.err" ] || text+=$(cat "$T/ipc.err")
}

# FILTER [NAME...]: of the JSON, what the filter makes of it
json() {
	local filter=$1
	shift
	ipc --json "$@"
	text=$(jq -r "$filter" <<<"$text" 2>&1)
}

named() {	# NAME KEY...: one that has a name, too
	run_options=(--name="$1")
	start "$@"
	run_options=()
}

# Before Linux 5.2 only the namespace is shared.
apart=(shm=private)
[ "${CLAIM_KERNEL:-}" = old ] || apart=()

claim "no group, nothing to tell"
ipc
same "text" "$status $text" "0 "
ipc --json
same "json" "$status $text" "0 []"
ipc nobody
same "an unknown name" "$status $text" "125 hutch: no group and no sandbox named nobody is there"
ipc ../desk
like "no name" "$status $text" "2 usage: hutch ipc*"
ipc --clean
like "clean what?" "$status $text" "2 usage: hutch ipc*"

claim "members are told by name and pid, in the order in which they came, and the group goes with the last"
named a ipc="group desk" "${apart[@]}"
start b ipc="group desk" shm=private
named c ipc="group wall" shm=private
json '.[] | .group, (.members[] | "\(.name) \(.pid) \(.ipc) \(.shm)"), .namespace'
shared=$([ "${CLAIM_KERNEL:-}" = old ] && echo false || echo true)
same "all groups" "$text" "desk
a ${init_pid[a]} true $shared
null ${init_pid[b]} true false
$(readlink "/proc/${init_pid[a]}/ns/ipc" | tr -dc 0-9)
wall
c ${init_pid[c]} true false
$(readlink "/proc/${init_pid[c]}/ns/ipc" | tr -dc 0-9)"
json '.[].group' wall
same "one of them" "$text" wall
ipc desk
like "for people" "$text" "group desk*member*a *${init_pid[a]} *ipc*member*- *${init_pid[b]} *ipc*"
stop c
stop a
json '.[] | .group, .members[].pid'
same "the first is gone" "$text" "desk
${init_pid[b]}"
stop b
ipc
same "the last one too" "$status $text" "0 "

claim "objects of each kind are told with key, size, use and maker"
named a ipc="group desk" "${apart[@]}"
start b ipc="group desk" "${apart[@]}"
before=$(date +%s)
answers ok a sysv msg make 4711
answers ok a send 4711 hello
answers ok b send 4711 again
answers ok b sysv sem make 4712
answers ok a sysv shm make 4713
answers ok a mq-make /line
kinds=$([ "${CLAIM_KERNEL:-}" = old ] && echo "queue semaphores segment posix-queue shm" || echo "queue semaphores segment posix-queue shm-file shm")
[ "${CLAIM_KERNEL:-}" = old ] || answers ok b make /dev/shm/paper twelve-bytes
[ "${CLAIM_KERNEL:-}" != old ] || kinds=${kinds% shm}
json '[.[].objects[].kind] | join(" ")'
same "kinds" "$text" "$kinds"
json '.[].objects[] | select(.kind == "queue") | "\(.key) \(.mode) \(.bytes) \(.messages) \(.uid) \(.creator_uid) \(.receiver) \(.sent_at >= '"$before"')"'
same "queue" "$text" "4711 666 128 2 0 0 0 true"
json '.[].objects[] | select(.kind == "semaphores") | "\(.key) \(.semaphores) \(.creator_uid)"'
same "semaphores" "$text" "4712 1 0"
json '.[].objects[] | select(.kind == "segment") | "\(.key) \(.bytes) \(.attached) \(.creator_pid > 0)"'
same "segment" "$text" "4713 4096 0 true"
json '.[].objects[] | select(.kind == "posix-queue") | "\(.name) \(.mode) \(.messages) \(.bytes) \(.uid)"'
same "posix queue" "$text" "line 600 0 0 0"
if [ "${CLAIM_KERNEL:-}" != old ]; then
	json '.[].objects[] | select(.kind == "shm-file") | "\(.name) \(.bytes) \(.uid)"'
	same "shm file" "$text" "paper 12 0"
	json '.[].objects[] | select(.kind == "shm") | "\(.bytes) \(.room > 0)"'
	same "shm" "$text" "4096 true"
fi
ipc
for word in 0x00001267 0x00001268 0x00001269 line; do like "for people" "$text" "*$word*"; done

claim "what the host has is not told, and the host's mounts are as they were"
"$T/probe" sysv shm make 9999 >/dev/null
ipc
unlike "the host's segment" "$text" "*0x0000270f*"
ipcrm -M 9999

claim "a process that made a segment is told as the host sees it, with its sandbox"
answers ok a hold 4720 /held /dev/shm/held
json '.[].objects[] | select(.key == 4720) | "\(.attached) \(.creator) \(.creator_pid)"'
like "segment" "$text" "1 a *"
read -r _ _ maker <<<"$text"
same "its IPC namespace" "$(readlink "/proc/$maker/ns/ipc")" "$(readlink "/proc/${init_pid[a]}/ns/ipc")"

claim "--clean takes what nobody uses, and says why the rest stays"
[ "${CLAIM_KERNEL:-}" = old ] || answers ok b mkdir /dev/shm/folder
ipc --clean desk
same "status" "$status" 0
like "a segment that nobody has" "$text" "*removed *0x00001269 *: nobody uses it*"
like "one that is attached" "$text" "*left *0x00001270 *: it is in use*"
like "a queue whose users are gone" "$text" "*removed *0x00001267 *: nobody uses it*"
like "a queue that its maker used" "$text" "*left *0x00001271 *: process $maker of a uses it*"
like "semaphores that nobody has used yet" "$text" "*left *0x00001268 *: nobody is known to have used it yet*"
like "semaphores in use" "$text" "*left *0x00001272 *: process $maker of a uses it*"
like "a posix queue" "$text" "*removed *line *: nobody uses it*"
like "one that is open" "$text" "*left *held *: process $maker of a uses it*"
answers ENOENT b sysv msg find 4711
answers ENOENT b sysv shm find 4713
answers ENOENT b mq-find /line
for kind in "shm find 4720" "msg find 4721" "sem find 4712" "sem find 4722"; do
	# shellcheck disable=SC2086 # words
	answers ok b sysv $kind
done
answers ok b mq-find /held
if [ "${CLAIM_KERNEL:-}" != old ]; then
	like "a file" "$text" "*"
	answers ENOENT b stat /dev/shm/paper
	answers "file 0600 0:0" b stat /dev/shm/held
	answers "dir 0755 0:0" b stat /dev/shm/folder
	json '[.[].objects[] | select(.kind == "shm-file") | .name] | sort | join(" ")'
	same "what is left" "$text" "folder held"
fi

claim "--clean --json says the same; who held it is gone, and so is it"
answers ok a release 4720
ipc --clean --json desk
text=$(jq -r '[.[].objects[] | select(.removed) | .kind + " " + (.name // (.key | tostring))] | sort | join(", ")' <<<"$text")
same "removed" "$text" "posix-queue held, queue 4721, segment 4720, semaphores 4722$([ "${CLAIM_KERNEL:-}" = old ] || echo ", shm-file held")"
stop a
stop b

claim "a sandbox that is in no group is looked into by its name"
named a
answers ok a sysv msg make 77
answers ok a make /dev/shm/own
json '.[] | .sandbox, .members[0].pid, ([.objects[] | .kind + " " + (.name // (.key | tostring))] | join(", "))' a
same "its objects" "$text" "a
${init_pid[a]}
queue 77, shm-file own, shm null"
ipc
same "it is no group" "$status $text" "0 "
named b ns="mount pid uts"
ipc b
same "one in the host's namespace" "$status $text" "125 hutch: b has the IPC namespace of the host"
ipc --clean b
same "is not cleaned" "$status $text" "125 hutch: b has the IPC namespace of the host"
stop b
stop a

claim "names of files and queues command no terminal and break no JSON"
named a ipc="group desk" "${apart[@]}"
answers ok a mq-make $'/q"\\\e[31m'
answers ok a mq-make $'/\xff\xc3\xa4'
ipc
like "for people" "$text" '*q"\\\?\[31m*'
ipc --json
iconv -f UTF-8 -t UTF-8 <<<"$text" >/dev/null || note "no UTF-8"
same "json" "$(jq -r '.[].objects[] | select(.kind == "posix-queue") | .name' <<<"$text" | sort)" $'?ä\nq"\\\e[31m'
stop a

claim "a second member that asks for another limit does not start, and is told key and both values"
start a ipc="group desk" ipc.msgmax=4096 ipc.sem="10 100 10 4" "${apart[@]}" && {
	refused "ipc.msgmax sys/kernel/msgmax: the group has 4096, set by its first member, and not 8192" \
		ipc="group desk" ipc.msgmax=8192 "${apart[@]}" -- "${ran[@]}"
	refused "ipc.sem sys/kernel/sem: the group has 10 100 10 4, set by its first member, and not 10 100 10 5" \
		ipc="group desk" ipc.sem="10 100 10 5" "${apart[@]}" -- "${ran[@]}"
	answers 4096 a cat /proc/sys/kernel/msgmax
	json '.[].members | length'
	same "members" "$text" 1
	says 4096 ipc="group desk" ipc.msgmax=4096 ipc.sem="10 100 10 4" "${apart[@]}" -- "$P" cat /proc/sys/kernel/msgmax
	says 4096 ipc="group desk" "${apart[@]}" -- "$P" cat /proc/sys/kernel/msgmax
	stop a
}

if [ "${CLAIM_KERNEL:-}" != old ]; then
	claim "shm-size of a group is its first member's, too"
	start a ipc="group desk" shm-size=1m && {
		refused "the group has 1048576 bytes, set by its first member, and not 2097152" \
			ipc="group desk" shm-size=2m -- "${ran[@]}"
		says ok ipc="group desk" shm-size=1m -- "$P" make /dev/shm/x
		says ok shm="group desk" -- "$P" make /dev/shm/y
		stop a
	}

	claim "ipc=group and shm=group apart: each shares what it says, with whoever has it"
	start a ipc="group desk" shm=private
	start b shm="group desk"
	start c ipc="group desk"
	answers ok a sysv msg make 1
	answers ENOENT b sysv msg find 1
	answers ok c sysv msg find 1
	answers ok b make /dev/shm/paper
	answers ENOENT a stat /dev/shm/paper
	answers "file 0644 0:0" c stat /dev/shm/paper
	json '.[].members[] | "\(.ipc) \(.shm)"'
	same "who shares what" "$text" $'true false\nfalse true\ntrue true'
	stop c
	stop a
	json '.[] | "\(.namespace) \([.objects[].kind] | join(" "))"'
	same "without a member that has the namespace" "$text" "null shm-file shm"
	start a ipc="group desk" shm=private
	answers ENOENT a sysv msg find 1
	stop a
	stop b
	refused "one group" ipc="group desk" shm="group wall" -- "${ran[@]}"
fi
