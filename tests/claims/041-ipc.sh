#!/bin/bash
# IPC namespaces: what is seen, what is limited, what is shared, what stays.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "a queue made outside is not seen inside, and one made inside not outside"
"$T/probe" sysv msg make 4711 >/dev/null
start a && {
	for kind in msg shm sem; do
		answers ENOENT a sysv $kind find 4711
		answers ok a sysv $kind make 4712
		same "$kind outside" "$("$T/probe" sysv $kind find 4712)" ENOENT
	done
	answers ok a mq-make /inside
	answers "inside" a ls /dev/mqueue
	same "posix queue outside" "$("$T/probe" mq-find /inside)" ENOENT
	stop a
}

claim "ipc=host: the caller's objects are there"
says ok ipc=host -- "$P" sysv msg find 4711
ipcrm -Q 4711

claim "an inherited mqueue mount is replaced: it would show the caller's queues"
mkdir -p "$T/mq"
mount -t mqueue mq "$T/mq"
"$T/probe" mq-make /outside >/dev/null
[ -e "$T/mq/outside" ] || note "no queue to see"
start a && {
	answers "" a ls /dev/mqueue
	answers ENOENT a mq-find /outside
	stop a
}
rm "$T/mq/outside"
umount "$T/mq"

limits=(msgmax=4096 msgmnb=8192 msgmni=7 shmmax=65536 shmall=99 shmmni=5 shm-rmid-forced=1
	mq.queues-max=3 mq.msg-max=4 mq.msgsize-max=512 mq.msg-default=2 mq.msgsize-default=256)
claim "ipc.* limits hold inside and not outside"
args_=()
for limit in "${limits[@]}"; do args_+=("ipc.$limit"); done
host_limits() { cat /proc/sys/kernel/{msg*,shm*,sem} /proc/sys/fs/mqueue/* 2>/dev/null; }
host_limits >"$T/limits"
start a "${args_[@]}" ipc.sem="10 100 10 4" && {
	for limit in "${limits[@]}"; do
		name=${limit%%=*}
		case $name in mq.*) file=fs/mqueue/${name#mq.} ;; *) file=kernel/$name ;; esac
		answers "${limit#*=}" a cat "/proc/sys/${file//-/_}"
	done
	answers $'10\t100\t10\t4' a cat /proc/sys/kernel/sem
	for i in 1 2 3; do answers ok a mq-make "/q$i"; done
	answers ENOSPC a mq-make /q4
	same "outside" "$(host_limits | diff "$T/limits" -)" ""
	stop a
}
box ipc.shmmni=2 ipc.msgmni=1 -- "$P" sysv shm make 1 , sysv shm make 2 , sysv shm make 3 , sysv msg make 1 , sysv msg make 2
same "what the limits stop" "$text" $'ok\nok\nENOSPC\nok\nENOSPC'
refused "ipc=new" ipc=host ipc.msgmax=1 -- "${ran[@]}"

if [ "${CLAIM_KERNEL:-}" = old ]; then
	claim "on an older kernel a group shares its namespace; its /dev/shm needs open_tree"
	start a ipc="group desk" shm=private
	start b ipc="group desk" shm=private
	answers ok a sysv msg make 4711
	answers ok b sysv msg find 4711
	stop a
	stop b
	exit 0
fi

claim "ipc=group: a queue made by name in one is found by another, and by no third"
start a ipc="group desk"
start b ipc="group desk"
start c ipc="group other"
start d
answers ok a sysv msg make 4711
answers ok a send 4711 hello
for other in c d; do answers ENOENT $other sysv msg find 4711; done
answers hello b take 4711
answers ok b mq-make /line
answers ok a mq-find /line
answers ENOENT c mq-find /line
same "one namespace" "$(readlink "/proc/$(payload a)/ns/ipc")" "$(readlink "/proc/$(payload b)/ns/ipc")"

claim "the group shares /dev/shm too, and nobody else sees it"
answers ok a make /dev/shm/paper
answers "file 0644 0:0" b stat /dev/shm/paper
answers ENOENT c stat /dev/shm/paper
[ ! -e /dev/shm/paper ] || note "on the host's /dev/shm"

claim "the group outlives the member that made it, and takes new ones"
stop a
answers "file 0644 0:0" b stat /dev/shm/paper
start e ipc="group desk"
answers ok e sysv msg find 4711
answers "file 0644 0:0" e stat /dev/shm/paper
stop b
answers ok e sysv msg find 4711
stop c
stop d

claim "a member that is killed does not hold the group up"
start f ipc="group desk"
murder f
start g ipc="group desk"
answers ok g sysv msg find 4711
murder g
stop e

claim "the last one leaves nothing behind: the next group of this name is empty"
start a ipc="group desk"
answers ENOENT a sysv msg find 4711
answers ENOENT a stat /dev/shm/paper
stop a

claim "shm=private in a group: the namespace is shared, /dev/shm is not"
start a ipc="group desk" shm=private
start b ipc="group desk" shm=private
answers ok a make /dev/shm/paper
answers ENOENT b stat /dev/shm/paper
answers ok a sysv msg make 1
answers ok b sysv msg find 1
stop a
stop b

claim "ten sandboxes at once join one group"
for i in 0 1 2 3 4 5 6 7 8 9; do
	timeout 20 "$H" run root="$R" ipc="group crowd" -- "$P" ns /proc/self/ns/ipc , sleep 1 >"$T/crowd.$i" 2>&1 &
done
wait
same "namespaces" "$(cat "$T"/crowd.* | sort -u | wc -l)" 1
like "namespace" "$(sort -u "$T"/crowd.*)" "ipc:*"

claim "a stale or forged group file lets nobody in: not a dead process, not another one's pid"
mkdir -p /run/hutch
printf '1 1\n999999 5\n' >/run/hutch/desk.group
start a ipc="group desk"
unlike "namespace" "$(readlink "/proc/$(payload a)/ns/ipc")" "$(readlink /proc/1/ns/ipc)"
stop a

claim "shm-size= limits /dev/shm, shm=none leaves it out"
start a shm-size=64k && {
	like "size" "$(grep ' /dev/shm ' "/proc/${init_pid[a]}/mountinfo")" "*size=64k*"
	stop a
}
says none shm=none -- "$P" mount /dev/shm
