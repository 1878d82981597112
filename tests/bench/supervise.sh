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
# patience; CC (musl-gcc), ROUNDS, and ROWS and SUBJECTS (names, to ask only some)
# can be set. Wants root.
#
# Every supervisor runs as PID 1 of its own namespaces in a small root made for it
# on a tmpfs, with the same static payload (stamp.c); supervise.c starts it, asks
# one question and kills it all. What takes time for its own sake (latencies, start
# of many) is asked one after the other, in rounds; what mostly waits (idling, no
# process to be had, crash loops) is asked of all at the same time.
#
# hutch is measured twice: with ns=none, which is what the peers do, and with its
# whole default sandbox (mount, pid, ipc and uts namespaces, a root of its own,
# /proc, /dev). The peers are unthrottled as far as their configuration can do it.

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
	kills=200 rounds=5 secs=10 restarts=2000 patience=15 slow_time=4
fi
rounds=${ROUNDS:-$rounds}
crash_secs=$((secs < 20 ? 20 : secs))
many=100
skipped=()
cgroup=

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
			echo "service [2345] restart:-1 :$i /stamp/run -- $i"
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
	if why=$({ timeout -k 5 400 "$out/supervise-ask" "$@" "$question" "$root" "${command[@]}" \
		>"$root.answer"; } 2>&1); then
		sed "s/^/$row $subject /" "$root.answer" >>"$base/answers"
	else
		printf '%s %s failed %s\n' "$row" "$subject" "$why" >>"$base/answers"
	fi
	rm -rf "$root" "$root.answer"
}

subjects() {
	local s
	for s in "${found[@]}"; do
		[[ " ${SUBJECTS-$s} " == *" $s "* ]] || continue
		[[ $s == tini && ${1-} != one ]] || echo "$s"
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

# Some give a service a second before they start it again, some give it one
# second since its last start: those are killed a few times only.
pace() {
	case $1 in
	bare | sandbox) echo "-u 5 -w 20" ;;
	runit) echo "-u 1100 -w $slow_time" ;;
	*) echo "-u 1100 -w $slow_time" ;;
	esac
}

row_restart() {
	local round s
	delay='0 0'
	for ((round = 0; round < rounds; round++)); do
		for s in $(subjects); do
			# shellcheck disable=SC2046 # several words
			ask restart "$s" 1 restart -n $((kills / rounds)) $(pace "$s")
		done
	done
}

row_up() {
	local round s
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
	for s in $(subjects one); do
		ask memory-one "$s" 1 memory -n 1
	done
	for s in $(subjects); do
		ask memory "$s" "$many" memory -n "$many"
	done
}

row_idle() {
	local s
	delay=
	for s in $(subjects); do
		ask idle "$s" "$many" idle -n "$many" -t "$secs" &
	done
	wait
}

# A folder of a pids cgroup for each; v1 or v2, where that can be had.
find_cgroup() {
	local dir
	for dir in /sys/fs/cgroup/pids /sys/fs/cgroup /sys/fs/cgroup/unified; do
		if mkdir "$dir/hutch-bench-$$" 2>/dev/null; then
			if [ -e "$dir/hutch-bench-$$/pids.max" ]; then
				rmdir "$dir/hutch-bench-$$"
				cgroup=$dir/hutch-bench-$$
				return
			fi
			rmdir "$dir/hutch-bench-$$"
		fi
	done
	return 1
}

row_squeeze() {
	local s
	delay=
	if ! find_cgroup; then
		skip 'squeeze: no pids cgroup that can be written'
		return
	fi
	for s in $(subjects); do
		mkdir "$cgroup-$s"
		ask squeeze "$s" 1 squeeze -c "$cgroup-$s" -t 10 -w "$patience" &
	done
	wait
	rmdir_cgroups
}

rmdir_cgroups() {
	local s tries
	for s in ${cgroup:+"$cgroup"-*}; do
		for tries in 1 2 3 4 5; do
			rmdir "$s" 2>/dev/null && break
			sleep 0.2
		done
	done
}

row_crash() {
	local s
	delay=
	for s in $(subjects); do
		ask crash "$s" "$many" crash -n "$many" -t "$crash_secs" -w "$patience" &
	done
	wait
}

row_churn() {
	local s
	delay='0 0'
	for s in $(subjects); do
		case $s in
		bare | sandbox) ask churn "$s" 1 churn -n "$restarts" -u 0 -w 120 ;;
		*) ask churn "$s" 1 churn -n "$restarts" -u 1100 -w "$slow_time" & ;;
		esac
	done
	wait
}

cleanup() {
	local job
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null || true
	done
	rmdir_cgroups
}

rows=(${ROWS:-restart up memory idle squeeze crash churn})
build supervise-ask "$here/supervise.c"
mount -t tmpfs -o mode=755 tmpfs "$base"
build supervise/stamp "$here/stamp.c"
trap cleanup EXIT
: >"$base/answers"
find_all
read -r load _ </proc/loadavg
for row in "${rows[@]}"; do
	"row_$row"
done
cat $base/answers
