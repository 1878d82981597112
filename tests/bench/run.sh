#!/bin/bash
#
# run.sh - how long hutch takes, next to floors (the same system calls by hand) and
# to its peers (the same job by other programs), in one run.
#
#	run.sh OUT HUTCH [PART...]
#
# OUT	has the programs that `make bench` built, and gets bench.txt, bench.json and
#	bench.svg
# PART	launch mounts rate alive worth end think hub why supervise; otherwise all
#
# ROUNDS (100), MOUNTS ("3 100 1000 5000"), MORE (1000), ALIVE ("1 100 1000 2000"), STARTS (1000)
# and CPU (a processor to pin everything to, otherwise none) can be set. Wants root.
#
# Everything happens in a throw-away PID and mount namespace, and in worlds: mount
# namespaces with just as many mounts as wanted, see world.c. What is compared is measured
# in turn, see bench.c, and told by its medians; report.awk makes the tables.

set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

if [ $# -lt 2 ]; then
	echo 'usage: run.sh OUT HUTCH [PART...]' >&2
	exit 2
fi
[ "$(id -u)" = 0 ] || die 'must be root: the peers are measured without user namespaces'
if [ "${BENCH_INSIDE-}" != yes ]; then
	BENCH_INSIDE=yes exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash "${BASH_SOURCE[0]}" "$@"
fi

mkdir -p "$1"
out=$(realpath "$1") hutch=$(realpath "$2")
shift 2
[ -x "$hutch" ] || die "$hutch: not an executable"
case $out in
*[[:space:]\"\\]*) die 'no blanks and quotes in OUT, please' ;;
esac
parts=${*:-launch mounts rate alive worth end think hub why supervise}
rounds=${ROUNDS:-100} mounts=${MOUNTS:-3 100 1000 5000} more=${MORE:-1000} alive=${ALIVE:-1 100 1000 2000} starts=${STARTS:-1000}
answers=$out/answers layout=$out/layout list=$out/list tree=$out/tree
failed=0
export ANSWERS=$answers LAYOUT=$layout

# ---- what is launched into

# box DIRECTORY: a root
box() {
	mkdir -p "$1"/{bin,dev/mqueue,etc,proc,run,sys,tmp,stamp,usr,var}
	cp "$out/noop" "$out/stamp" "$1/bin/"
}

# profile NAME ROOT PROPAGATION EXEC [LINE...]: out of NAME.conf
profile() {
	sed "s|@ROOT@|$2|; s|@PROPAGATION@|$3|; s|@EXEC@|$4|" "$here/$1.conf"
	[ $# -lt 5 ] || printf '%s\n' "${@:5}"
}

# services DIRECTORY COUNT ROOT PROPAGATION [LINE...]: without any pause, and quick to stop
services() {
	mkdir -p "$tree/$1"
	profile "${shape:-launch}" "$3" "$4" /bin/stamp 'restart-delay=0 0' stop-signal=KILL "${@:5}" |
		(cd "$tree/$1" && mapfile -t names < <(seq -f '%04.0f.conf' "$2") && tee "${names[@]}") >/dev/null
}

# bundle NAME MOUNTS LINUX: an OCI bundle; the runtimes make devices in /dev,
# whether asked to or not, so even the smallest one needs a tmpfs there
bundle() {
	mkdir -p "$tree/bundle/$1"
	cat >"$tree/bundle/$1/config.json" <<-END
	{
		"ociVersion": "1.0.0",
		"process": {
			"terminal": false,
			"user": { "uid": 0, "gid": 0 },
			"args": [ "${3-/bin/noop}" ],
			"env": [ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" ],
			"cwd": "/",
			"capabilities": {},
			"noNewPrivileges": true
		},
		"root": { "path": "/box", "readonly": true },
		"hostname": "hutch",
		"mounts": [
			{ "destination": "/proc", "type": "proc", "source": "proc",
			  "options": [ "nosuid", "nodev", "noexec" ] },
			{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
			  "options": [ "nosuid", "noexec", "mode=755" ] },
			{ "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
			  "options": [ "nosuid", "nodev", "noexec" ] },
			$2
		],
		"linux": {
			"namespaces": [ { "type": "mount" }, { "type": "pid" }, { "type": "ipc" }, { "type": "uts" } ],
			"rootfsPropagation": "private"${4-}
		}
	}
	END
}

make_bundles() {
	local tmp='{ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
			  "options": [ "nosuid", "nodev", "mode=755" ] }'
	bundle launch "$tmp"
	bundle stamp "$tmp" /bin/stamp
	bundle defaults '{ "destination": "/dev/pts", "type": "devpts", "source": "devpts",
			  "options": [ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" ] },
			{ "destination": "/dev/shm", "type": "tmpfs", "source": "tmpfs",
			  "options": [ "nosuid", "nodev", "mode=1777" ] }' /bin/noop ',
			"readonlyPaths": [ "/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger" ],
			"maskedPaths": [ "/proc/kcore", "/proc/keys", "/proc/timer_list" ]'
}

make_tree() {
	local p major minor

	rm -rf "$tree"
	mkdir -p "$tree"
	mount -t tmpfs -o mode=755 tree "$tree"
	mkdir -p "$tree"/{bin,conf,dev,etc,many,proc,run,sys,tmp,usr}
	for p in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		IFS=: read -r p major minor <<<"$p"
		mknod -m 666 "$tree/dev/$p" c "$major" "$minor"
	done
	cp "$hutch" "$out/floor" "$out/noop" "$tree/bin/"
	# for the peers
	for p in lib lib32 lib64 libx32; do
		[ ! -L /$p ] || ln -s usr/$p "$tree/$p"
	done
	cp /etc/ld.so.cache "$tree/etc/" 2>/dev/null || true
	echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"
	echo 'root:x:0:' >"$tree/etc/group"
	echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
	for p in box lane1 lane2; do
		box "$tree/$p"
	done
	for p in private slave; do
		profile launch /box $p /bin/noop >"$tree/conf/$p.conf"
		profile launch /box $p /bin/noop template=keep >"$tree/conf/$p-keep.conf"
		services svc/$p 1 /box $p
	done
	services svc/no 1 /box private template=no
	# a copy, for what it sets would be set for the supervisor, too
	services svc/score 1 /box private oom-score=0
	services svc/net 1 /box private 'ns=mount pid ipc uts net'
	services svc/ahead 1 /box private 'ns=mount pid ipc uts net' ahead=4
	profile launch /box private /bin/noop user=0 group=0 >"$tree/conf/user.conf"
	profile launch /box private /bin/noop user=0 group=0 template=keep >"$tree/conf/user-keep.conf"
	echo 0 >"$tree/conf/vfork"
	echo 1 >"$tree/conf/fork"
	services svc/lane1 1 /lane1 private
	services svc/lane2 1 /lane2 private
	shape=defaults services svc/defaults 1 /box private
	profile launch /box private /bin/stamp >"$tree/conf/stamp.conf"
	profile defaults /box private /bin/noop >"$tree/conf/defaults.conf"
	profile defaults /box private /bin/noop template=keep >"$tree/conf/defaults-keep.conf"
	make_bundles
}

# Only on machines with cgroup v1, for the peers: crun 1.8 refuses to run next to a
# mounted v2, and runc makes a group in every hierarchy that it finds, but is content
# with one (and the cpu one does not take SCHED_FIFO, which the bench uses).
hide_cgroups() {
	local dir

	mountpoint -q /sys/fs/cgroup/devices || return 0
	for dir in /sys/fs/cgroup/*; do
		[ "$dir" = /sys/fs/cgroup/devices ] || ! mountpoint -q "$dir" || umount "$dir"
	done
}
export -f hide_cgroups

# systemd-nspawn makes groups below the one that it is in, and leaves them: so it is in
# one of ours.
groups=() group=hutch-bench-$(date +%s)
join_groups() {
	local dir

	for dir in /sys/fs/cgroup /sys/fs/cgroup/{systemd,unified}; do
		if [ -w "$dir/cgroup.procs" ] && mkdir "$dir/$group" 2>/dev/null; then
			groups+=("$dir")
			echo $$ >"$dir/$group/cgroup.procs"
		fi
	done
}

leave_groups() {
	local dir

	for dir in ${groups[@]+"${groups[@]}"}; do
		echo $$ >"$dir/cgroup.procs"
		find "$dir/$group" -depth -type d -exec rmdir {} + || true
	done
	groups=()
}
trap leave_groups EXIT

# world NAME MOUNTS PROPAGATION [DIRECTORY...]: once; sets world. Those called "all..." see all groups
declare -A worlds
world() {
	[ -n "${worlds[$1]-}" ] || make_world "$@"
	world=${worlds[$1]}
}

# On a processor from which it counts as older than what is made later, see pin in floor.c.
make_world() {
	local cpu path cpus tries

	cpus=$(nproc)
	# Twice: meanwhile one may have begun a new lot of numbers.
	for ((tries = 0; tries < 2 * cpus; tries++)); do
		cpu=$((tries % cpus))
		# shellcheck disable=SC2016 # the inner shell's
		path=$(taskset -c $cpu unshare --mount --propagation private \
			bash -c '[[ $0 = all* ]] || hide_cgroups; exec "$@"' "$1" "$out/world" "$tree" "${@:2}")
		if nsenter --mount="$path" /bin/floor "$([ "$3" = shared ] && echo -sn1 || echo -n1)" pin /run/pin /box 2>"$out/errors"; then
			worlds[$1]=$path
			return
		fi
		kill "$(cut -d / -f 3 <<<"$path")"
	done
	die "a template in $1: $(cat "$out/errors")"
}

# What others need of this machine.
needed=(/usr)
[ ! -d /sys/fs/cgroup ] || needed+=(/sys/fs/cgroup)

# peers MORE: the world in which others can run, too: with about as many mounts as an
# ordinary machine has, and so many more
ordinary=24
peers() {
	world "peers-$1" $(($1 + ordinary - 9)) private "${needed[@]}"
}

# ---- asking

# the same small environment for everybody
run_bench() {
	env -i PATH="$PATH" ${CPU:+taskset -c "$CPU"} "$out/bench" -f "$@"
}

# put LABEL KIND WORLD WORD...: one more subject; LABEL is row, subject and key
put() {
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${*:4}" >>"$list"
}

skip() {
	printf '%s skipped %s\n' "$1" "$2" >>"$answers"
}

# try LABEL KIND WORLD WORD...: the same, when it works at all
try() {
	local why
	if why=$(printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${*:4}" | run_bench -n 1 -w 0 2>&1 >/dev/null); then
		put "$@"
		return
	fi
	# the last line is the bench's own, the one before says why
	why=$(grep -v '^bench: no SCHED_FIFO' <<<"$why" | tail -n 2 | head -n 1)
	skip "${1% *}" "does not run here: ${why//[[:cntrl:]]/ }"
}

# peer LABEL KIND WORLD PACKAGE PROGRAM WORD...; with "end" the words begin with the box
peer() {
	local program
	if ! program=$(command -v "$5"); then
		skip "${1% *}" "not installed (package $4)"
		return
	fi
	if [ "$2" = end ]; then
		try "$1" "$2" "$3" /box "$program" "${@:6}"
	else
		try "$1" "$2" "$3" "$program" "${@:6}"
	fi
}

# ask ROUNDS WARMUP [PAUSE]: of all that was put; sets measured. What supervisors say goes to a file:
# whoever read it would be woken with each restart.
ask() {
	measured=yes
	if ! run_bench -n "$1" -w "$2" -p "${3-0}" "$list" >>"$answers" 2>"$out/errors"; then
		tail -n 3 "$out/errors" >&2
		failed=1
		measured=no
	fi
	: >"$list"
}

tell() {
	printf '%s\n' "$@" >>"$layout"
}

# ---- the parts

# launches ROW WORLD KIND EXEC: the short launch by all who can do it fast
launches() {
	local row=$1 w=$2 kind=$3 exec=$4 box=() bwrap
	[ "$kind" = run ] || box=(/box)
	put "$row floor ms" "$kind" "$w" "${box[@]}" /bin/floor run /box "$exec"
	put "$row hutch ms" "$kind" "$w" "${box[@]}" /bin/hutch run "/conf/$5.conf"
	if [ "$kind" = run ]; then
		put "$row noop ms" run "$w" /bin/noop
		put "$row floor-again ms" run "$w" /bin/floor enter /run/pin "$exec"
		try "$row hutch-again ms" run "$w" /bin/hutch run "/conf/$5-keep.conf"
	fi
}

bwrap=(--unshare-pid --unshare-ipc --unshare-uts --hostname hutch --ro-bind /box / --proc /proc --chdir / --clearenv
	--new-session --die-with-parent --cap-drop ALL --as-pid-1)

# fast_peers ROW WORLD KIND EXEC
fast_peers() {
	peer "$1 unshare ms" "$3" "$2" util-linux unshare --mount --ipc --uts --pid --fork --kill-child \
		--propagation private --root=/box --mount-proc "$4"
	peer "$1 bwrap ms" "$3" "$2" bubblewrap bwrap "${bwrap[@]}" --tmpfs /tmp --mqueue /dev/mqueue "$4"
	# as it is often used: all of the host, with its mounts
	[ "$3" = end ] || peer "$1 bwrap-all ms" "$3" "$2" bubblewrap bwrap "${bwrap[@]/#\/box/\/}" --tmpfs /tmp "$4"
}

# slow_peers ROW WORLD KIND BUNDLE: no cgroup for crun; runc can not do without
slow_peers() {
	peer "$1 crun ms" "$3" "$2" crun crun --root /run/crun --cgroup-manager=disabled run -b "/bundle/$4" hutch-bench
	peer "$1 runc ms" "$3" "$2" runc runc --root /run/runc run -b "/bundle/$4" hutch-bench
}

# nspawn ROW MORE KIND EXEC: which has no message queues
nspawn() {
	world "all-$2" $(($2 + ordinary - 18)) private "${needed[@]}"
	join_groups
	peer "$1 nspawn ms" "$3" "$world" systemd-container systemd-nspawn --quiet --register=no --keep-unit --read-only \
		--console=pipe --directory=/box --hostname=hutch --tmpfs=/tmp "$4"
}

subjects_of_launch='floor hutch floor-again hutch-again noop unshare bwrap bwrap-all crun runc nspawn'

tell_launch() {	# ROW TITLE
	tell "row $1 $2" "subjects $1 $subjects_of_launch" "column $1 median/ms ms median" "column $1 p10/ms ms p10" \
		"column $1 p90/ms ms p90" "over $1 floor" "over $1 floor-again" "over $1 hutch-again"
}

part_launch() {
	local n row pause where
	for n in 0 "$more"; do
		peers "$n"
		row=launch${n/#0/}
		# what went before still takes mounts away, with a lock that all have to take
		pause=$((n > 0 ? 8 : 2))
		launches "$row" "$world" run /bin/noop private
		fast_peers "$row" "$world" run /bin/noop
		ask $((n > 0 ? (rounds + 1) / 2 : rounds)) 10 "$pause"
		launches "slow-$row" "$world" run /bin/noop private
		slow_peers "slow-$row" "$world" run launch
		nspawn "slow-$row" "$n" run /bin/noop
		ask $(((rounds + 3) / 4)) 2 8
		leave_groups
		peers "$n"
		where="$(inside /usr/bin/grep -c . /proc/self/mountinfo) mounts on the host"
		tell_launch "$row" "One command, from fork until it is reaped: $where"
		tell_launch "slow-$row" "The same beside slow peers: $where"
	done
	peers 0
	put 'defaults floor ms' run "$world" /bin/floor -d run /box /bin/noop
	put 'defaults hutch ms' run "$world" /bin/hutch run /conf/defaults.conf
	put 'defaults floor-again ms' run "$world" /bin/floor -d enter /run/pin /bin/noop
	try 'defaults hutch-again ms' run "$world" /bin/hutch run /conf/defaults-keep.conf
	peer 'defaults bwrap ms' run "$world" bubblewrap bwrap "${bwrap[@]/--as-pid-1/}" --dev /dev --mqueue /dev/mqueue /bin/noop
	ask "$rounds" 10
	tell_launch defaults "The same with hutch's defaults: an init, /dev, masks"
	put 'first floor ms' first "+$world" /box /bin/floor run /box /bin/stamp
	put 'first hutch ms' first "+$world" /box /bin/hutch supervise /svc/private
	ask $(((rounds + 3) / 4)) 2
	tell 'row first First start by a supervisor: from its exec until the payload runs' 'subjects first floor hutch' \
		'column first median/ms ms median' 'column first p10/ms ms p10' 'column first p90/ms ms p90' 'over first floor'
	exec_times
	tell 'asked launch hutch ms launch floor ms <= 1.15 first run, to its floor' \
		'asked launch hutch-again ms launch floor-again ms <= 1.15 repeated run, to its floor' \
		'asked launch bwrap ms launch hutch-again ms >= 4.5 repeated run, faster than bwrap' \
		'asked slow-launch crun ms slow-launch hutch-again ms >= 8.5 repeated run, faster than crun' \
		'asked slow-launch runc ms slow-launch hutch-again ms >= 34 repeated run, faster than runc' \
		"asked launch$more bwrap ms launch$more hutch-again ms >= 45 the same with $more more mounts, faster than bwrap"
	tell "asked launch$more bwrap-all ms launch$more hutch-again ms >= 45 and than bwrap with all of the host's root"
	tell "bars One command, $ordinary mounts on the host (ms)" 'bar launch floor-again ms floor, from a template' \
		'bar launch hutch-again ms hutch run, repeated' 'bar launch floor ms floor' 'bar launch hutch ms hutch run, first' \
		'bar launch unshare ms unshare' 'bar launch bwrap ms bubblewrap' 'bar slow-launch crun ms crun' \
		'bar slow-launch runc ms runc' 'bar slow-launch nspawn ms systemd-nspawn' \
		"bars One command, $more more mounts (ms)" "bar launch$more floor-again ms floor, from a template" \
		"bar launch$more hutch-again ms hutch run, repeated" "bar launch$more hutch ms hutch run, first" \
		"bar launch$more unshare ms unshare" "bar launch$more bwrap ms bubblewrap" "bar slow-launch$more crun ms crun" \
		"bar slow-launch$more runc ms runc" "bar slow-launch$more nspawn ms systemd-nspawn"
}

# What the floors themselves tell: from the clone until the payload's exec.
exec_times() {
	local i
	for i in 1 2 3; do
		{
			printf 'exec run ms %s\n' "$(inside /bin/floor -tn "$rounds" run /box /bin/noop)"
			printf 'exec enter ms %s\n' "$(inside /bin/floor -tn "$rounds" enter /run/pin /bin/noop)"
			printf 'exec stay ms %s\n' "$(inside /bin/floor -tn "$rounds" stay 1 /box /bin/noop)"
		} >>"$answers"
	done
	tell 'row exec The floors, from clone until exec: all by hand, from a template, by a supervisor that lives in it' \
		'subjects exec run enter stay' 'column exec median/ms ms median' 'over exec stay'
}

inside() {
	"${fifo[@]}" nsenter --mount="$world" "$@"
}

# in_worlds MOUNTS FUNCTION: calls it with the row's subject, a propagation that can be
# stated there, and the floor's option for it
in_worlds() {
	local n=$1 how

	for how in private shared slave; do
		world "$n-$how" $((n - 3)) $how
		if [ $how = shared ]; then
			"$2" "$n-$how" slave -sn
		else
			"$2" "$n-$how" private -n
		fi
	done
}

put_cold() {
	put "cold $1 floor" run "$world" /bin/floor "${3}1" run /box /bin/noop
	put "cold $1 hutch" run "$world" /bin/hutch run "/conf/$2.conf"
}

put_start() {
	put "start $1 floor" first "$world" /box /bin/floor "${3}1" run /box /bin/stamp
	put "start $1 hutch" first "+$world" /box /bin/hutch supervise "/svc/$2"
}

put_again() {
	put "again $1 floor" run "$world" /bin/floor enter /run/pin /bin/noop
	try "again $1 hutch" run "$world" /bin/hutch run "/conf/$2-keep.conf"
}

put_restart() {
	put "restart $1 floor" life "$world" 1 /box /bin/floor "${3}0" stay 1 /box /bin/stamp
	put "restart $1 hutch" life "$world" 1 /box /bin/hutch supervise "/svc/$2"
}

# What copies all mounts of the host keeps the kernel busy for a while: so that is
# compared with its floor only. The others are compared between worlds, too.
part_mounts() {
	local n least most

	for n in $mounts; do
		in_worlds "$n" put_cold
		ask $(((rounds + 1) / 2)) 3
		in_worlds "$n" put_start
		ask $(((rounds + 3) / 4)) 1
		: "${least:=$n}"
		most=$n
	done
	for n in $mounts; do
		in_worlds "$n" put_again
	done
	ask "$rounds" 5
	for n in $mounts; do
		in_worlds "$n" put_restart
	done
	ask "$rounds" 4
	tell_mounts cold 'First run' "$mounts"
	tell_mounts start 'First start by a supervisor, from its exec until the payload runs' "$mounts"
	tell_mounts again 'Repeated run' "$mounts"
	tell_mounts restart 'Restart by a supervisor, from SIGKILL until the next payload runs' "$mounts"
	tell 'column restart hutch-ends/ms hutch-end median' 'column restart hutch-next/ms hutch-next median' \
		'column restart floor-next/ms floor-next median' 'ratio restart hutch-next/floor-next hutch-next floor-next'
	tell "asked restart $least-private hutch restart $least-private floor <= 1.15 supervised restart, to its floor" \
		"asked restart $least-private hutch-next restart $least-private floor-next <= 1.15 the part of it after the end of the old payload" \
		"asked restart $most-private hutch restart $least-private hutch <= 1.3 restart with $most mounts, to $least" \
		"asked again $most-private hutch again $least-private hutch <= 1.3 repeated run with $most mounts, to $least" \
		"bars Restart by a supervisor (ms)" "bar restart $least-private floor floor, $least mounts" \
		"bar restart $least-private hutch hutch, $least mounts" "bar restart $most-private floor floor, $most mounts" \
		"bar restart $most-private hutch hutch, $most mounts"
}

tell_mounts() {	# ROW TITLE MOUNTS
	local n how subjects=
	for n in $3; do
		for how in private shared slave; do
			subjects+=" $n-$how"
		done
	done
	tell "row $1 $2; by mounts on the host" "subjects $1$subjects" "column $1 hutch/ms hutch median" "column $1 floor/ms floor median" \
		"ratio $1 hutch/floor hutch floor"
}

part_rate() {
	local n k subjects=
	for n in 3 "$more"; do
		world "$n-private" $((n - 3)) private
		for k in 1 2; do
			put "rate $n-mounts-by-$k floor" rate "+$world" "$k" "$starts" /lane% /bin/floor stay 1 /lane% /bin/stamp
			put "rate $n-mounts-by-$k hutch" rate "+$world" "$k" "$starts" /lane% /bin/hutch supervise /svc/lane%
			subjects+=" $n-mounts-by-$k"
		done
	done
	ask $(((rounds + 19) / 20)) 0
	tell "row rate Starts per second: $starts in a row of a payload that ends at once, by one supervisor and by two" "subjects rate$subjects" \
		'column rate hutch hutch median' 'column rate floor floor median' 'ratio rate hutch/floor hutch floor' \
		"asked rate $more-mounts-by-1 hutch rate $more-mounts-by-1 floor >= 0.87 starts in a row, to the floor" \
		"asked rate $more-mounts-by-2 hutch rate $more-mounts-by-2 floor >= 0.87 starts in a row by two, to the floor" \
		"bars $starts starts in a row, $more mounts (starts per second)" "bar rate $more-mounts-by-1 floor floor" \
		"bar rate $more-mounts-by-1 hutch hutch" "bar rate $more-mounts-by-2 floor two floors" "bar rate $more-mounts-by-2 hutch two hutches"
}

part_alive() {
	local n first last
	world 3-private 0 private
	for n in $alive; do
		services "svc/alive$n" "$n" /box private
		put "alive $n hutch" life "+$world" "$n" /box /bin/hutch supervise "/svc/alive$n"
		put "alive $n floor" life "+$world" 1 /lane1 /bin/floor stay 1 /lane1 /bin/stamp
		put "alive $n status" run "@alive $n hutch" /bin/hutch status 0001
		put "alive $n run-floor" run "$world" /bin/floor enter /run/pin /bin/noop
		try "alive $n run" run "$world" /bin/hutch run /conf/private-keep.conf
		ask $(((rounds + 1) / 2)) 4
		[ "$measured" = yes ] || continue
		: "${first:=$n}"
		last=$n
	done
	tell 'row alive So many sandboxes alive: restart of one of them, hutch status of one, and a repeated run' "subjects alive $alive" \
		'column alive hutch/ms hutch median' 'column alive floor/ms floor median' 'ratio alive hutch/floor hutch floor' \
		'column alive status/ms status median' 'column alive run/ms run median' 'column alive run-floor/ms run-floor median' \
		'column alive memory/KiB hutch-memory median' 'column alive descriptors hutch-descriptors median' \
		"asked alive $last hutch alive $last floor <= 1.15 restart beside $last sandboxes, to the floor beside them" \
		"slope alive $last $first hutch-memory $((last - first)) <= 2 memory of the supervisor for each sandbox, KiB" \
		"slope alive $last $first hutch-descriptors $((last - first)) <= 4 its descriptors for each sandbox"
}

# The same world with as many mounts, in which a child shares the memory, or in which hutch run makes a copy instead, and a
# supervisor a launcher: what fs.suid_dumpable says decides it, and changes nothing else.
by_child() {	# vfork|fork MORE
	local text
	if [ -z "${worlds[$1-$2]-}" ]; then
		world "$1-$2" $(($2 + ordinary - 11)) private "${needed[@]}"
		inside /usr/bin/mount --bind "/conf/$1" /proc/sys/fs/suid_dumpable
	fi
	world "$1-$2"
	text=$(inside /bin/hutch plan /conf/user.conf)
	[[ $text == *"child by $1"* ]] || die "a child by $1: ${text:0:300}"
}

# choice SUBJECT KEY KIND WORD...: one side of a choice, in $world; a supervisor has a /run of its own
choice() {
	if [ "$3" = run ]; then
		try "worth$s $1 $2" run "$world" /bin/hutch run "/conf/$4.conf"
	else
		put "worth$s $1 $2" life "+$world" 1 /box /bin/hutch supervise "/svc/$4"
	fi
}

part_worth() {
	local n s how where
	for n in 0 "$more"; do
		s=${n/#0/}
		by_child fork "$n"
		choice run-vfork/fork other run user
		choice kept-vfork/fork other run user-keep
		choice direct/launcher other life private
		choice launcher-auto/no taken life private
		choice launcher-auto/no other life no
		by_child vfork "$n"
		choice run-keep/no taken run private-keep
		choice run-keep/no other run private
		choice run-vfork/fork taken run user
		choice kept-vfork/fork taken run user-keep
		choice restart-auto/no taken life private
		choice restart-auto/no other life no
		choice direct/launcher taken life private
		choice direct-vm/fork taken life private
		choice direct-vm/fork other life score
		where="$(inside /usr/bin/grep -c . /proc/self/mountinfo) mounts on the host"
		ask "$rounds" 4
		choice ahead=4/0 taken life ahead
		choice ahead=4/0 other life net
		ask "$rounds" 4
		tell_worth "worth$s" "a choice beside the other one; $where" run-keep/no run-vfork/fork kept-vfork/fork restart-auto/no \
			direct/launcher direct-vm/fork launcher-auto/no ahead=4/0
		how="worth-restart$s"
		put "$how auto ms" life "+$world" 1 /box /bin/hutch supervise /svc/private
		put "$how defaults ms" life "+$world" 1 /box /bin/hutch supervise /svc/defaults
		put "$how floor ms" life "+$world" 1 /box /bin/floor stay 1 /box /bin/stamp
		put "$how floor-defaults ms" life "+$world" 1 /box /bin/floor -d stay 1 /box /bin/stamp
		ask "$rounds" 4
		tell "row $how What they are worth together: restarts beside their floors; $where" "subjects $how floor auto floor-defaults defaults" \
			"column $how median/ms ms median" "column $how p10/ms ms p10" "column $how p90/ms ms p90" "over $how floor" "over $how floor-defaults"
	done
	tell_ways
}

tell_worth() {	# ROW TITLE SUBJECT...
	tell "row $1 What the choices are worth: $2" "subjects $1 ${*:3}" "column $1 taken/ms taken median" "column $1 other/ms other median" \
		"ratio $1 other/taken other taken" "column $1 taken-p10 taken p10" "column $1 other-p10 other p10"
}

# Only Linux 7 has them all: as the gate has counted them there, in thousands of instructions.
tell_ways() {
	local versions
	versions=$(sed -n 's/^worth \([^ ]*\) .*/\1/p' "$here/budget" | sort -V | tail -n 1)
	[ -n "$versions" ] || { skip 'worth-ways 28-mounts' "make budget has not counted them"; return; }
	awk -v versions="$versions" '$1 == "worth" && $2 == versions {
		split($3, row, "."); printf "worth-ways %s-mounts %s %.0f\n", row[2], row[1], $4 / 1000 }' "$here/budget" | sort -n -t ' ' -k 2 >>"$answers"
	tell "row worth-ways What the choices are worth: ways to the root, Linux ${versions##*linux-}, thousands of instructions of a run (make budget)" \
		'column worth-ways empty empty median' 'column worth-ways tree tree median' 'column worth-ways pivot pivot median' \
		'ratio worth-ways tree/empty tree empty' 'ratio worth-ways pivot/empty pivot empty'
}

part_end() {
	peers 0
	launches end "$world" end /bin/stamp stamp
	fast_peers end "$world" end /bin/stamp
	slow_peers end "$world" end stamp
	ask $(((rounds + 1) / 2)) 2
	tell_launch end 'The end: from SIGKILL to the payload until the command is reaped'
}

part_think() {
	local i
	for i in 1 2 3; do
		"$out/profile" "$((rounds * 10))" | sed 's/\([^ ]*\) /think \1 us /' >>"$answers" || failed=1
	done
	tell 'row think A profile of 4 KiB, by the library, without any process' 'subjects think parse plan-and-check both' \
		'column think median/us us median' 'asked think both us - - - <= 100 4 KiB profile: parse, plan and check, us'
}

part_hub() {
	"$out/hub" $((starts < 1000 ? 50 : 1000)) $((rounds < 21 ? rounds : 21)) | sed 's/^/hub /' >>"$answers" || failed=1
	tell "row hub One medium in $((starts < 1000 ? 50 : 1000)) sandboxes: mounted in a hub, or taken into each of them" 'subjects hub mount umount' \
		'column hub hub/ms hub median' 'column hub each/ms each median' 'ratio hub each/hub each hub'
}

part_why() {
	local many=$((starts < 1000 ? 100 : 5000)) boxes=$((starts < 1000 ? 5 : 100))
	"$here/why.sh" "$out" "$hutch" "$many" "$boxes" "$rounds" || failed=1
}

part_supervise() {
	# shellcheck source=tests/bench/supervise.sh
	(. "$here/supervise.sh") || failed=1
}

# ---- telling

machine() {
	printf 'machine %s, %s processors, Linux %s, load %s\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$load"
	printf 'versions %s\n' "$(dpkg-query -W -f '${Package} ${Version}, ' bubblewrap crun runc util-linux systemd-container s6 runit \
		busybox-static finit tini 2>/dev/null | sed 's/, $//')"
}

tee "$answers" "$layout" "$list" </dev/null
read -r load _ </proc/loadavg
# A launch is a chain of wake-ups, and where there is other work each of them may wait
# for a tick, which is then all that is measured; bench.c does the same.
fifo=(env)
if chrt -f 1 true 2>/dev/null; then
	fifo=(chrt -f 1)
fi
make_tree
for part in $parts; do
	declare -F "part_$part" >/dev/null || die "$part: no such part"
	SECONDS=0
	"part_$part"
	echo "took $part $SECONDS" >>"$layout"
done
machine >>"$layout"
awk -v json="$out/bench.json" -v svg="$out/bench.svg" -f "$here/report.awk" "$layout" "$answers" >"$out/bench.txt"
cat "$out/bench.txt"
[ "$failed" = 0 ]
