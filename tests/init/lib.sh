# What every topic about PID 1 stands on; sourced. On top of what there is for the
# supervisor (../supervise/lib.sh):
#
#   boot [OPTION]...        a machine whose root is $M and whose init is $H; see machine.c for the options
#   $pid                    of its PID 1, seen from here; $E is its directory of files: console, end, start
#   service NAME KEY=...    writes a profile into it; machine_conf KEY=... its init.conf
#   ended_as WHAT           it ends within some seconds, as "signal 1" and the like say
#   on_console PATTERN      waits for text on the console
#   ask, get, await, tell   are asked inside
#   off                     the end of it, however it is
#
# Its /data is the host's $S.
#
# shellcheck shell=bash disable=SC2034,SC2119,SC2120
# shellcheck source=SCRIPTDIR/../supervise/lib.sh
. "${BASH_SOURCE[0]%/*}/../supervise/lib.sh"

M=$T/machine E=$T/files
cp "$OUT/machine" "$T/machine.bin"
outside=$T/hutch
H=/bin/hutch
pid='' words=() init=(/init)
in_front=()	# what runs the machine
pid_file() { [ -s "$E/pid" ]; }

service() {
	local name=$1
	shift
	printf '%s\n' root=/ "bind=/data /data rw" stop-timeout=1s "$@" |
		awk -F= '$1 == "stop-timeout" || $1 == "root" { last[$1] = $0; next } { print } END { for (k in last) print last[k] }' \
			>"$D/$name.conf"
}

# A root: the probe, hutch, and toybox where it was built.
fresh() {
	[ -z "$pid" ] || off
	umount -l "$M/data" 2>/dev/null
	rm -rf "$M" "$E"
	mkdir -p "$M" "$E"
	tree "$M"
	mkdir -p "$M"/{run,sbin,etc/hutch,var}
	if [ -d "$OUT/../rootfs/tree/bin" ]; then cp -a "$OUT/../rootfs/tree/bin/." "$M/bin/"; fi
	cp "$outside" "$M/init"
	ln "$M/init" "$M/bin/hutch"
	mount -t tmpfs -o mode=1777 data "$M/data"
	S=$M/data D=$M/etc/hutch R=/
	mkfifo "$E/typed"
}

machine_conf() {
	printf '%s\n' "$@" >"$D/init.conf"
}

# Waits until PID 1 is there, not until it has done anything.
boot() {
	rm -f "$E"/{pid,end,start}
	: >"$S/stamps"
	chmod 666 "$S/stamps"
	"${in_front[@]}" "$T/machine.bin" "$M" "$E" "$@" "${init[@]}" "${words[@]}" </dev/null >"$E/said" 2>&1 &
	cradle=$!
	hutch_pid[machine]=$cradle
	until_true 5 pid_file || note "$(cat "$E/said")"
	pid=$(cat "$E/pid" 2>/dev/null)
	asker=(nsenter -t "$pid" -m -p -u -i -n)
}

is_up() { ask status && [ "$status" != 125 ]; }

# Until it answers.
boot_up() {
	boot "$@"
	until_true 10 answers_now || note "console: $(tail -n 5 "$E/console")"
}
answers_now() { "${asker[@]}" "$H" events; }

has_ended() { [ -s "$E/end" ]; }

gone_as() {
	until_true "${2:-10}" has_ended || note "it does not end: $(tail -n 5 "$E/console")"
	same "end of the machine" "$(cat "$E/end" 2>/dev/null)" "$1"
	wait "$cradle" 2>/dev/null
	unset 'hutch_pid[machine]'
	pid=''
}
ended_as() { gone_as "$@"; }

lives() { [ ! -s "$E/end" ] && kill -0 "$pid" 2>/dev/null; }

off() {
	[ -n "$pid" ] || return 0
	kill -KILL "$pid" 2>/dev/null
	wait "$cradle" 2>/dev/null
	unset 'hutch_pid[machine]'
	pid=''
}

console_has() { grep -qaE -e "$1" "$E/console"; }
on_console() {
	until_true "${2:-5}" console_has "$1" || note "on the console: $(tail -n 8 "$E/console" | tr -d '\r')"
}
typed() { printf '%b' "$1" >"$E/typed"; }

# It answers within 200 ms: each of ten questions of one row of some.
lively_init() {
	local i worst
	for i in 1 2 3 4 5 6 7 8; do
		worst=$("${asker[@]}" /bin/probe pace $C 10 2>&1)
		[[ $worst =~ ^[0-9]+$ && $worst -le 200 ]] && return
	done
	note "worst reply in ms: $worst"
}

# Milliseconds from the moment before PID 1 was executed to the first stamp of a kind.
between_start() {
	awk -v p="$1" 'NR == FNR { start = $1 / 1000000; next } $0 ~ p { printf "%d", $NF - start; exit }' "$E/start" "$S/stamps"
}

# PID 1's child with such words on its command line, as it is seen from here.
host_pid() {
	local p children
	read -r -a children <"/proc/$pid/task/$pid/children"
	for p in "${children[@]}"; do
		[[ $(tr '\0' ' ' <"/proc/$p/cmdline") != *$1* ]] || echo "$p"
	done
}

# What a program inside says.
inside() {
	text=$(timeout -k 1 15 "${asker[@]}" "$@" 2>&1)
	status=$?
}

fresh
mark
