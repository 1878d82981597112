# What every claim stands on; sourced. A claim runs as root of a throw-away "host":
# its own mount, PID, IPC, UTS and network namespace, with an empty /run of its own,
# so that nothing can stay behind on the machine and two claims never meet.
#
#   claim "text"          begins a claim, and ends the one before with a look for leaks; see ../claim.sh
#   box KEY... -- CMD     one sandbox to its end: $text, $status
#   start NAME KEY...     a sandbox that stays, to `ask`; `stop NAME` ends it
#
# CLAIM_KERNEL=old takes the calls of newer kernels away from hutch and all it starts.
#
# shellcheck shell=bash disable=SC2034
set -u

HERE=$(realpath "$(dirname "$0")")
claim_number=${0##*/} claim_number=${claim_number%%-*}

if [ -z "${CLAIM_INSIDE:-}" ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "ok - $claim_number: ${0##*/} # SKIP needs root, for a host of its own"
		exit 0
	fi
	# A claim that hangs ends with all that it started: the PID namespace goes.
	CLAIM_INSIDE=1 HUTCH=$(realpath "$HUTCH") OUT=$(realpath "$OUT") exec timeout -k 2 "${CLAIM_TIME:-120}" \
		unshare --mount --propagation private --pid --fork --kill-child --mount-proc --ipc --uts --net \
		bash "$0" "$@"
fi

# Templates that this machine's owner keeps would lie hidden below it: where no path leads, older kernels change nothing.
[ ! -d /run/hutch/templates ] || umount -l /run/hutch/templates 2>/dev/null || :
mount -t tmpfs -o mode=0755 run /run
T=/run/claim.$SRANDOM
mkdir "$T"
cp "$HUTCH" "$T/hutch"
cp "$OUT/probe" "$T/probe"
H=$T/hutch P=/bin/probe R=$T/root
if [ "${CLAIM_KERNEL:-}" = old ]; then
	claim_number+=" older kernel"
	# The same claims on what hutch falls back to.
	mkdir "$T/new"
	mv "$T/hutch" "$T/new/hutch"
	printf '#!/bin/sh\nexec %s enosys %s "$@"\n' "$T/probe" "$T/new/hutch" >"$H"
	chmod 755 "$H"
fi
ran=("$P" args "payload did run")	# the payload of what must be refused
cd / || exit 1
umask 022
unset XDG_RUNTIME_DIR

text='' status=0
declare -A hutch_pid=() init_pid=() to_box=() from_box=()

# shellcheck source=SCRIPTDIR/../claim.sh
. "$HERE/../claim.sh"

# A claim that leaves nothing running leaves nothing at all.
claim_begins() {
	[ ${#hutch_pid[@]} -gt 0 ] || mark
}

claim_ends() {
	[ ${#hutch_pid[@]} -gt 0 ] || leaks
}

expect() {
	"$@" >"$T/expect" 2>&1 || note "failed ($?): $*"$'\n'"$(cat "$T/expect")"
}

refuse() {
	if "$@" >"$T/said" 2>&1; then note "must fail: $*"; fi
}

# ---- leaks -------------------------------------------------------------------

# The host's mounts without what the kernel numbers.
host_mounts() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master|propagate_from):[0-9]+/\1/g' /proc/self/mountinfo | sort
}

mark() {
	host_mounts >"$T/mark"
}

strangers() {
	local own p here
	own=$(readlink /proc/self/ns/{mnt,pid,ipc} | tr -d '\n')
	for p in /proc/[0-9]*; do
		here=$(readlink "$p"/ns/{mnt,pid,ipc} 2>/dev/null | tr -d '\n')
		[ -z "$here" ] || [ "$here" = "$own" ] || echo "${p#/proc/} $(tr '\0' ' ' 2>/dev/null <"$p/cmdline")"
	done
}

loops() {
	grep -ls "${T##*/}/" /sys/block/loop*/loop/backing_file
}

# Ends are told before the kernel has finished them: a moment is given to each.
gone() {
	local left i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		left=$("$1")
		[ -z "$left" ] && return
		sleep "0.$i"
	done
	note "$1 left behind: $left"
}

registered() {
	find /run/hutch -mindepth 1 2>/dev/null
}

leaks() {
	local now
	now=$(host_mounts | diff "$T/mark" - 2>&1) || note "the host's mounts changed: $now"
	gone strangers
	gone registered
	gone loops
}

# ---- roots -------------------------------------------------------------------

tree() {
	mkdir -p "$1"/{bin,dev,proc,sys,etc,tmp,run,mnt,data,more,media,home,root}
	cp "$T/probe" "$1/bin/probe"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh svc:x:1000:1001::/:/bin/sh guest:x:1002:1002::/:/bin/sh >"$1/etc/passwd"
	printf '%s\n' root:x:0: svc:x:1001: disk:x:6:svc audio:x:29:svc,guest >"$1/etc/group"
	chmod 1777 "$1/tmp"
}

# ---- sandboxes ---------------------------------------------------------------

# What runs hutch, where it is not the claim's own shell; options of run.
launcher=() run_options=()

# The root is $R where the arguments name no other.
with_root() {
	local a
	args=()
	for a; do
		case $a in
		--) break ;;
		root=* | *.conf) args=("$@") && return ;;
		esac
	done
	args=(root="$R" "$@")
}

box() {
	with_root "$@"
	text=$(timeout -k 1 20 "${launcher[@]}" "$H" run "${args[@]}" 2>&1 </dev/null)
	status=$?
}

# As an ordinary user.
user_box() {
	with_root "$@"
	text=$(timeout -k 1 20 setpriv --reuid 65534 --regid 65534 --clear-groups "$H" run "${args[@]}" 2>&1 </dev/null)
	status=$?
}

# KEY... of a profile that must build and say exactly this.
says() {
	local want=$1
	shift
	box "$@"
	same "$*" "$text" "$want"
	same "status of $*" "$status" 0
}

# What a refusal says, and that it is one: status 125 and nothing of the payload.
refused() {
	local want=$1
	shift
	box "$@"
	like "$*" "$text" "*$want*"
	same "status of $*" "$status" 125
	unlike "payload of $*" "$text" "*payload did run*"
}

start() {
	local name=$1 fd
	shift
	with_root "$@"
	rm -f "$T/$name".{in,out,json}
	mkfifo "$T/$name.in" "$T/$name.out"
	"${launcher[@]}" "$H" run --status-fd=9 "${run_options[@]}" "${args[@]}" -- "$P" serve <"$T/$name.in" >"$T/$name.out" \
		2>"$T/$name.err" 9>"$T/$name.json" &
	hutch_pid[$name]=$!
	exec {fd}>"$T/$name.in"
	to_box[$name]=$fd
	exec {fd}<"$T/$name.out"
	from_box[$name]=$fd
	if ! read -r -t 10 text <&"$fd" || [ "$text" != ready ]; then
		note "start $*: $text $(cat "$T/$name.err")"
		stop "$name"
		return 1
	fi
	until grep -q started "$T/$name.json" || ! kill -0 "${hutch_pid[$name]}" 2>/dev/null; do sleep 0.01; done
	init_pid[$name]=$(sed -n 's/.*"started","pid":\([0-9]*\).*/\1/p' "$T/$name.json")
}

# A command line for the probe inside.
ask() {
	local name=$1 line
	shift
	text=''
	[ -n "${to_box[$name]:-}" ] || return 1
	(echo "$*" >&"${to_box[$name]}") 2>/dev/null || return 1
	while read -r -t 10 line <&"${from_box[$name]}"; do
		[ "$line" = . ] && break
		text+=${text:+$'\n'}$line
	done
}

answers() {
	local want=$1
	shift
	ask "$@"
	same "$*" "$text" "$want"
}

# The payload as the host sees it.
payload() {
	local first
	[ -n "${init_pid[$1]:-}" ] || return
	read -r first _ <"/proc/${init_pid[$1]}/task/${init_pid[$1]}/children"
	echo "$first"
}

forget() {
	local fd
	fd=${to_box[$1]} && exec {fd}>&-
	fd=${from_box[$1]} && exec {fd}<&-
	unset "hutch_pid[$1]" "init_pid[$1]" "to_box[$1]" "from_box[$1]"
}

stop() {
	[ -n "${hutch_pid[$1]:-}" ] || return 0
	# A sandbox that is gone already must not end the claim by SIGPIPE.
	(echo "quit ${2:-0}" >&"${to_box[$1]}") 2>/dev/null
	wait "${hutch_pid[$1]}" 2>/dev/null
	status=$?
	forget "$1"
}

murder() {
	[ -n "${init_pid[$1]:-}" ] || return
	kill -KILL "${hutch_pid[$1]}"
	wait "${hutch_pid[$1]}" 2>/dev/null
	while [ -e "/proc/${init_pid[$1]}" ]; do sleep 0.01; done
	forget "$1"
}

# The probe in the sandbox's mount namespace, with the host's power.
enter() {
	local name=$1
	shift
	"$T/probe" enter "/proc/${init_pid[$name]}/ns/mnt" "$@"
}

# How the topmost mount at a place inside exchanges mounts, as the host reads it.
propagation() {
	"$T/probe" mounts "/proc/${init_pid[$1]}/mountinfo" "$2" | awk '{ print $NF }'
}

tree "$R"

# named KEY...: the sandbox "box", which waits for SIGTERM; finish ends it.
named() {
	with_root "$@"
	: >"$T/said"
	"${launcher[@]}" "$H" run --name=box "${args[@]}" -- "$P" trap 0 15 >"$T/said" 2>&1 &
	job=$!
	until grep -q ready "$T/said" || ! kill -0 $job 2>/dev/null; do sleep 0.02; done
	hutch_pid[box]=$job
	[ "$(head -n 1 "$T/said")" = ready ] || note "$* did not start: $(cat "$T/said")"
}

finish() {
	kill -TERM "$job"
	wait "$job"
	unset "hutch_pid[box]"
}
