#!/bin/bash
# hutch exec: one more program in a running sandbox, with its rights and no more.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

names=/run/hutch

# named KEY...: the sandbox "box", whose payload is $member for the host.
named() {
	with_root "$@"
	"${launcher[@]}" "$H" run --name=box "${args[@]}" -- "$P" trap 0 15 >"$T/said" 2>&1 &
	job=$!
	for _ in {1..200}; do
		if [ -e "$names/box.box" ] && member=$(pgrep -x probe); then
			hutch_pid[box]=$job
			return
		fi
		sleep 0.02
	done
	note "$* did not start: $(cat "$T/said")"
}

finish() {
	kill -TERM $job
	wait $job
	unset "hutch_pid[box]"
}

# into ARG...: what hutch exec says.
into() {
	text=$(timeout -k 1 20 "${launcher[@]}" "$H" exec box "$@" 2>&1 </dev/null)
	status=$?
}

# What the host reads of a process: rights, ids, limits of rights.
rights() {
	grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|Umask)' "/proc/$1/status"
	readlink "/proc/$1"/ns/{cgroup,ipc,mnt,net,pid,time,user,uts} "/proc/$1/root"
	stat -Lc %d:%i "/proc/$1/root"
	cat "/proc/$1/oom_score_adj" "/proc/$1/uid_map"
	awk '{ print $19, $41 }' "/proc/$1/stat"
}

# alike NAME: a joined process is like the payload in all that counts.
alike() {
	local job2 joined
	: >"$T/joined"
	timeout -k 1 20 "${launcher[@]}" "$H" exec box -- "$P" trap 0 15 >"$T/joined" 2>&1 </dev/null &
	job2=$!
	until grep -q . "$T/joined" || ! kill -0 $job2 2>/dev/null; do sleep 0.02; done
	same "$1: said" "$(cat "$T/joined")" ready
	joined=$(pgrep -x probe | grep -vx "$member")
	[ -z "$joined" ] || same "$1" "$(rights "$joined")" "$(rights "$member")"
	[ -z "$joined" ] || kill -TERM "$joined"
	wait $job2
}

for keys in "ipc=new" "ns=mount ipc pid uts net cgroup time" "root-mode=overlay" "user=svc|umask=077|nice=3" \
	"user=svc|groups=audio disk" "caps=net_raw kill" "user=svc|caps=net_raw" "caps=sys_admin" "caps=all" "root-seal=yes" \
	"uidmap=0 100000 2000|gidmap=0 200000 2000" "uidmap=0 100000 2000|gidmap=0 200000 2000|user=svc|caps=all" \
	"ns.user=new" "ns.user=new|root-seal=yes" "init=no" "ns.pid=host" "ns.pid=host|ipc=host|ns.uts=host" "ipc=group x|shm=private" \
	"no-new-privs=no|securebits=noroot locked" "oom-score=100|keyring=inherit" "stdin=null|stdout=null" "time-offset=monotonic 1000"; do
	claim "namespaces, root, ids, capabilities and the rest are those of the payload: ${keys//|/, }"
	IFS='|' read -ra args_ <<<"$keys"
	named "${args_[@]}"
	alike "$keys"
	finish
done

claim "the same for an ordinary user's sandbox, and for nobody else"
launcher=(env XDG_RUNTIME_DIR="$T/user" setpriv --reuid 65534 --regid 65534 --clear-groups)
names=$T/user/hutch
mkdir "$T/user"
chown 65534:65534 "$T/user"
for keys in "ipc=new" "root-seal=yes" "user=root" "init=no" "net=none|caps=all"; do
	IFS='|' read -ra args_ <<<"$keys"
	named "${args_[@]}"
	alike "$keys"
	launcher=(env XDG_RUNTIME_DIR="$T/user")
	into -- "${ran[@]}"
	same "root" "$status" 125
	launcher=(env XDG_RUNTIME_DIR="$T/user" setpriv --reuid 65534 --regid 65534 --clear-groups)
	finish
done
launcher=() names=/run/hutch

claim "the root is the sandbox's, and so is what is looked up and where the program starts"
named root-mode=overlay workdir=/tmp env=A=b
into -- probe cwd , ls / , env
like "inside" "$text" $'/tmp\n'*bin*A=b*
unlike "inside" "$text" "*boot*"
unlike "environment" "$text" "*HUTCH*"
finish

claim "on a root over an initramfs"
if "$OUT/inrootfs" /bin/true 2>/dev/null; then
	"$OUT/inrootfs" bash -c "'$H' run --name=box root='$R' -- $P sleep 20 >/dev/null 2>&1 & sleep 0.5; timeout 10 '$H' exec box -- $P ls / , escape; kill %1; wait" >"$T/said" 2>&1 </dev/null
	like "inside" "$(cat "$T/said")" "*bin*inside"
else
	skip "no initial rootfs to go to"
fi

claim "no descriptor of the caller comes along but the three streams, and no directory as one of them"
named
exec 7</etc/passwd 8</
into -- "$P" fds
same "descriptors" "$(wc -l <<<"$text")" 3
text=$(timeout 20 "$H" exec box -- "${ran[@]}" 2>&1 </)
same "a directory" "$?" 125
like "a directory" "$text" "*stdio.check*"
exec 7<&- 8<&-

claim "the status is the program's; 126, 127, 128+N as in a shell, 125 for hutch, 2 for wrong use"
for code in 0 1 7 125 255; do
	into -- "$P" exit $code
	same "exit $code" "$status" $code
done
into -- "$P" die 9
same "signal 9" "$status" 137
into -- "$P" die 15
same "signal 15" "$status" 143
into -- /etc/passwd
same "not executable" "$status" 126
into -- none
same "missing" "$status" 127
into
same "no shell in there" "$status" 127
like "no shell in there" "$text" "*: exec /bin/sh: No such file or directory (step * of *, exec)*"
into "$P"
same "no dashes" "$status" 2
into --
same "nothing behind them" "$status" 2
timeout 20 "$H" exec >/dev/null 2>&1
same "no name" "$?" 2

claim "INT, TERM, HUP and USR1 go on to the program"
for signal in 2 15 1 10; do
	: >"$T/trap"
	timeout 20 "$H" exec box -- "$P" trap 9 1 2 10 15 >"$T/trap" 2>&1 </dev/null &
	job2=$!
	until grep -q ready "$T/trap"; do sleep 0.01; done
	pkill -P $job2 -$signal -o
	wait $job2
	same "signal $signal" "$? $(tail -n 1 "$T/trap")" "9 signal $signal"
done

claim "SIGKILL of hutch exec kills the program, and nothing else"
: >"$T/trap"
"$H" exec box -- "$P" trap 0 15 >"$T/trap" 2>&1 </dev/null &
job2=$!
until grep -q ready "$T/trap"; do sleep 0.01; done
{ kill -KILL $job2; wait $job2; } 2>/dev/null
more() { pgrep -x probe | grep -vx "$member"; }
gone more
into -- "$P" args alive
same "the sandbox" "$text" "[alive]"

claim "SIGKILL at any moment before that: the program never runs later"
for delay in 0.0005 0.001 0.0015 0.002 0.0025 0.003 0.004 0.005 0.006 0.008; do
	"$H" exec box -- "$P" sleep 20 >/dev/null 2>&1 </dev/null &
	job2=$!
	sleep $delay
	kill -KILL $job2 2>/dev/null
	wait $job2 2>/dev/null
done
gone more

claim "the end of the sandbox is the end of the program"
: >"$T/trap"
timeout 20 "$H" exec box -- "$P" trap 0 15 >"$T/trap" 2>&1 </dev/null &
job2=$!
until grep -q ready "$T/trap"; do sleep 0.01; done
finish
wait $job2
same "status" "$?" 137

claim "a name that nobody has, or that is left over, is told and nothing runs"
into -- "${ran[@]}"
same "unknown" "$status $text" "125 hutch: no sandbox named box is running"
named
sed -i 's/^start=.*/start=1/' /run/hutch/box.box
into -- "${ran[@]}"
like "another process" "$status $text" "125 hutch: no sandbox named box is running (its process is gone)"
finish
rm -f /run/hutch/box.box

claim "on a terminal the program has one, of the sandbox's own devpts"
named
text=$(timeout -k 1 20 "$T/probe" pty "=ready" "+session
" "=terminal=1 isatty=111 foreground=1" "+readlink /proc/self/fd/0
" "=/dev/pts/0" "@30x100" "+size
" "=size 30x100" "+quit 7
" -- "$H" exec box -- "$P" serve 2>&1 </dev/null)
same "result" "$text" "status 7"
text=$(timeout -k 1 20 "$T/probe" pty "=ready" $'+\x03' "=signal 2" -- "$H" exec box -- "$P" trap 5 2 2>&1 </dev/null)
same "^C" "$text" "status 5"
finish
named uidmap="0 100000 2000" gidmap="0 200000 2000" user=svc
text=$(timeout -k 1 20 "$T/probe" pty "=ready" "+stat /dev/pts/0
" "=0:0 136,0" "+quit
" -- "$H" exec box -- "$P" serve 2>&1 </dev/null)
same "in a user namespace" "$text" "status 0"
finish

claim "what the payload writes to /etc/passwd gives the program no other ids"
named root-mode=overlay user=root dir=/keep
echo 'root:x:0:6::/:/bin/sh' >"/proc/$member/root/etc/passwd"
into -- "$P" ids
same "ids" "$text" "uid=0,0,0 gid=0,0,0 groups="
finish

claim "what runs in there is a sealed copy of hutch, that a script with the interpreter /proc/self/exe can keep"
named
: >"$T/trap"
timeout 20 "$H" exec box -- "$P" trap 0 15 >"$T/trap" 2>&1 </dev/null &
job2=$!
until grep -q ready "$T/trap"; do sleep 0.01; done
exec_pid=$(pgrep -P $job2)
like "hutch exec" "$(readlink "/proc/$exec_pid/exe")" "/memfd:hutch*"
like "what waits" "$(readlink "/proc/$(pgrep -P "$exec_pid")/exe")" "/memfd:hutch*"
kill -TERM "$exec_pid"
wait $job2
finish

claim "what waits for the program has the caller's rights no more, and nobody inside can trace it or open what it has"
for keys in "caps=kill" "caps=net_raw|user=svc" "ns.user=new"; do
	IFS='|' read -ra args_ <<<"$keys"
	named ns.pid=host "${args_[@]}"
	: >"$T/trap"
	timeout 20 "$H" exec box -- "$P" trap 0 15 >"$T/trap" 2>&1 </dev/null &
	job2=$!
	until grep -q ready "$T/trap"; do sleep 0.01; done
	exec_pid=$(pgrep -P $job2)
	waits=$(pgrep -P "$exec_pid")
	like "$keys: capabilities" "$(grep -E 'CapEff|NoNewPrivs' "/proc/$waits/status" | tr -d '\n')" $'CapEff:\t00000000000000[02]0NoNewPrivs:\t1'
	for pid in "$exec_pid" "$waits"; do
		into -- "$P" ptrace "$pid" , readlink "/proc/$pid/exe" , readlink "/proc/$pid/root" , readlink "/proc/$pid/fd/0"
		like "$keys: $pid" "$text" $'EPERM\nEACCES\nEACCES\nE*'
	done
	kill -TERM "$exec_pid"
	wait $job2
	finish
done

claim "no program joins a payload that could trace it, and with it have the host's rights; but with a user namespace it does"
named caps=sys_ptrace
into -- "$P" exit 3
like "sys_ptrace" "$status $text" "125 box:*could take the host's rights*"
finish
for keys in "caps=sys_ptrace|ns.user=new" "caps=all" "caps=kill"; do
	IFS='|' read -ra args_ <<<"$keys"
	named "${args_[@]}"
	into -- "$P" exit 3
	same "$keys" "$status $text" "3 "
	finish
done

claim "a service of a supervisor, by what the supervisor says of it"
mkdir "$T/set"
printf 'include=more.inc\nroot=%s\nuser=svc\nstdout=null\n' "$R" >"$T/set/web.conf"
{ yes '# nothing' | head -n 900; printf 'exec=%s trap 0 15\n' "$P"; } >"$T/set/more.inc"
timeout 20 "$H" supervise "$T/set" >"$T/said" 2>&1 </dev/null &
job=$!
for _ in {1..100}; do
	timeout 10 "$H" wait web up 5s >"$T/waited" 2>&1 && break
	sleep 0.05
done
text=$(timeout 20 "$H" exec web -- "$P" ids , exit 4 2>&1 </dev/null)
same "inside" "$? $text" "4 uid=1000,1000,1000 gid=1001,1001,1001 groups="
text=$(timeout 20 "$H" exec none -- "${ran[@]}" 2>&1 </dev/null)
same "unknown" "$?" 125
like "unknown" "$text" "hutch: *none*"
timeout 10 "$H" verify web >"$T/waited" 2>&1
same "verify" "$(sed 's/(.*//' "$T/waited")" "web: as stated "
timeout 10 "$H" stop web >/dev/null 2>&1
text=$(timeout 20 "$H" exec web -- "${ran[@]}" 2>&1 </dev/null)
like "stopped" "$? $text" "125 hutch: *web is not running*"
kill -TERM $job
wait $job
rm -rf /run/hutch
