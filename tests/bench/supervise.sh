#!/bin/bash
# shellcheck disable=SC2154 # variables of run.sh
#
# supervise.sh - part of run.sh: what a supervisor costs and what it survives, hutch beside
# its peers.
#
# FULL=yes takes 60 s for idling and crash loops, 10,000 restarts and a longer
# patience; ROWS and SUBJECTS (to ask only some of kill, up, memory, wait, crash, churn;
# bare, sandbox, s6, ...) can be set.
#
# Every supervisor runs as PID 1 of its own namespaces in a small root made for it
# on a tmpfs, with the same static payload (stamp.c); supervise.c starts it, asks
# one question and kills it all. What takes time for its own sake (latencies, start
# of many) is asked one after the other, in rounds; what mostly waits (idling, no
# process to be had, crash loops) is asked of all at the same time.
#
# hutch is measured twice: with ns=none, which is what the peers do, and with its
# whole default sandbox (mount, pid, ipc and uts namespaces, a root of its own,
# /proc, /dev). For kill, up and churn all are unthrottled as far as they can be
# told to; otherwise they do what they do by default. The peers are Debian's builds:
# with glibc, and all but busybox dynamic.

base=$out/supervise
mkdir -p "$base"
if [ "${FULL-}" = yes ]; then
	kills=200 turns=9 secs=60 restarts=10000 patience=130 slow_time=60 many=100
elif [ "$starts" -lt 1000 ]; then
	kills=2 turns=1 secs=1 restarts=20 patience=2 slow_time=2 many=5
else
	kills=150 turns=3 secs=10 restarts=2000 patience=12 slow_time=4 many=100
fi
crash_secs=$((secs < 12 && secs > 1 ? 12 : secs))

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
	if why=$({ ${quick[@]+"${quick[@]}"} timeout -k 5 400 "$out/ask" "$@" "$question" "$root" "${command[@]}" \
		>"$root.answer"; } 2>&1); then
		sed "s/^/$row $subject /" "$root.answer" >>"$answers"
	else
		printf '%s %s failed %s\n' "$row" "$subject" "$why" >>"$answers"
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
		missing+=("$1 not installed (package $2)")
	fi
}

find_all() {
	found=(bare sandbox)
	find_peer s6 s6 s6-svscan
	find_peer runit runit runit
	find_peer busybox busybox-static busybox
	find_peer finit finit finit
	find_peer tini tini tini
}

row_kill() {
	local round s quick=("${fifo[@]}")
	delay='0 0'
	for ((round = 0; round < turns; round++)); do
		for s in $(subjects ours); do
			ask kill "$s" 1 restart -n $((kills / turns)) -u 5 -w 20
		done
		# Some wait for a second after an end, some do only when the service did
		# not run for one: they sleep most of the time, and do so together.
		for s in $(subjects peers); do
			ask kill "$s" 1 restart -n 4 -u 1100 -w 4 &
		done
		wait
	done
}

row_up() {
	local round s quick=("${fifo[@]}")
	delay='0 0'
	for ((round = 0; round < turns; round++)); do
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
	[ -n "$limits" ] || printf 'squeeze bare skipped no pids cgroup that can be written\n' >>"$answers"
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

# A row's first column is what ratios are taken of.
tell_rows() {
	local row why
	cat >>"$layout" <<-END
	row kill Restart after SIGKILL, beside other supervisors: from kill(2) until the new payload runs
	column kill median/ms ms median
	column kill p99/ms ms p99
	column kill kills ms n
	limit kill sandbox ms median 1
	row up $many services: from the supervisor's exec until the last one runs
	column up median/ms ms median
	column up min/ms ms min
	column up max/ms ms max
	limit up bare ms median 60
	limit up sandbox ms median 120
	row memory-one Memory with 1 service
	column memory-one pid1-RSS/KiB rss1 median
	column memory-one all-PSS/KiB pss median
	column memory-one processes processes median
	limit memory-one bare rss1 median 150
	limit memory-one sandbox rss1 median 150
	row memory Memory with $many services (private: of each process beside PID 1)
	column memory all-PSS/KiB pss median
	column memory pid1-RSS/KiB rss1 median
	column memory private/KiB private-max median
	column memory processes processes median
	limit memory bare pss median 256
	limit memory sandbox private-max median 24
	row idle Idle with $many services, for a minute (seen: $secs s)
	column idle wake-ups wakeups median
	column idle cpu/ms cpu median
	limit idle bare wakeups median 0
	limit idle sandbox wakeups median 0
	row squeeze No process to be had for 10 s after a SIGKILL
	column squeeze back-after/ms back median
	column squeeze attempts attempts median
	column squeeze cpu/ms cpu median
	limit squeeze bare back median 10000
	limit squeeze sandbox back median 10000
	limit squeeze bare cpu median 20
	limit squeeze sandbox cpu median 20
	row crash $many services that end at once, for $crash_secs s; then they stay
	column crash execs execs median
	column crash own-cpu/ms cpu median
	column crash all-cpu/ms cpu-all median
	column crash healed healed median
	column crash after/ms heal median
	limit crash bare execs median $((many * (9 + crash_secs / 10)))
	limit crash sandbox execs median $((many * (9 + crash_secs / 10)))
	limit crash bare heal median 10000
	limit crash sandbox heal median 10000
	row churn Descriptors and memory of all supervision processes over many restarts
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
	for row in kill up memory-one memory idle squeeze crash churn; do
		tell "subjects $row ${found[*]}" "over $row bare"
	done
	for why in ${missing[@]+"${missing[@]}"}; do
		printf 'kill %s skipped %s\n' "${why%% *}" "${why#* }" >>"$answers"
	done
}

# What still runs is in namespaces whose first process goes with what asked.
cleanup() {
	local job
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null || true
	done
	remove_groups
}

mount -t tmpfs -o mode=755 tmpfs "$base"
cp "$out/stamp" "$base/stamp"
groups=() missing=() accounts='' limits=''
trap cleanup EXIT
find_all
find_groups
for row in ${ROWS:-kill up memory wait crash churn}; do
	"row_$row"
done
tell_rows
