#!/bin/bash
#
# run.sh - how long hutch takes to launch, next to the floor (the same system
# calls by hand) and to its peers (the same job by other launchers).
#
#	run.sh OUT HUTCH [ROOTTREE]
#
# OUT		where everything goes; OUT/bench.json is the result. What is built
#		there already and is newer than its source is taken as it is
# HUTCH		the program; "-": measure the others only
# ROOTTREE	is copied to be the sandbox's root; without it the root is a no-op
#		and three empty directories
#
# CC (musl-gcc), ROUNDS (200), SLOW_ROUNDS (30) and CPU (a processor to pin
# everything to, otherwise none) can be set. Wants root.
#
# What is compared is one command from fork to reaped. Slow peers are measured
# in groups of their own, with hutch and the floor among them, so that every
# ratio comes from one run. All mounts are made in a throw-away namespace.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
	echo 'usage: run.sh OUT HUTCH [ROOTTREE]' >&2
	exit 2
fi
[ "$(id -u)" = 0 ] || die 'must be root: the peers are measured without user namespaces'
if [ "${BENCH_INSIDE-}" != yes ]; then
	BENCH_INSIDE=yes exec unshare --mount --propagation private \
		bash "${BASH_SOURCE[0]}" "$@"
fi

mkdir -p "$1"
out=$(realpath "$1")
hutch=$2
if [ "$hutch" != - ]; then
	[ -x "$hutch" ] || die "$hutch: not an executable (\"-\" measures without hutch)"
	hutch=$(realpath "$hutch")
fi
tree=${3-}
case $out$hutch in
*[[:space:]\"\\\|]*) die 'no blanks, quotes or bars in OUT and HUTCH, please' ;;
esac
rounds=${ROUNDS:-200}
slow_rounds=${SLOW_ROUNDS:-30}
root=$out/benchroot
skipped=()

# ---- what is built

# build TARGET SOURCE [FLAGS]: floor-default.c includes floor.c, hence both
build() {
	local target=$out/$1 source=$here/$2
	shift 2
	if [ "$target" -nt "$source" ] && [ "$target" -nt "$here/floor.c" ]; then
		return
	fi
	"${CC:-musl-gcc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -static -s \
		"$@" -o "$target" "$source"
}

build_all() {
	local nostart=()
	if [ "$(uname -m)" = x86_64 ]; then
		nostart=(-nostdlib -nostartfiles)
	fi
	build noop noop.c "${nostart[@]}"
	build floor floor.c
	build floor-default floor-default.c
	build bench bench.c
}

# ---- what is launched into

make_root() {
	local dir

	rm -rf "$root"
	mkdir -p "$root"
	if [ -n "$tree" ]; then
		cp -a "$tree/." "$root/"
	fi
	mkdir -p "$root/bin" "$root/proc" "$root/dev" "$root/tmp"
	# a tree's absolute links would lead the copy to the host's /bin
	for dir in bin proc dev tmp; do
		case $(realpath "$root/$dir") in
		"$root"/*) ;;
		*) die "$tree: /$dir leads out of the tree" ;;
		esac
	done
	cp "$out/noop" "$root/bin/noop"
	# something that a slave can be a slave of
	mount --bind "$root" "$root"
	mount --make-shared "$root"
	# unshare(1) can not make its root read-only
	mkdir -p "$out/benchroot-ro"
	mount --bind "$root" "$out/benchroot-ro"
	mount -o remount,bind,ro,nosuid,nodev "$out/benchroot-ro"
}

# Only on machines with cgroup v1: crun 1.8 refuses to run next to a mounted
# v2, and runc makes a group in every hierarchy that it finds, but is content
# with one (and the cpu one does not take SCHED_FIFO, which the bench uses).
hide_cgroups() {
	local dir

	if ! mountpoint -q /sys/fs/cgroup/devices; then
		return
	fi
	for dir in /sys/fs/cgroup/*; do
		if [ "$dir" != /sys/fs/cgroup/devices ] && mountpoint -q "$dir"; then
			umount "$dir"
		fi
	done
}

# bundle NAME MOUNTS LINUX: an OCI bundle; the runtimes make devices in /dev,
# whether asked to or not, so even the smallest one needs a tmpfs there
bundle() {
	mkdir -p "$out/bundle-$1"
	cat >"$out/bundle-$1/config.json" <<-END
	{
		"ociVersion": "1.0.0",
		"process": {
			"terminal": false,
			"user": { "uid": 0, "gid": 0 },
			"args": [ "/bin/noop" ],
			"env": [ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" ],
			"cwd": "/",
			"capabilities": {},
			"noNewPrivileges": true
		},
		"root": { "path": "$root", "readonly": true },
		"hostname": "hutch",
		"mounts": [
			{ "destination": "/proc", "type": "proc", "source": "proc",
			  "options": [ "nosuid", "nodev", "noexec" ] },
			{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
			  "options": [ "nosuid", "noexec", "mode=755" ] }$2
		],
		"linux": {
			"namespaces": [ { "type": "mount" }, { "type": "pid" },
				{ "type": "ipc" }, { "type": "uts" } ]$3
		}
	}
	END
}

make_bundles() {
	bundle launch '' ', "rootfsPropagation": "slave"'
	bundle defaults ',
			{ "destination": "/dev/pts", "type": "devpts", "source": "devpts",
			  "options": [ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" ] },
			{ "destination": "/dev/shm", "type": "tmpfs", "source": "tmpfs",
			  "options": [ "nosuid", "nodev", "mode=1777" ] },
			{ "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
			  "options": [ "nosuid", "nodev", "noexec" ] }' \
		', "rootfsPropagation": "private",
			"readonlyPaths": [ "/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger" ],
			"maskedPaths": [ "/proc/kcore", "/proc/keys", "/proc/timer_list" ]'
}

# ---- what is measured

# once LABEL COMMAND...: whether it runs, in the way in which it is measured
once() {
	local label=$1
	shift
	printf '%s\t%s\n' "$label" "$*" | run_bench -n 1 -w 0 >/dev/null
}

# the same small environment for everybody
run_bench() {
	env -i PATH="$PATH" ${CPU:+taskset -c "$CPU"} "$out/bench" -f -s "$@"
}

# add GROUP LABEL COMMAND...: has to work, or there is no bench
add() {
	local group=$1 label=$2
	shift 2
	once "$label" "$@" || exit 1
	printf '%s\t%s\n' "$label" "$*" >>"$out/$group.list"
}

# peer GROUP LABEL PACKAGE PROGRAM ARGUMENTS...: is left out where it is
# missing or does not run
peer() {
	local group=$1 label=$2 package=$3 program why
	if ! program=$(command -v "$4"); then
		skip "$group: $label: not installed (package $package)"
		return
	fi
	shift 4
	if ! why=$(once "$label" "$program" "$@" 2>&1); then
		# the last line is the bench's own, the one before says why
		skip "$group: $label: does not run here: $(tail -n 2 <<<"$why" | head -n 1)"
		return
	fi
	printf '%s\t%s\n' "$label" "$program $*" >>"$out/$group.list"
}

skip() {
	skipped+=("$1")
}

# ours GROUP FLOOR PROFILE: the floor, and hutch if there is one
ours() {
	: >"$out/$1.list"
	add "$1" noop "$out/noop"
	add "$1" floor "$out/$2" "$root" /bin/noop
	if [ "$hutch" != - ]; then
		add "$1" hutch "$hutch" run "$out/$3"
	fi
}

list_all() {
	local bwrap=(--unshare-pid --unshare-ipc --unshare-uts --hostname hutch
		--ro-bind "$root" / --proc /proc --chdir / --clearenv
		--new-session --die-with-parent --cap-drop ALL)

	ours launch floor launch.conf
	peer launch unshare util-linux unshare --mount --ipc --uts --pid --fork \
		--kill-child --propagation slave --root="$out/benchroot-ro" \
		--mount-proc /bin/noop
	peer launch bwrap bubblewrap bwrap "${bwrap[@]}" --as-pid-1 /bin/noop
	# -k's 0xe: nosuid, nodev, noexec; the root stays as it is mounted
	peer launch minijail0 'minijail, not in Debian' minijail0 -T static -v -K slave \
		-p -I -l --uts=hutch -n -c 0 -P "$out/benchroot-ro" \
		-k proc,/proc,proc,0xe /bin/noop
	ours launch-slow floor launch.conf
	oci launch

	ours defaults floor-default defaults.conf
	peer defaults bwrap bubblewrap bwrap "${bwrap[@]}" --dev /dev \
		--mqueue /dev/mqueue /bin/noop
	ours defaults-slow floor-default defaults.conf
	oci defaults
}

# oci ROW: no cgroup for crun; runc can not do without
oci() {
	peer "$1-slow" crun crun crun --root "$out/state-crun" \
		--cgroup-manager=disabled run -b "$out/bundle-$1" hutch-bench
	peer "$1-slow" runc runc runc --root "$out/state-runc" \
		run -b "$out/bundle-$1" hutch-bench
}

# measure GROUP ROUNDS WARMUP
measure() {
	local reference=hutch
	if [ "$hutch" = - ]; then
		reference=floor
	fi
	run_bench -n "$2" -w "$3" -r "$reference" -o "$out/$1.json" \
		"$out/$1.list" >"$out/$1.table"
	printf '\n%s, %s rounds\n' "$1" "$2"
	awk '
	NR > 1 {
		label[++n] = $1; median[$1] = $2; p10[$1] = $3; p90[$1] = $4
	}
	function over(a, b) {
		return b in median ? sprintf("%.2f", median[a] / median[b]) : "-"
	}
	END {
		printf "  %-12s %10s %10s %10s %8s %8s\n", "", "median/ms", "p10/ms", "p90/ms", "/floor", "/hutch"
		for (i = 1; i <= n; i++) {
			l = label[i]
			printf "  %-12s %10.3f %10.3f %10.3f %8s %8s\n", l,
			    median[l], p10[l], p90[l], over(l, "floor"), over(l, "hutch")
		}
		if ("hutch" in median)
			printf "  hutch is %s times the floor (%.2f at p10)\n",
			    over("hutch", "floor"), p10["hutch"] / p10["floor"]
	}' "$out/$1.table"
}

json_groups() {
	local group comma=
	for group in "$@"; do
		printf '%s\n"%s": ' "$comma" "$group"
		cat "$out/$group.json"
		comma=,
	done
}

write_json() {
	local line comma=
	{
		printf '{'
		json_groups launch launch-slow defaults defaults-slow
		printf ',\n"skipped": ['
		for line in ${skipped[@]+"${skipped[@]}"}; do
			line=${line//\\/\\\\}
			line=${line//\"/\\\"}
			printf '%s\n  "%s"' "$comma" "${line//$'\t'/ }"
			comma=,
		done
		printf ' ],\n"kernel": "%s", "host_mounts": %d, "load": "%s"\n}\n' \
			"$(uname -r)" "$(wc -l </proc/self/mountinfo)" "$load"
	} >"$out/bench.json"
}

build_all
make_root
hide_cgroups
make_bundles
for profile in launch.conf defaults.conf; do
	sed "s|@ROOT@|$root|" "$here/$profile" >"$out/$profile"
done
list_all
read -r load _ </proc/loadavg
measure launch "$rounds" 20
measure launch-slow "$slow_rounds" 3
measure defaults "$rounds" 20
measure defaults-slow "$slow_rounds" 3
write_json
for line in ${skipped[@]+"${skipped[@]}"}; do
	printf 'skipped: %s\n' "$line"
done
