#!/bin/bash
#
# supervise.sh - what a supervisor costs and what it survives: hutch beside its
# peers, in one run.
#
#	supervise.sh OUT HUTCH
#
# OUT	where everything goes; OUT/supervise.json is the result
# HUTCH	the program; "-": measure the others only
#
# FULL=yes takes 60 s for idling and crash loops, 10,000 restarts and a longer
# patience; CC (musl-gcc), ROUNDS, ROWS and SUBJECTS (to ask only some
# of restart, up, memory, wait, crash, churn; bare, sandbox, s6, ...) can be set.
# Wants root.
#
# Every supervisor runs as PID 1 of its own namespaces in a small root made for it
# on a tmpfs, with the same static payload (stamp.c); supervise.c starts it, asks
# one question and kills it all. What takes time for its own sake (latencies, start
# of many) is asked one after the other, in rounds; what mostly waits (idling, no
# process to be had, crash loops) is asked of all at the same time.
#
# hutch is measured twice: with ns=none, which is what the peers do, and with its
# whole default sandbox (mount, pid, ipc and uts namespaces, a root of its own,
# /proc, /dev). For restart, up and churn all are unthrottled as far as they can be
# told to; otherwise they do what they do by default. The peers are Debian's builds:
# with glibc, and all but busybox dynamic.

set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
	printf 'supervise: %s\n' "$*" >&2
	exit 1
}

if [ $# -ne 2 ]; then
	echo 'usage: supervise.sh OUT HUTCH' >&2
	exit 2
fi
[ "$(id -u)" = 0 ] || die 'must be root: a supervisor is measured as PID 1'
if [ "${BENCH_INSIDE-}" != yes ]; then
	BENCH_INSIDE=yes exec unshare --mount --propagation private \
		bash "${BASH_SOURCE[0]}" "$@"
fi

mkdir -p "$1/supervise"
out=$(realpath "$1")
base=$out/supervise
hutch=$2
if [ "$hutch" != - ]; then
	[ -x "$hutch" ] || die "$hutch: not an executable (\"-\" measures without hutch)"
	hutch=$(realpath "$hutch")
fi
if [ "${FULL-}" = yes ]; then
	kills=200 rounds=9 secs=60 restarts=10000 patience=130 slow_time=60
else
	kills=200 rounds=4 secs=10 restarts=2000 patience=12 slow_time=4
fi
rounds=${ROUNDS:-$rounds}
crash_secs=$((secs < 20 ? 20 : secs))
many=100
skipped=()

skip() {
	skipped+=("$1")
}

build() {
	"${CC:-musl-gcc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -static -s \
		-o "$out/$1" "${@:2}"
}

# ---- one subject each: what it reads, and what is started. In a root that has
# /stamp/run and empty etc and svc; $1 is the root, $2 the number of services.

# numbers COUNT: 001 002 ...
numbers() {
	seq -f %03g "$1"
}

conf_s6() {
	local i
	for i in $(numbers "$2"); do
		mkdir "$1/svc/$i"
		ln -s /stamp/run "$1/svc/$i/run"
	done
	command=(/usr/bin/s6-svscan /svc)
}

# runit's own PID 1, with the shortest stages
conf_runit() {
	conf_s6 "$@"
	mkdir "$1/etc/runit"
	printf '#!/bin/sh\nexec runsvdir -P /svc\n' >"$1/etc/runit/2"
	chmod 755 "$1/etc/runit/2"
	ln -s /usr/bin/true "$1/etc/runit/1"
	ln -s /usr/bin/true "$1/etc/runit/3"
	command=("$runit")
}

conf_busybox() {
	numbers "$2" | sed 's/^/::respawn:\/stamp\/run /' >"$1/etc/inittab"
	command=("$busybox" init)
}

conf_finit() {
	local i
	mkdir "$1/etc/finit.d"
	{
		echo 'runlevel 2'
		for i in $(numbers "$2"); do
			echo "service [2345] ${delay:+restart:-1} :$i /stamp/run -- $i"
		done
	} >"$1/etc/finit.conf"
	command=("$finit")
}

conf_tini() {
	command=("$tini" -- /stamp/run)
}

# hutch_conf ROOT COUNT LINE...
hutch_conf() {
	local root=$1 i
	printf '%s\n' exec=/stamp/run "${@:3}" >"$root/svc/001.conf"
	for i in $(numbers "$2"); do
		[ "$i" = 001 ] || cp "$root/svc/001.conf" "$root/svc/$i.conf"
	done
	cp "$hutch" "$root/hutch"
	command=(/hutch supervise /svc)
}

conf_bare() {
	hutch_conf "$1" "$2" ns=none ${delay:+restart-delay="$delay"}
}

conf_sandbox() {
	hutch_conf "$1" "$2" root=/box ${delay:+restart-delay="$delay"}
}

# ---- asking

# make_root ROOT SUBJECT COUNT: sets command
make_root() {
	rm -rf "$1"
	mkdir -p "$1"/{box/{stamp,proc,dev,tmp,sys},dev,etc,proc,run,stamp,svc,sys,tmp,usr}
	ln -s usr/bin usr/sbin usr/lib "$1/"
	[ ! -e /usr/lib64 ] || ln -s usr/lib64 "$1/"
	ln "$base/stamp" "$1/stamp/run"
	ln "$base/stamp" "$1/box/stamp/run"
	cp /etc/ld.so.cache "$1/etc/" 2>/dev/null || true
	echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
	"conf_$2" "$1" "$3"
}

# ask ROW SUBJECT COUNT QUESTION [OPTION...]: adds "row subject key value" lines
ask() {
	local row=$1 subject=$2 root=$base/$1-$2 count=$3 question=$4 why
	shift 4
	make_root "$root" "$subject" "$count"
	if why=$({ ${quick[@]+"${quick[@]}"} timeout -k 5 400 "$out/supervise-ask" "$@" "$question" "$root" "${command[@]}" \
		>"$root.answer"; } 2>&1); then
		sed "s/^/$row $subject /" "$root.answer" >>"$base/answers"
	else
		printf '%s %s failed %s\n' "$row" "$subject" "$why" >>"$base/answers"
	fi
	rm -rf "$root" "$root.answer"
}

# subjects [ours|peers|single]: of those that were found; without a word all that can
# have many services
subjects() {
	local s kind
	for s in "${found[@]}"; do
		case $s in
		bare | sandbox) kind=ours ;;
		tini) kind=single ;;
		*) kind=peers ;;
		esac
		[[ " ${SUBJECTS-$s} " == *" $s "* ]] || continue
		if [[ ${1-} == "$kind" || -z ${1-} && $kind != single ]]; then
			echo "$s"
		fi
	done
}

# find SUBJECT PACKAGE PROGRAM
find_peer() {
	local program
	if program=$(command -v "$3"); then
		printf -v "$1" %s "$program"
		found+=("$1")
	else
		skip "$1: not installed (package $2)"
	fi
}

find_all() {
	found=()
	if [ "$hutch" != - ]; then
		found+=(bare sandbox)
	fi
	find_peer s6 s6 s6-svscan
	find_peer runit runit runit
	find_peer busybox busybox-static busybox
	find_peer finit finit finit
	find_peer tini tini tini
}

row_restart() {
	local round s quick=(${fifo[@]+"${fifo[@]}"})
	delay='0 0'
	for ((round = 0; round < rounds; round++)); do
		for s in $(subjects ours); do
			ask restart "$s" 1 restart -n $((kills / rounds)) -u 5 -w 20
		done
		# Some wait for a second after an end, some do only when the service did
		# not run for one: they sleep most of the time, and do so together.
		for s in $(subjects peers); do
			ask restart "$s" 1 restart -n 4 -u 1100 -w 4 &
		done
		wait
	done
}

row_up() {
	local round s quick=(${fifo[@]+"${fifo[@]}"})
	delay='0 0'
	for ((round = 0; round < rounds; round++)); do
		for s in $(subjects); do
			ask up "$s" "$many" up -n "$many" -w 20
		done
	done
}

row_memory() {
	local s
	delay=
	for s in $(subjects) $(subjects single); do
		ask memory-one "$s" 1 memory -n 1
	done
	for s in $(subjects); do
		ask memory "$s" "$many" memory -n "$many"
	done
}


# find_group FILE: a place for groups that have FILE; v1 or v2, where one can be made
find_group() {
	local dir
	for dir in /sys/fs/cgroup/{pids,cpuacct,cpu,cpu\,cpuacct,unified} /sys/fs/cgroup; do
		if mkdir "$dir/hutch-bench-$$" 2>/dev/null; then
			if [ -e "$dir/hutch-bench-$$/$1" ]; then
				groups+=("$dir/hutch-bench-$$")
				group=$dir/hutch-bench-$$
				return
			fi
			rmdir "$dir/hutch-bench-$$"
		fi
	done
	return 1
}

find_groups() {
	local group
	if find_group cpuacct.usage || find_group cpu.stat; then
		accounts=$group
	fi
	if find_group pids.max; then
		limits=$group
	fi
}

remove_groups() {
	local group dir tries
	for group in ${groups[@]+"${groups[@]}"}; do
		for dir in "$group"/*/ "$group"; do
			for tries in 1 2 3 4 5; do
				rmdir "$dir" 2>/dev/null && break
				[ -d "$dir" ] || break
				sleep 0.$tries
			done
		done
	done
}

# ask_grouped ROW SUBJECT ...: as ask, in groups of its own as far as there are some
ask_grouped() {
	local with=()
	if [ -n "$accounts" ]; then
		mkdir -p "$accounts/$1-$2"
		with+=(-a "$accounts/$1-$2")
	fi
	if [ -n "$limits" ]; then
		mkdir -p "$limits/$1-$2"
		with+=(-p "$limits/$1-$2")
	fi
	ask "$@" ${with[@]+"${with[@]}"}
}

row_wait() {
	local s
	delay=
	[ -n "$limits" ] || skip 'squeeze: no pids cgroup that can be written'
	for s in $(subjects); do
		ask idle "$s" "$many" idle -n "$many" -t "$secs" &
		[ -z "$limits" ] || ask_grouped squeeze "$s" 1 squeeze -t 10 -w "$patience" &
	done
	wait
}

row_crash() {
	local s
	delay=
	for s in $(subjects); do
		ask_grouped crash "$s" "$many" crash -n "$many" -t "$crash_secs" -w "$patience" &
	done
	wait
}

row_churn() {
	local s
	delay='0 0'
	for s in $(subjects ours); do
		ask churn "$s" 1 churn -n "$restarts" -u 0 -w 120
	done
	for s in $(subjects peers); do
		ask churn "$s" 1 churn -n "$restarts" -u 1100 -w "$slow_time" &
	done
	wait
}

# ---- telling

# What is printed, in which order of subjects: "title ROW TEXT", "column ROW HEADER KEY STATISTIC" (a row's first
# one is what ratios are taken of), "limit ROW SUBJECT KEY STATISTIC NUMBER".
layout() {
	echo "subjects ${found[*]}"
	cat <<-END
	title restart Restart after SIGKILL: from kill(2) until the new payload runs
	column restart median/ms ms median
	column restart p99/ms ms p99
	column restart kills ms n
	limit restart sandbox ms median 1
	title up $many services: from the supervisor's exec until the last one runs
	column up median/ms ms median
	column up min/ms ms min
	column up max/ms ms max
	limit up bare ms median 60
	limit up sandbox ms median 120
	title memory-one Memory with 1 service
	column memory-one pid1-RSS/KiB rss1 median
	column memory-one all-PSS/KiB pss median
	column memory-one processes processes median
	limit memory-one bare rss1 median 150
	limit memory-one sandbox rss1 median 150
	title memory Memory with $many services (private: of each process beside PID 1)
	column memory all-PSS/KiB pss median
	column memory pid1-RSS/KiB rss1 median
	column memory private/KiB private-max median
	column memory processes processes median
	limit memory bare pss median 256
	limit memory sandbox private-max median 24
	title idle Idle with $many services, for a minute (seen: $secs s)
	column idle wake-ups wakeups median
	column idle cpu/ms cpu median
	limit idle bare wakeups median 0
	limit idle sandbox wakeups median 0
	title squeeze No process to be had for 10 s after a SIGKILL
	column squeeze back-after/ms back median
	column squeeze attempts attempts median
	column squeeze cpu/ms cpu median
	limit squeeze bare back median 10000
	limit squeeze sandbox back median 10000
	limit squeeze bare cpu median 20
	limit squeeze sandbox cpu median 20
	title crash $many services that end at once, for $crash_secs s; then they stay
	column crash execs execs median
	column crash own-cpu/ms cpu median
	column crash all-cpu/ms cpu-all median
	column crash healed healed median
	column crash after/ms heal median
	limit crash bare execs median $((many * (9 + crash_secs / 10)))
	limit crash sandbox execs median $((many * (9 + crash_secs / 10)))
	limit crash bare heal median 10000
	limit crash sandbox heal median 10000
	title churn Descriptors and memory of all supervision processes over many restarts
	column churn restarts restarts median
	column churn fds fds median
	column churn more fds-more median
	column churn RSS/KiB rss median
	column churn more rss-more median
	limit churn bare fds-more median 0
	limit churn sandbox fds-more median 0
	limit churn bare rss-more median 0
	limit churn sandbox rss-more median 0
	END
}

tell() {
	cp "$base/answers" "$out/supervise.answers"
	layout | awk -v json="$base/rows.json" -f "$here/supervise.awk" - "$base/answers"
}

write_json() {
	local line comma=
	{
		printf '{"rows": '
		cat "$base/rows.json"
		printf ',\n"skipped": ['
		for line in ${skipped[@]+"${skipped[@]}"}; do
			printf '%s\n  "%s"' "$comma" "$line"
			comma=,
		done
		printf ' ],\n"kernel": "%s", "load": "%s", "peers": "%s"\n}\n' "$(uname -r)" "$load" \
			"$(dpkg-query -W -f '${Package} ${Version}, ' s6 runit busybox-static finit tini 2>/dev/null)"
	} >"$out/supervise.json"
}

# What still runs is in namespaces whose first process goes with what asked.
cleanup() {
	local job
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null || true
	done
	remove_groups
}

build supervise-ask "$here"/{supervise,cage,look}.c
mount -t tmpfs -o mode=755 tmpfs "$base"
build supervise/stamp "$here/stamp.c"
# As in the launch bench: a restart is a chain of wake-ups, and where there is other
# work each of them may wait for a tick, which is then all that is measured.
fifo=()
if chrt -f 1 true 2>/dev/null; then
	fifo=(chrt -f 1)
fi
groups=() accounts='' limits=''
trap cleanup EXIT
: >"$base/answers"
find_all
find_groups
read -r load _ </proc/loadavg
for row in ${ROWS:-restart up memory wait crash churn}; do
	"row_$row"
done
tell
write_json
for line in ${skipped[@]+"${skipped[@]}"}; do
	printf 'skipped: %s\n' "$line"
done
