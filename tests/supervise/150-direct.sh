#!/bin/bash
# Starts by the supervisor itself: from the third on, with the plan and the template that the second left.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

launched() {	# NAME HOW
	[[ "$(get "$1" state) $(get "$1" launch)" == "up $2"* ]]
}
another() {	# NAME OLD-PID
	local pid
	pid=$(get "$1" pid)
	[[ $pid == [0-9]* && $pid != "$2" && $(get "$1" state) == up ]]
}
again() {	# kills the payload and waits for the next one
	local old
	old=$(get "$1" pid)
	kill -KILL "$old"
	until_true another "$1" "$old"
}

news() {
	ask reload
	same "reload" "$status" 0
}

# All that /proc tells of what surrounds a payload, without the numbers that the kernel gives anew.
surroundings() {
	local p=/proc/$1 fd
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master|propagate_from):[0-9]+/\1/g' "$p/mountinfo"
	grep -E '^(Umask|Uid|Gid|Groups|NSpid|NSsid|NSpgid|Sig(Blk|Ign|Cgt)|ShdPnd|Cap|NoNewPrivs|Seccomp|Cpus_allowed):?' "$p/status" |
		sed -E 's/^(NS[a-z]*:)\t[0-9]+/\1/'
	for fd in "$p"/fd/*; do
		echo "${fd##*/} $(readlink "$fd" | sed 's/[0-9]*]$/]/') $(grep ^flags "$p/fdinfo/${fd##*/}")"
	done
	tr '\0' '\n' <"$p/environ" | sed 's/^LISTEN_PID=.*/LISTEN_PID=/'
	cat "$p/limits" "$p/cgroup" "$p/oom_score_adj" "$p/personality" "$p/timerslack_ns" 2>/dev/null
	readlink "$p/cwd" "$p/exe"
	for fd in "$p"/ns/*; do
		[ "$(readlink "$fd")" = "$(readlink "/proc/self/ns/${fd##*/}")" ] && echo "the host's ${fd##*/}"
	done
	stat -c '%U:%G %a %n' "$p"/root/* "$p"/root/dev/* 2>/dev/null | sed "s,$p,,"
	nsenter --uts="$p/ns/uts" hostname
}

direct=("exec=/bin/probe forever -" "restart-delay=0 0" init=no dev=none mask=none)

inhabitants() {	# PID: who else is in its PID namespace
	local p ns
	ns=$(readlink "/proc/$1/ns/pid")
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/pid" 2>/dev/null)" != "$ns" ] || echo "${p#/proc/}"
	done | sort -n
}

claim "the first two starts are a launcher's, all later ones the supervisor's own, and each of them finds the same"
# A service without mounts of its own sees the host's programs.
hosts() {
	printf '%s\n' "${@:2}" "stop-timeout=1s" "restart-delay=0 0" ns=none init=no >"$D/$1.conf"
}
service a "${direct[@]}" tmpfs=/tmp hostname=box "listen=unix $T/web.sock name=web" env=A=b rlimit.core=0 nice=3 user=svc
hosts bare "exec=$T/probe forever -"
up
await a up
for n in 1 2 3 4; do
	surroundings "$(get a pid)" >"$T/around.$n" 2>&1
	how=launcher
	[ $n -le 2 ] || how=direct
	same "start $n" "$(get a launch)" "$how"
	[ $n = 1 ] || same "surroundings of start $n" "$(diff "$T/around.1" "$T/around.$n")" ""
	same "verify sees the same, start $n" "$(grep -c ' /tmp rw' "$T/around.$n")" 1
	again a
done

claim "so with an init inside, /dev and masks: the default profile"
service inside "exec=/bin/probe forever -" "restart-delay=0 0" "listen=unix $T/inside.sock name=in" user=svc
news
await inside up
for n in 1 2 3 4; do
	surroundings "$(get inside pid)" >"$T/around.$n" 2>&1
	pid=$(get inside pid)
	payload=$(tr -d " " <"/proc/$pid/task/$pid/children")
	surroundings "$payload" >"$T/payload.$n" 2>&1
	how=launcher
	[ $n -le 2 ] || how=direct
	same "start $n" "$(get inside launch)" "$how"
	same "plans that its init has mapped, start $n" "$(grep -c hutch-plans "/proc/$(get inside pid)/maps")" 0
	[ $n = 1 ] || same "surroundings of start $n" "$(diff <(sort "$T/around.1") <(sort "$T/around.$n"))" ""
	[ $n = 1 ] || same "what its payload finds in start $n" "$(diff <(sort "$T/payload.1") <(sort "$T/payload.$n"))" ""
	same "descriptors of its payload, start $n" "$(ls "/proc/$payload/fd")" $'0\n1\n2\n3'
	again inside
done
ask verify inside
like "verify" "$status $text" "0 *as stated*"

claim "who asks as soon as a payload runs is told that its service is up"
service prompt "exec=/bin/probe stamp prompt forever -" "restart-delay=0 0" init=no dev=none mask=none
news
await prompt up
for n in 1 2; do again prompt; done
mistold=()
for ((n = 0; n < 40; n++)); do
	mapfile -t old <"$S/stamps"
	kill -KILL "$(get prompt pid)"
	# As fast as a shell can see it: two milliseconds later it is known in any case.
	for ((tries = 0; tries < 100000; tries++)); do
		mapfile -t new <"$S/stamps"
		[ "${#new[@]}" = "${#old[@]}" ] || break
	done
	"$H" status prompt >"$T/prompt" || mistold+=("$(tail -n 1 "$T/prompt")")
done
same "told otherwise" "${mistold[*]}" ""
same "launch" "$(get prompt launch)" direct
tell stop prompt
tell wait prompt down 5s

claim "killed a hundred times it has one init and one payload, and is what was asked for; nothing of the plan is left in its init"
restarts=$(get inside restarts)
for _ in {1..100}; do again inside; done
pid=$(get inside pid)
payload=$(tr -d " " <"/proc/$pid/task/$pid/children")
same "launch" "$(get inside launch) $(($(get inside restarts) - restarts))" "direct 100"
same "processes" "$(inhabitants "$pid")" "$(printf '%s\n' "$pid" "$payload" | sort -n)"
same "children of the supervisor" "$(wc -w <"/proc/$sup/task/$sup/children")" 3
ask verify inside
like "verify" "$status $text" "0 *as stated*"
same "plans that its init has mapped" "$(grep -c hutch-plans "/proc/$pid/maps")" 0
same "descriptors of its init" "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" 1

claim "a dozen of them at a time"
for i in {1..12}; do service "many$i" "exec=/bin/probe forever -" "restart-delay=0 0"; done
news
for i in {1..12}; do
	await "many$i" up
	again "many$i"
	again "many$i"
done
same "launched" "$(for i in {1..12}; do get "many$i" launch; done | sort | uniq -c | xargs)" "12 direct"
rm "$D"/many*.conf
news

claim "so are those whose process has to be a copy for another reason, and one whose payload tells that it is ready"
service timed "exec=/bin/probe forever -" "restart-delay=0 0" "ns=mount pid time" "time-offset=boottime 1000"
service oom "${direct[@]}" oom-score=500
service sealed "${direct[@]}" root-seal=yes
service teller "exec=/bin/probe notify READY=1 forever -" "restart-delay=0 0" ready=notify
news
for name in timed oom sealed teller; do
	await $name up
	again $name
	again $name
	same "$name" "$(get $name launch)" direct
	ask verify $name
	like "verify $name" "$status $text" "0 *as stated*"
done
same "score" "$(cat "/proc/$(get oom pid)/oom_score_adj") $(cat "/proc/$sup/oom_score_adj")" "500 $(cat /proc/self/oom_score_adj)"
like "clock" "$(cat "/proc/$(get timed pid)/timens_offsets")" "*boottime *1000 *0"

claim "a service with an address or an IPC group goes by a launcher, with the template if it has one, and says so"
hosts address "exec=$T/probe notify READY=1 forever -" ready=notify
service member "exec=/bin/probe forever -" "restart-delay=0 0" "ipc=group web"
news
for name in address member; do
	await $name up
	again $name
	again $name
done
like "with an address" "$(get address launch)" "launcher: its NOTIFY_SOCKET*"
like "with a group" "$(get member launch)" "launcher, template: there is more to do on the host*"
same "plans that its init has mapped" "$(grep -c hutch-plans "/proc/$(get member pid)/maps")" 0

# cloned NAME: how the next process of a service is made, as the kernel was asked: by whom, and sharing what
cloned() {
	local tracer seen
	rm -f "$T/calls"
	strace -f -qq -e signal=none -e trace=clone,clone3,fork,vfork -o "$T/calls" -p "$sup" 2>"$T/strace.err" &
	tracer=$!
	until_true grep -q "^TracerPid:.$tracer\$" "/proc/$sup/status"
	again "$1"
	kill -TERM $tracer
	wait $tracer 2>/dev/null
	until_true grep -q '^TracerPid:.0$' "/proc/$sup/status"
	seen=$(awk -v sup="$sup" '/(clone3?|fork)\(/ && /CLONE_NEWPID/ { print ($1 == sup) ? "supervisor" : "launcher",
		/CLONE_VFORK/ ? "vfork" : /CLONE_VM/ ? "shared" : "fork" }' "$T/calls")
	[[ $seen == "$2" ]] || note "$1 is cloned by '$seen' and not '$2': $(cat "$T/calls" "$T/strace.err")"
}

claim "the supervisor's own child shares the memory while that goes on, or is a copy, as the plan says; a launcher's is a copy"
direct_child() {	# NAME KIND-OF-CLONE KIND WHY
	# What others of the set are is new since: so are the plans.
	again "$1"
	again "$1"
	cloned "$1" "supervisor $2"
	same "$1" "$(get "$1" launch)" direct
	text=$("$H" plan --direct --part=launch "$D/$1.conf" 2>&1)
	like "plan of $1" "$text" "*child by $3: $4*"
}
# What could unmount something is sealed at each launch, and not in the template alone.
service helped "${direct[@]}" caps=all
news
await helped up
direct_child a shared "clone with shared memory" "the supervisor goes on"
direct_child sealed shared "clone with shared memory" "the supervisor goes on"
direct_child inside fork fork "an init of its own stays"
direct_child timed fork fork "an init of its own stays"
direct_child oom fork fork "oom-score is everybody's who shares the memory"
direct_child helped fork fork "helpers for user namespaces share its memory"
cloned member "launcher fork"
tell stop member

claim "root without capabilities, who has all of them in user namespaces of root's, gets no hold of what shares the supervisor's memory"
# Not even of the first, when no other child has hidden it for all: so this program is new.
service owner "${direct[@]}" ns.user=new
news
await owner up
tell reload --exec
await owner up
again owner
like "owner, by a launcher that leaves a plan" "$(get owner launch) $("$H" plan --direct "$D/owner.conf" | grep -c 'child by clone with shared memory')" "launcher 1"
strace -f -qq -e signal=none -e inject=keyctl:signal=SIGSTOP -e trace=keyctl -o "$T/calls" -p "$sup" 2>"$T/strace.err" &
tracer=$!
until_true grep -q "^TracerPid:.$tracer\$" "/proc/$sup/status"
kill -KILL "$(get owner pid)"
child_held() {
	for child in $(pgrep -P "$sup"); do
		[[ $(cat "/proc/$child/status" 2>/dev/null) != *"State:	"[tT]* ]] || return 0
	done
	return 1
}
until_true child_held
same "whose memory" "$(readlink "/proc/$child/exe") $(grep ^VmSize "/proc/$child/status")" "$(readlink "/proc/$sup/exe") $(grep ^VmSize "/proc/$sup/status")"
text=$(setpriv --bounding-set=-all --inh-caps=-all readlink -v "/proc/$child/exe" 2>&1)
like "its program" "$text" "*ermission denied*"
kill -CONT "$child"
kill -TERM $tracer
wait $tracer 2>/dev/null
await owner up
same "owner" "$(get owner launch)" direct
tell stop owner

claim "without a sandbox of mounts the supervisor starts it as well"
again bare
like "the second" "$(get bare launch)" launcher
again bare
same "the third" "$(get bare launch)" direct

claim "what a source of its is has changed: the next start shows that, by a launcher, and those behind it are direct again"
mkdir "$T/source"
echo old >"$T/source/file"
service sourced "${direct[@]}" "bind=$T/source /mnt"
news
await sourced up
again sourced
again sourced
same "before" "$(get sourced launch)" direct
mv "$T/source" "$T/source.old"
mkdir "$T/source"
echo new >"$T/source/file"
restarts=$(get sourced restarts)
again sourced
same "after" "$(get sourced launch) $(cat "/proc/$(get sourced pid)/root/mnt/file")" "launcher new"
same "counted as one restart" "$(get sourced restarts)" $((restarts + 1))
again sourced
same "then" "$(get sourced launch) $(cat "/proc/$(get sourced pid)/root/mnt/file")" "direct new"

claim "where somebody lets two directories of the root change their names, the next start shows at each place what is said of it"
mkdir -p "$T/second" "$R/more"
echo second >"$T/second/file"
service swapped "${direct[@]}" "bind=$T/source /mnt" "bind=$T/second /more"
news
await swapped up
again swapped
again swapped
same "before" "$(get swapped launch)" direct
mv "$R/mnt" "$R/was" && mv "$R/more" "$R/mnt" && mv "$R/was" "$R/more"
shown() {
	local root
	root=/proc/$(get swapped pid)/root
	cat "$root/mnt/file" "$root/more/file" | xargs
}
for how in launcher direct direct; do
	again swapped
	same "after" "$(get swapped launch) $(shown)" "$how new second"
done
tell stop swapped

claim "another profile: the old plan is gone at once, and the template with it"
kept() {
	find "/proc/$sup/fd" -lname 'mnt:*' | wc -l
}
before=$(kept)
service sourced "${direct[@]}" "bind=$T/source /more"
news
await sourced up
same "its place" "$(get sourced launch) $(cat "/proc/$(get sourced pid)/root/more/file")" "launcher new"
same "templates" "$(kept)" $((before - 1))

claim "a source that is another one for the moment in which it is cloned: no template shows that later on"
mkdir "$T/once" "$T/once.other"
echo right >"$T/once/file"
echo wrong >"$T/once.other/file"
service once "${direct[@]}" "bind=$T/once /mnt"
news
await once up
pid=$(get once pid)
hutches() { pgrep -c -P "$sup" -f supervise; }
usual=$(hutches)
# This start clones the root, /data and /mnt; then so does who builds the template, and goes.
expect "$T/probe" strike "$sup" "kill -KILL $pid" open_tree 5 "mv $T/once $T/once.was && mv $T/once.other $T/once" \
	exit 1 "mv $T/once $T/once.other && mv $T/once.was $T/once"
until_true another once "$pid"
built() { [ "$(hutches)" = "$usual" ]; }
until_true built
for start in 3 4; do
	again once
	same "start $start" "$(cat "/proc/$(get once pid)/root/mnt/file")" right
done
tell stop once
await once down

claim "template=no: the supervisor starts it as well, and takes all the steps each time"
others=$(kept)
service plain "${direct[@]}" template=no "bind=$T/source /mnt"
news
await plain up
for how in launcher launcher direct direct; do
	same "start" "$(get plain launch) $(cat "/proc/$(get plain pid)/root/mnt/file")" "$how new"
	same "templates" "$(kept)" "$others"
	again plain
done
tell stop plain
await plain down

claim "stopped by wish it leaves neither template nor plan"
again sourced
again sourced
same "templates" "$(kept)" "$before"
tell stop sourced
await sourced down
same "templates" "$(kept)" $((before - 1))

claim "a program that is not there any more is told as by a launcher, and its place"
cp "$T/probe" "$R/bin/other"
told_lost() {	# NAME, and where the rest of it goes
	"$H" status "$1" | sed -n "s/.*$1\.conf/X.conf/p" >"$T/told.$1"
	[[ $(cat "$T/told.$1") == *": exec /bin/other: No such file or directory"* ]]
}
service lost "exec=/bin/other forever -" init=no dev=none mask=none "restart-delay=0 0" "restart-limit=3 10s"
service gone "exec=/bin/other forever -" "restart-delay=0 0" "restart-limit=3 10s"
news
for name in lost gone; do
	await $name up
	again $name
	again $name
	same "how $name" "$(get $name launch)" direct
done
rm "$R/bin/other"
for name in lost gone; do
	kill -KILL "$(get $name pid)"
	until_true told_lost $name
	tell stop $name
done
# The first of them all is a launcher's.
service first "exec=/bin/other forever -" "restart-delay=0 0" "restart-limit=3 10s"
ask reload
until_true told_lost first
same "words" "$(cat "$T/told.gone" "$T/told.lost")" "$(sed p "$T/told.first")"
tell stop first

claim "2,000 restarts: descriptors, memory and what others see stay as they were"
service short "exec=/bin/probe stamp run exit 0" "restart-delay=0 0" init=no dev=none mask=none
memory() {
	awk '/^Rss(Anon|Shmem)/ { t += $2 } END { print t }' "/proc/$sup/status"
}
open_now() {
	find "/proc/$sup/fd" -mindepth 1 | wc -l
}
# At rest: what an answer needed is given back then.
at_rest() {
	tell stop short
	await short down
	fds=$(open_now) kib=$(memory)
}
news
stamped_by run 200 30
at_rest
fds_then=$fds kib_then=$kib
tell start short
stamped_by run 2200 100
at_rest
within "descriptors" "$fds" 0 $((fds_then + 1))
within "KiB" "$kib" 0 $((kib_then + 48))

claim "an upgrade and a crash: plans are made anew, nothing runs twice; what is on its way to its payload then is begun again or goes on"
service busy "exec=/bin/probe stamp busy exit 0" "restart-delay=0 0" init=no dev=none mask=none
news
more_of_it() {
	stamped_by busy $(($(stamps '^busy') + 100)) 30
}
more_of_it
before="$(get bare pid) $(get inside pid)"
tell reload --exec
await bare up
await inside up
more_of_it
same "their payloads" "$(get bare pid) $(get inside pid)" "$before"
for name in bare inside; do
	again $name
	like "the next start of $name" "$(get $name launch)" launcher
	again $name
	same "the one behind it, of $name" "$(get $name launch)" direct
done
before=$(get inside pid)
kill -SEGV "$sup"
upgraded() { [[ $(get inside state) == up ]]; }
until_true upgraded
same "behind a crash" "$(get inside pid)" "$before"
more_of_it
tell stop busy
again inside
again inside
same "it is direct again" "$(get inside launch)" direct

claim "the supervisor is killed in the middle of restarts: nothing stays"
service quick "exec=/bin/probe stamp quick exit 0" "restart-delay=0 0"
news
stamped_by quick 100 30
ours() {	# the supervisor's processes and the payloads, wherever they are
	local p
	for p in /proc/[0-9]*; do
		[[ $(readlink "$p/exe" 2>/dev/null) != */probe && $(head -c 100 "$p/cmdline" 2>/dev/null | tr '\0' ' ') != "$H supervise"* ]] ||
			echo "${p#/proc/}"
	done
}
none_is_ours() { [ -z "$(ours)" ]; }
[ "$(ours | wc -l)" -gt 5 ] || note "there was nothing: $(ours)"
murder_it
until_true none_is_ours
up
down

claim "a launcher uses the template that there is, too: the same inside, and no copy of the host's mounts"
templates() {
	local fd
	for fd in /proc/"$sup"/fd/*; do readlink "$fd"; done 2>/dev/null | grep -c '^mnt:'
}
has_templates() {
	[ "$(templates)" = "$1" ]
}
mkdir -p "$T/pages"
echo one >"$T/pages/text"
service whole "exec=/bin/probe forever -" "restart-delay=0 0" "bind=$T/pages /mnt" user=svc hostname=box "ipc=group web"
down
paths=()
rm -f "$D"/[!w]*.conf
up
await whole up
surroundings "$(get whole pid)" >"$T/around.1" 2>&1
same "templates of a first start" "$(templates)" 0
for n in 2 3 4; do
	again whole
	surroundings "$(get whole pid)" >"$T/around.$n" 2>&1
	same "surroundings of start $n" "$(diff <(sort "$T/around.1") <(sort "$T/around.$n"))" ""
	until_true has_templates 1
done
like "launch" "$(get whole launch)" "launcher, template: there is more to do on the host*"
ask verify whole
like "verify" "$status $text" "0 *as stated*"

claim "what it was made of is another one: the same start goes the whole way, and a template is made anew"
mv "$T/pages" "$T/pages.old"
mkdir "$T/pages"
echo two >"$T/pages/text"
restarts=$(get whole restarts)
again whole
same "what it sees" "$(cat "/proc/$(get whole pid)/root/mnt/text")" two
same "restarts" "$(get whole restarts)" $((restarts + 1))
until_true has_templates 1
again whole
same "what the next one sees" "$(cat "/proc/$(get whole pid)/root/mnt/text")" two

claim "it goes with the service's stop"
tell stop whole
until_true has_templates 0

claim "started with signals ignored, by whom this was started: no payload ignores or blocks one, whichever way it starts"
down
rm -f "$D"/[!w]*.conf
launcher=(bash -c 'trap "" HUP INT USR1 PIPE TSTP RTMIN+3; exec "$@"' _)
service alone "exec=/bin/probe forever -" "restart-delay=0 0" init=no
service inside "exec=/bin/probe forever -" "restart-delay=0 0"
up
launcher=()
like "what the supervisor ignores" "$(grep SigIgn "/proc/$sup/status")" "SigIgn:*[1-9a-f]*"
await alone up
await inside up
for n in 1 2 3 4; do
	for name in alone inside; do
		pid=$(get "$name" pid)
		[ "$name" = alone ] || pid=$(tr -d " " <"/proc/$pid/task/$pid/children")
		same "signals of $name, start $n, $(get "$name" launch)" "$(grep -E '^Sig(Blk|Ign|Cgt)' "/proc/$pid/status")" \
			$'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000'
		again "$name"
	done
done
same "the last ones" "$(get alone launch) $(get inside launch)" "direct direct"

claim "an init that its payload may trace shares no memory with the supervisor, whichever way it starts"
down
rm -f "$D"/*.conf
service tracer "exec=/bin/probe forever -" "restart-delay=0 0" caps=sys_ptrace
up
await tracer up
for how in launcher launcher direct direct; do
	pid=$(get tracer pid)
	same "start" "$(get tracer launch) $(grep -c 's [0-9a-f]* [0-9a-f]*:' "/proc/$pid/maps")" "$how 0"
	same "descriptors" "$(ls "/proc/$pid/fd")" 3
	again tracer
done
ask verify tracer
like "verify" "$status $text" "0 *as stated*"
down
