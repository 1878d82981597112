#!/bin/bash
# What the payload gets.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "user, group and groups come from the sandbox's own passwd and group"
says "uid=1000,1000,1000 gid=1001,1001,1001 groups=6,29" user=svc groups="disk audio" -- "$P" ids
says "uid=1002,1002,1002 gid=29,29,29 groups=" user=guest group=audio -- "$P" ids
says "uid=7,7,7 gid=8,8,8 groups=9,10" user=7 group=8 groups="9 10" -- "$P" ids
refused "nobody-here" user=nobody-here -- "${ran[@]}"
! grep -q '^daemon:' /etc/passwd || refused "daemon" user=daemon -- "${ran[@]}"

claim "ids are strict: no minus one, no sign, no hex, no blank, no junk"
for id in 4294967295 -1 +1 0x0 "1 x" "" 99999999999 1a/; do
	box user="$id" -- "${ran[@]}"
	same "user=$id" "$status" 125
	unlike "user=$id" "$text" "*payload did run*"
done

claim "groups of the caller are gone"
text=$(timeout 20 setpriv --groups 6,29 "$H" run root="$R" -- "$P" ids 2>&1)
same "groups" "$text" "uid=0,0,0 gid=0,0,0 groups="

claim "env and env-pass: what is written and what is passed on, nothing else"
export PASSED=yes HIDDEN=yes
says $'PATH=/bin\nPASSED=yes\nA=1\nB=two words' env-pass="PASSED MISSING" env='A=1 "B=two words" PATH=/bin' -- "$P" env
unset PASSED HIDDEN

claim "exec without a slash is looked up in PATH inside; what follows -- replaces exec"
says "[x]" exec="probe args x"
says "[y]" exec="probe args x" -- probe args y
says "[y]" env=PATH=/none:/bin -- probe args y

claim "workdir is inside, and must be a directory there"
says /data workdir=/data -- "$P" cwd
refused "/none" workdir=/none -- "${ran[@]}"
refused "" workdir=/etc/passwd -- "${ran[@]}"

claim "umask"
says 0022 -- "$P" umask
says 0077 umask=077 -- "$P" umask

claim "nice, sched, cpus, ioprio reach the payload and not hutch"
box nice=5 cpus=0 ioprio="best-effort 6" -- "$P" scheduling
same "inside" "$text" "nice=5 policy=0,0 ioprio=4006 cpus=0,"
like "batch" "$(box sched=batch -- "$P" scheduling; echo "$text")" "* policy=3,0 *"
like "fifo" "$(box sched="fifo 7" -- "$P" scheduling; echo "$text")" "* policy=1,7 *"
like "idle" "$(box ioprio=idle -- "$P" scheduling; echo "$text")" "* ioprio=6000 *"
start a nice=7 cpus=0 && {
	same "outside" "$(awk '{ print $19 }' "/proc/$(payload a)/stat")" 7
	same "hutch's own" "$(awk '{ print $19 }' "/proc/${hutch_pid[a]}/stat")" 0
	same "cpus" "$(awk '/^Cpus_allowed_list/ { print $2 }' "/proc/$(payload a)/status")" 0
	stop a
}

claim "oom-score is that of the sandbox, and hutch's own stays"
start a oom-score=500 && {
	answers 500 a cat /proc/self/oom_score_adj
	same "outside" "$(cat "/proc/$(payload a)/oom_score_adj")" 500
	same "hutch" "$(cat "/proc/${hutch_pid[a]}/oom_score_adj")" "$(cat /proc/self/oom_score_adj)"
	stop a
}

claim "rlimits: soft and hard, inside and outside"
declare -A number=([cpu]=0 [fsize]=1 [data]=2 [stack]=3 [core]=4 [nproc]=6 [nofile]=7 [memlock]=8 [as]=9 [msgqueue]=12)
for limit in cpu fsize data stack core nproc nofile memlock as msgqueue; do
	case $limit in as | data | stack) v="64m:128m" w="67108864 134217728" ;; *) v="100:200" w="100 200" ;; esac
	[ $limit = memlock ] && v=4096:8192 w="4096 8192"
	says "$w" rlimit.$limit=$v -- "$P" rlimit "${number[$limit]}"
done
says "50 50" rlimit.nofile=50 -- "$P" rlimit 7
start a rlimit.nofile=60:70 && {
	same "outside" "$(awk '/^Max open files/ { print $4, $5 }' "/proc/$(payload a)/limits")" "60 70"
	stop a
}

claim "stdin, stdout, stderr: null, a file inside, append"
mkdir -p "$T/io"
echo line >"$T/io/in"
box bind="$T/io /data rw" stdin=/data/in -- "$P" cat /dev/stdin
same "stdin" "$text" line
box bind="$T/io /data rw" stdout=/data/out -- "$P" args one
same "stdout" "$text$(cat "$T/io/out")" "[one]"
box bind="$T/io /data rw" stdout="append /data/out" -- "$P" args two
same "append" "$(tr '\n' ' ' <"$T/io/out")" "[one] [two] "
box stdout=null -- "$P" args gone
same "null" "$text" ""
refused "none" stdin=/none -- "${ran[@]}"

claim "a user opens his standard streams again where they are pipes; a file with a name stays as it is"
says ok user=7 -- "$P" open-w /proc/self/fd/1
mkfifo -m 600 "$T/io/fifo"
exec 5<>"$T/io/fifo"
timeout 20 "$H" run root="$R" user=7 -- "$P" args one >&5 2>&1 </dev/null
read -r -t 5 text <&5
exec 5>&-
same "through a fifo" "$text $(stat -c %a,%u "$T/io/fifo")" "[one] 600,0"

claim "fd= keeps a descriptor, all others are closed"
text=$(timeout 20 "$H" run root="$R" fd=7 -- "$P" fds 7</etc/passwd 8</etc/passwd 100</dev/null 2>&1 </dev/null | cut -d' ' -f1 | tr '\n' ' ')
same "numbers" "$text" "0 1 2 7 "
text=$(timeout 20 "$H" run root="$R" -- "$P" fds 7</etc/passwd 8</etc/passwd 1000</dev/null 2>&1 </dev/null | cut -d' ' -f1 | tr '\n' ' ')
same "numbers" "$text" "0 1 2 "
text=$(timeout 20 "$H" run root="$R" fd=9 -- "${ran[@]}" 2>&1)
same "a closed one" "$? $text" "125 argument 2: fd 9 is not open"

claim "keyring: a session keyring of its own, in which the caller's keys are not found"
own=$("$T/probe" key-session)
case $own in
E*) skip "no keyrings here: $own" ;;
*)
	keyctl_box() { timeout 20 "$T/probe" key-add outside , with 9 /dev/null "$H" run root="$R" "$@" 2>&1; }
	like "new" "$(keyctl_box -- "$P" key-find outside)" $'ok\nE*'
	like "inherit" "$(keyctl_box keyring=inherit -- "$P" key-find outside)" $'ok\nok'
	;;
esac

claim "the payload leads a session of its own; the init is its parent; init=no: it is PID 1"
box -- "$P" session
like "default" "$text" "pid=2 parent=1 leader=1 terminal=0 *"
box init=no -- "$P" session
like "init=no" "$text" "pid=1 parent=0 leader=1 *"
box ns.pid=host -- "$P" session
like "host's pids" "$text" "pid=*leader=1 *"
