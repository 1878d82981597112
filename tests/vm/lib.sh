# What every boot stands on; sourced. One script is one topic, run once for each kernel, with $KERNEL to know which.
#
#   write PATH [TEXT]     a file of the initramfs beside those of the device: TEXT, or standard input; `put PATH FILE` copies one
#   service NAME KEY...   a service more, `forget NAME` one less
#   modules NAME...       kernel modules that the initramfs brings
#   boot [WORD]...        the machine starts, with these words on its command line and $extra for QEMU;
#                         `bare=1 boot` starts it with an empty one
#   shell                 waits for the shell on the console
#   see ERE [SECONDS]     waits until the console shows it, from where it was read so far; $shown is what came before it
#   run COMMAND           at the shell on the console: $text is what it says, $status its status
#   soon COMMAND          the same, again until it succeeds
#   up NAME...            waits until these services are up
#   monitor COMMAND       for QEMU itself: plug, unplug, slow a disk down
#   disk FILE NAME        a disk for the next boot; the guest's $disk, for QEMU it is NAME
#   off [COMMAND]         the machine ends by itself, after COMMAND was typed
#   left                  whether the machine has ended, within $PATIENCE; for ends that are none of the kernel's own
#
# A boot that hangs fails with its console, and what is asked of it later fails at once. PATIENCE (seconds) is
# for machines with much else to do.
#
# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154
set -u
export LC_ALL=C

HERE=$(realpath "$(dirname "$0")")
claim_number=${0##*/} claim_number="${claim_number%%-*} on $KERNEL"
# shellcheck source=SCRIPTDIR/../claim.sh
. "$HERE/../claim.sh"
die() { echo "vm: $*" >&2; exit 1; }
# shellcheck source=SCRIPTDIR/table.sh
. "$HERE/table.sh"
kernel_row "$KERNEL"
PROGRAM=$HUTCH TREE=$(arch_folder "$OUT/.." "$arch")/rootfs/tree
[ "$arch" = "$(uname -m)" ] || PROGRAM=$(arch_folder "$OUT/.." "$arch")/hutch
: "${PATIENCE:=150}"

topic=${0##*/} topic=${topic%.sh}
T=$OUT/$KERNEL/$topic
rm -rf "$T"
mkdir -p "$T"
extra=() text='' status='' shown='' boots=0 asked=0
qemu_pid='' keys='' screen='' heard='' seen=0 dead=''

# ---- the initramfs -------------------------------------------------------------

# What is new in this topic, until `clean`.
clean() {
	rm -rf "$T/new" "$T/modules"
	mkdir -p "$T/new"
	cp -a "$HERE/../../configs/boot/." "$T/conf.new"
	mkdir -p "$T/new/etc"
	rm -rf "$T/new/etc/hutch"
	mv "$T/conf.new" "$T/new/etc/hutch"
	[ -z "${VM_ADD:-}" ] || cp -a "$VM_ADD/." "$T/new/"	# for trying things by hand
}

write() {
	mkdir -p "$T/new${1%/*}"
	if [ $# -gt 1 ]; then printf '%s\n' "$2" >"$T/new$1"; else cat >"$T/new$1"; fi
}

put() {
	mkdir -p "$T/new${1%/*}"
	cp -L "$2" "$T/new$1"
}

service() {
	local name=$1
	shift
	printf '%s\n' "$@" | write "/etc/hutch/$name.conf"
}

forget() {
	rm -f "$T/new/etc/hutch/$1.conf"
}

modules() {
	"$HERE/../../rootfs/modules.sh" "$kernel_dir" "$T/modules" "$@"
}

# ---- the machine ---------------------------------------------------------------

boot() {
	local add=("/=$T/new") words
	[ -z "$qemu_pid" ] || die "$topic: the machine is on already"
	[ ! -d "$T/modules" ] || add+=("/=$T/modules")
	boots=$((boots + 1)) log=$T/console.$boots
	"$HERE/../../rootfs/initramfs.sh" "$T/add.cpio" "${add[@]}" || die "no archive"
	cat "$OUT/$KERNEL/base.cpio" "$T/add.cpio" >"$T/initrd"
	words="panic=-1 quiet $*"
	[ -z "${bare:-}" ] || words=''
	kernel_machine "$T/initrd" "$words"
	rm -f "$T"/monitor.*
	mkfifo "$T"/monitor.{in,out}
	machine+=("${extra[@]}" -serial stdio -chardev "pipe,id=monitor,path=$T/monitor" -mon monitor)
	printf '%q ' "${machine[@]}" >"$log.command"
	rm -f "$T/in"
	mkfifo "$T/in"
	heard='' seen=0 dead='' began=${EPOCHREALTIME/./}
	exec {keys}<>"$T/in" {ask}<>"$T/monitor.in" {told}<>"$T/monitor.out"
	exec {screen}< <(exec "${machine[@]}" <"$T/in" 2>&1)
	qemu_pid=$!
}

# What the console says now; 1 when there is nothing more to come.
hear() {
	local chunk='' status
	IFS= read -r -d '' -t 0.2 -n 4096 -u "$screen" chunk
	status=$?
	[ -z "$chunk" ] || { heard+=${chunk//$'\r'/} && printf %s "$chunk" >>"$log"; }
	[ $status -eq 0 ] || [ $status -gt 128 ]
}

# The machine is gone, or is made to go.
reap() {
	[ -n "$qemu_pid" ] || return 0
	kill "$qemu_pid" 2>/dev/null
	wait "$qemu_pid" 2>/dev/null
	exec {keys}>&- {screen}<&- {ask}>&- {told}<&-
	qemu_pid=''
}

# A boot is lost: with what the console said.
lost() {
	note "$1; the console's end:"$'\n'"$(tail -n 25 <<<"$heard" | tr -cd '\11\12\40-\176')"
	reap
	dead=1
}

see() {
	local until=$((SECONDS + ${2:-$PATIENCE})) new
	[ -z "$dead" ] || { note "not seen, for the machine is lost: $1"; return 1; }
	while new=${heard:seen} && ! [[ $new =~ $1 ]]; do
		hear || [[ ${heard:seen} =~ $1 ]] || { lost "the machine ended before it said: $1"; return 1; }
		[ $SECONDS -le $until ] || { lost "hangs, and did not say: $1"; return 1; }
	done
	shown=${new%%"${BASH_REMATCH[0]}"*}
	seen=$((seen + ${#shown} + ${#BASH_REMATCH[0]}))
}

monitor() {
	[ -n "$dead" ] || printf '%s\n' "$*" >&"$ask"
}

# NVMe, which the small x86 kernels have built in; all others find a virtio disk by a module.
disk() {
	extra+=(-drive "if=none,id=$2,format=raw,file=$1,cache=unsafe")
	if [[ $arch == x86_64 && $KERNEL != *-full ]]; then
		extra+=(-device "nvme,drive=$2,serial=$2") disk=/dev/nvme0n1
	else
		extra+=(-device "virtio-blk-pci,drive=$2") disk=/dev/vda
	fi
}

type() {
	[ -n "$dead" ] || printf '%s\n' "$*" >&"$keys"
}

# What is typed before the shell listens would be lost.
shell() {
	see 'hutch# '
}

# The mark is typed in two pieces, so that its echo is not taken for it.
run() {
	asked=$((asked + 1)) text='' status=''
	type "$*; echo \"=\"$asked:\$?="
	see "=$asked:([0-9]+)=" || return 1
	status=${BASH_REMATCH[1]}
	text=${shown#*"\"=\"$asked:"*$'\n'}
	# PID 1 says on the console what becomes of its services, whenever it does.
	text=$(grep -vE '^hutch: [a-z0-9-]+: (up|ready|done|down|delayed|starting|stopping)(: .*)?$' <<<"${text%$'\n'}") || :
}

# Runs a command until it succeeds, and what is said then.
soon() {
	local until=$((SECONDS + PATIENCE))
	while run "$@" && [ "$status" != 0 ]; do
		[ $SECONDS -le $until ] || { note "does not succeed: $* ($text)"; return 1; }
	done
}

# A command that has to say exactly this.
says() {
	run "${@:2}" && same "${*:2}" "$text" "$1"
}

up() {
	local name
	for name; do
		run "hutch wait $name up ${PATIENCE}s" && same "$name is up" "$status" 0 && continue
		run hutch status && note "$text"
	done
}

# It ends within the time: what it said last is in $shown.
left() {
	local until=$((SECONDS + ${1:-$PATIENCE}))
	[ -n "$qemu_pid" ] || { note "the machine is lost"; return 1; }
	while hear; do
		[ $SECONDS -le $until ] || { lost "does not end"; return 1; }
	done
	shown=${heard:seen} took=$((${EPOCHREALTIME/./} - began))
	reap
	[[ $heard != *"Kernel panic"* ]] || note "the kernel panicked: $(tail -n 25 <<<"$heard" | tr -cd '\11\12\40-\176')"
}

off() {
	type "${*:-poweroff}"
	left && like "its end" "$shown" "*reboot: Power down*"
}

claim_ends() {
	[ -z "$qemu_pid" ] || hear
}

trap 'claim_end; reap' EXIT
clean
