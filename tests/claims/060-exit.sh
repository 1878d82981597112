#!/bin/bash
# How a sandbox ends: exit codes, status lines, signals, timeouts, orphans.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "the payload's own status, and 128+N for its signal"
for code in 0 1 2 7 42 124 125 126 127 128 255; do
	box -- "$P" exit $code
	same "exit $code" "$status" $code
done
for signal in 1 2 9 11 15; do
	box -- "$P" die $signal
	same "signal $signal" "$status" $((128 + signal))
	box init=no ns.pid=host -- "$P" die $signal
	same "signal $signal without init" "$status" $((128 + signal))
done

claim "125 for a wrong profile or a failed build, 126 and 127 as in a shell, 2 for a wrong option"
box nosuchkey=1 -- "${ran[@]}"
same "unknown key" "$status" 125
box bind=/none -- "${ran[@]}"
same "failed build" "$status" 125
box -- /etc/passwd
same "not executable" "$status" 126
box -- /bin
same "a directory" "$status" 126
box -- /bin/none
same "missing" "$status" 127
box -- none
same "missing in PATH" "$status" 127
timeout 20 "$H" run --nosuchoption root="$R" -- "$P" >/dev/null 2>&1
same "option" "$?" 2
timeout 20 "$H" nosuchcommand >/dev/null 2>&1
same "command" "$?" 2
timeout 20 "$H" run "$T/none.conf" >/dev/null 2>&1
same "no profile" "$?" 125

claim "a command that is asked for help gives it, on standard output; one that is used wrongly on standard error"
for command in $(timeout 20 "$H" help | sed -n 's/^hutch \([a-z]*\).*/\1/p' | grep -vx puts); do
	for word in --help -h; do
		text=$(timeout 20 "$H" "$command" $word 2>"$T/errors")
		like "$command $word" "$? $text$(cat "$T/errors")" "0 hutch $command*"
	done
done
text=$(timeout 20 "$H" 2>/dev/null)
same "nothing said" "$? $text" "2 "
text=$(timeout 20 "$H" 2>&1 >/dev/null)
like "nothing said" "$text" "*hutch run *"
for command in help version keys "plan root=/ exec=/x"; do
	# shellcheck disable=SC2086 # words
	text=$(timeout 20 "$H" $command 2>&1 >/dev/full)
	same "$command, and no room for it" "$? $text" "125 hutch: standard output: No space left on device"
done
box -- "$P" args --help
like "the payload's own" "$status $text" "0 *--help*"

events() {
	timeout 20 "$H" run --status-fd=7 "$@" 7>&1 >/dev/null 2>&1 </dev/null
}
claim "--status-fd: built, started and exited, as lines of JSON"
text=$(events root="$R" -- "$P" exit 5)
like "events" "$text" $'{"event":"built","pid":*}\n{"event":"started","pid":*}\n{"event":"exited","status":5}'
text=$(events root="$R" init=no -- "$P" exit 5)
like "init=no" "$text" $'{"event":"built","pid":*}\n{"event":"started","pid":*}\n{"event":"exited","status":5}'

claim "--status-fd: a failed set-up is told from a failed program, with step, errno and message"
text=$(events root="$R" bind="$T/none /data" -- "$P")
like "set-up" "$text" '{"event":"failed","step":*,"name":"tree.*","errno":2,"error":"argument 2: bind */none: No such file or directory (step *)"}'
text=$(events root="$R" -- /bin/none)
like "exec" "$text" '*{"event":"failed","step":*,"name":"exec","errno":2,"error":"command line: exec /bin/none: No such file or directory (step *, exec)"}'
unlike "exec" "$text" '*"exited"*'

claim "INT, QUIT, HUP, TERM, USR1 and USR2 are passed on, with and without the init"
for init in yes no; do
	for signal in 2 3 1 15 10 12; do
		: >"$T/trap"
		timeout 20 "$H" run root="$R" init=$init -- "$P" trap 9 1 2 3 10 12 15 >"$T/trap" 2>&1 &
		job=$!
		until grep -q ready "$T/trap"; do sleep 0.01; done
		pkill -P $job -$signal hutch
		wait $job
		same "signal $signal, init=$init" "$? $(tail -n 1 "$T/trap")" "9 signal $signal"
	done
done

claim "TERM of a payload that does not care ends it: 143"
timeout 20 "$H" run root="$R" -- "$P" sleep 20 &
job=$!
sleep 0.3
pkill -P $job -TERM hutch
wait $job
same "status" "$?" 143

claim "timeout: 124, TERM first; KILL for one that does not listen"
box timeout=300ms -- "$P" sleep 20
same "status" "$status" 124
box timeout=300ms -- "$P" trap 0 15
same "told" "$status $text" $'124 ready\nsignal 15'

claim "a payload that ends in time keeps its status"
box timeout=10s -- "$P" exit 3
same "status" "$status" 3

claim "SIGKILL of hutch kills the sandbox, all of it"
for keys in init=yes init=no "ns.pid=host" "caps=sys_admin"; do
	start a $keys && {
		# Without a PID namespace, who left the family is nobody's.
		[ "$keys" = ns.pid=host ] || ask a orphan 30
		murder a
		gone strangers
	}
done

claim "orphans are the init's, are reaped, and do not outlive the payload"
box -- "$P" orphan 30 , zombies
same "inside" "$text" $'orphan of init\n0'
gone strangers

claim "nothing of a sandbox survives its payload, not even what ignores TERM"
start a && {
	ask a orphan 30
	same "orphan" "$text" "orphan of init"
	stop a 4
	same "status" "$status" 4
}

claim "SIGKILL of hutch at any moment of the build: the payload never runs later, nothing stays"
for delay in 0.0005 0.001 0.0015 0.002 0.0025 0.003 0.004 0.005 0.006 0.008; do
	for keys in "ipc=new" "ipc=group x" "uidmap=0|0|99 gidmap=0|0|99" "root-mode=overlay bind=$T|/made|create"; do
		args=()
		for key in $keys; do args+=("${key//|/ }"); done
		"$H" run root="$R" "${args[@]}" bind="$T/mark-dir /data optional" -- "$P" sleep 20 >/dev/null 2>&1 &
		job=$!
		sleep $delay
		kill -KILL $job 2>/dev/null
		wait $job 2>/dev/null
	done
done
gone strangers
rm -f /run/hutch/x.group
