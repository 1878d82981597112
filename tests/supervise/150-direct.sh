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

declare -A why
direct=("exec=/bin/probe forever -" "restart-delay=0 0" init=no dev=none mask=none)

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

claim "the supervisor's own child shares the memory, and it goes on meanwhile; a launcher's is a copy"
cloned a "supervisor shared"
same "launch" "$(get a launch)" direct
text=$("$H" plan --direct "$D/a.conf" 2>&1)
like "plan" "$text" "*child by clone with shared memory: the supervisor goes on*"
service sealed "${direct[@]}" caps=all
service score "${direct[@]}" oom-score=100
service inner "exec=/bin/probe forever -" "restart-delay=0 0"
news
why=([sealed]="helpers for user namespaces share its memory" [score]="oom-score is everybody's who shares the memory"
	[inner]="an init of its own stays")
for name in sealed score inner; do
	await $name up
	again $name
	again $name
	cloned $name "launcher fork"
	same "$name" "$(get $name launch)" "launcher: its process has to be a copy"
	text=$("$H" plan --direct "$D/$name.conf" 2>&1)
	like "plan of $name" "$text" "*child by fork: ${why[$name]}*"
done

claim "a service with an init inside, an address or more to do on the host goes by a launcher, and says so"
service inside "exec=/bin/probe forever -" "restart-delay=0 0"
hosts address "exec=$T/probe notify READY=1 forever -" ready=notify
service grouped "${direct[@]}" "ipc=group desk"
news
for name in inside address grouped; do
	await $name up
	again $name
	again $name
done
like "with an init" "$(get inside launch)" "launcher: its process has to be a copy"
like "with an address" "$(get address launch)" "launcher: its NOTIFY_SOCKET*"
same "with a group" "$(get grouped launch)" "launcher: there is more to do on the host than to clone"

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
service lost "exec=/bin/other forever -" init=no dev=none mask=none "restart-delay=0 0" "restart-limit=3 10s"
news
await lost up
again lost
again lost
same "how" "$(get lost launch)" direct
rm "$R/bin/other"
kill -KILL "$(get lost pid)"
told_lost() { [[ $("$H" status lost) == *"lost.conf:"*": exec /bin/other: No such file or directory"* ]]; }
until_true told_lost
tell stop lost

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

claim "an upgrade and a crash: plans are made anew, nothing runs twice"
pid=$(get bare pid)
tell reload --exec
await bare up
same "its payload" "$(get bare pid)" "$pid"
again bare
like "the next start" "$(get bare launch)" launcher
again bare
same "the one behind it" "$(get bare launch)" direct
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
service whole "exec=/bin/probe forever -" "restart-delay=0 0" "bind=$T/pages /mnt" user=svc hostname=box
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
like "launch" "$(get whole launch)" "launcher: *"
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
