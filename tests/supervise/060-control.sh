#!/bin/bash
# Who may ask, and who holds nobody up.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

as() {	# UID GID GROUPS COMMAND...
	local ids=(--reuid "$1" --regid "$2")
	if [ "$3" = none ]; then ids+=(--clear-groups); else ids+=(--groups "$3"); fi
	shift 3
	text=$(timeout -k 1 15 setpriv "${ids[@]}" "$@" 2>&1)
	status=$?
}

answers_thrice() {	# each within five seconds, whatever there is to say
	for _ in 1 2 3; do
		timed timeout 12 "$H" status
		[ "$status" -le 1 ] || note "hutch status: $text"
		within "reply in ms" "$took" 0 5000
	done
}

service a "exec=/bin/probe say secret forever -"
service b "exec=/bin/probe exit 4" restart=never
chmod 755 "$T"
options=(--readers=4242)
up
await a up
await b down

claim "another user is denied everything, and learns nothing"
for words in "status" "start a" "stop a" "restart a" "signal HUP a" "reload" "wait a up" "events" "logs a" "shutdown"; do
	# shellcheck disable=SC2086
	as 1002 1002 none "$H" $words
	same "$words" "$status $text" "125 hutch: the supervisor does not let you"
done
same "a" "$(get a state)" up

claim "a member of the readers' group may look, by its first group and by another one"
for ids in "1002 4242 none" "1002 1002 4242,77"; do
	# shellcheck disable=SC2086
	as $ids "$H" status
	like "status for $ids" "$text" "NAME*a *up*b *down*"
	# shellcheck disable=SC2086
	as $ids "$H" logs a
	same "logs for $ids" "$status $text" "0 secret"
	# shellcheck disable=SC2086
	as $ids "$H" wait a up 1s
	same "wait for $ids" "$status $text" "0 "
	# shellcheck disable=SC2086
	as $ids "$H" events
	like "events for $ids" "$text" "*a*up*"
done

claim "a reader may not act, nor see a profile"
for words in "start b" "stop a" "restart a" "signal KILL a" "reload" "shutdown" "shutdown reboot"; do
	# shellcheck disable=SC2086
	as 1002 4242 none "$H" $words
	same "$words" "$status" 125
	like "$words" "$text" "*does not let you*"
done
as 1002 4242 none "$T/probe" request $C describe a
same "describe" "$text" "end=denied"
text=$("$T/probe" request $C describe a)
like "describe for an owner" "$text" "pid=$(get a pid)*start=*"
same "a" "$(get a restarts) $(get a state)" "0 up"

claim "root of another mount namespace is denied: a sandbox's root is root too"
text=$(timeout 10 unshare -m "$H" status 2>&1)
same "status" "$text" "hutch: the supervisor does not let you"
mkdir "$R/run/hutch"
cp "$H" "$R/bin/hutch"
service inner "exec=/bin/hutch stop a" "bind=/run/hutch" restart=never
ask reload
await inner down
same "said" "$("$H" logs inner) $(get inner why)" "hutch: the supervisor does not let you ended with status 125"
same "a" "$(get a state)" up
rm "$D/inner.conf"
ask reload

claim "status --json is JSON, for all, for one, and with what payloads put into it"
service evil "exec=/bin/probe notify \"STATUS=^}],\\ \$(x) \'\" notify READY=1 forever -" ready=notify
ask reload
await evil up
"$H" status --json >"$T/json"
same "names and types" "$(python3 -c '
import json, sys
l = json.load(open(sys.argv[1]))
k = {"name": str, "state": str, "wish": str, "since": float, "restarts": int, "lost": int, "critical": bool}
for s in l:
    for n, t in k.items():
        assert isinstance(s[n], t), (s, n)
print(*[s["name"] for s in l])' "$T/json" 2>&1)" "a b evil"
"$H" status --json b >"$T/json"
same "exit" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[0]["exit"])' "$T/json" 2>&1)" "status 4"
"$H" status --json nosuch >"$T/json" 2>/dev/null
same "none" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1])))' "$T/json" 2>&1)" "[]"

claim "events --json: every line is an object with time, service and state"
"$H" events --json >"$T/json"
same "lines" "$(python3 -c '
import json, sys
n = 0
for line in open(sys.argv[1]):
    e = json.loads(line)
    assert isinstance(e["time"], float)
    n += e.get("service") == "a" and e.get("state") == "up"
print(n)' "$T/json" 2>&1)" 1

claim "half a request, none, garbage, NULs and a mebibyte: dropped within seconds, others are answered"
for kind in half words nuls empty mega; do
	timeout 10 "$T/probe" client $C $kind >"$T/client.$kind" 2>&1 &
done
timeout 10 "$T/probe" client $C silent >"$T/client.silent" 2>&1 &
silent=$!
lively
wait $silent
for kind in half words nuls empty mega silent; do
	until_true grep -q dropped "$T/client.$kind"
done
like "words" "$(cat "$T/client.words")" "*"'end=error*no such request: frobnicate*'
like "half" "$(cat "$T/client.half")" "*"'end=error*not a request*'

claim "a reader who never takes its reply is dropped, and holds nobody up meanwhile"
service loud "exec=/bin/probe flood 0" log-size=1m
ask reload
await loud up
timeout 20 "$T/probe" slow $C loud >"$T/slow" 2>&1 &
slow=$!
nap 0.3
lively
wait $slow
same "the slow one" "$(cat "$T/slow")" dropped
tell stop loud

claim "a thousand connections that say nothing: the supervisor's descriptors stay few, whoever asks is answered"
ulimit -n 4096
timeout 30 "$T/probe" crowd $C 1000 3000 >"$T/crowd" 2>&1 &
crowd=$!
until_true grep -q there "$T/crowd"
within "descriptors" "$(find "/proc/$sup/fd" -mindepth 1 | wc -l)" 5 80
answers_thrice
wait $crowd
same "the crowd" "$(cat "$T/crowd")" there
lively

claim "a thousand connections of a stranger are turned away at once"
timeout 30 setpriv --reuid 1002 --regid 1002 --clear-groups "$T/probe" crowd $C 1000 1500 >"$T/crowd" 2>&1 &
crowd=$!
until_true grep -q there "$T/crowd"
answers_thrice
wait $crowd

claim "forty readers who wait for something give way to an owner who asks"
for ((i = 0; i < 40; i++)); do
	timeout 4 setpriv --reuid 1002 --regid 4242 --clear-groups "$H" wait b up 3s >/dev/null 2>&1 &
	waiters[i]=$!
done
nap 0.5
timed timeout 5 "$H" status
like "status" "$text" "NAME*"
same "reply" "$("$T/probe" request $C status | head -n 1)" "name=a"
wait "${waiters[@]}"

claim "forty owners who wait: one more is told that there are too many, and served when they are gone"
for ((i = 0; i < 40; i++)); do
	timeout 4 "$H" wait b up 1500ms >/dev/null 2>&1 &
	waiters[i]=$!
done
nap 0.5
ask status
like "status" "$text" "*too many ask at once*"
wait "${waiters[@]}"
lively

claim "a second supervisor at the same place is refused, and the first one goes on"
text=$(timeout 10 "$H" supervise "$D" 2>&1)
same "status" "$?" 125
unlike "text" "$text" ""
same "a" "$(get a state)" up

claim "a socket that somebody removed is there again after HUP"
rm $C
ask status
same "status" "$status" 125
kill -HUP "$sup"
until_true 5 "$H" status a
same "a" "$(get a state)" up

claim "all that is done and descriptors and memory are what they were"
for ((i = 0; i < 30; i++)); do "$H" status >/dev/null; done
within "descriptors" "$(find "/proc/$sup/fd" -mindepth 1 | wc -l)" 5 45
down

claim "a path that is not there is told, once"
ask supervise "$T/none"
same "text" "$status $text" "125 hutch: $T/none: No such file or directory"

claim "a directory without a profile is told of, and waited for"
mkdir "$T/empty"
text=$(timeout 1 "$H" supervise "$T/empty" 2>&1)
like "text" "$text" "hutch: there is no profile: a file NAME.conf*"

claim "no supervisor: told so, 125"
ask status
same "status" "$status" 125
like "text" "$text" "*no supervisor*"
