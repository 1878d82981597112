#!/bin/bash
# How the process of a sandbox is made, by each line of plan/child.def that hutch itself decides by: what the plan
# says, and the flags of the clone that the kernel was asked for. A supervisor's starts are in ../supervise/150-direct.sh.
# shellcheck source-path=SCRIPTDIR
if [ -z "${CLAIM_CPU:-}" ]; then	# a template is pinned, see 116-keep.sh
	cpu=$(taskset -pc $$)
	cpu=${cpu##*: }
	CLAIM_CPU=${cpu%%[,-]*} exec taskset -c "${cpu%%[,-]*}" bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

# made COMMAND...: $text, $status, and $made: how each process was made, of those with namespaces of their own ($only)
made() {
	text=$(timeout -k 1 30 strace -f -qq -e signal=none -e trace=clone,clone3,fork,vfork -o "$T/calls" "$H" "$@" 2>&1 </dev/null)
	status=$?
	made=$(awk -v only="$only" '/(clone3?|fork)\(/ && $0 ~ only {
		print (/ vfork\(/ || (/CLONE_VM/ && /CLONE_VFORK/)) ? "vfork" : /CLONE_VM/ ? "shared" : "fork" }' "$T/calls" | tr '\n' ' ')
	made=${made% }
}
only=CLONE_NEW options=()

planned() {	# KIND WHY ARGUMENT...
	text=$("$H" plan "${@:3}" 2>&1)
	like "plan ${*:3}" "$text" "*child by $1: $2"$'\n*'
}

# child KIND WHY ARGUMENT...: the plan says so, and it is
child() {
	local kind=$1 why=$2
	shift 2
	with_root "$@"
	planned "$kind" "$why" "${options[@]}" "${args[@]}"
	made run "${options[@]}" "${args[@]}"
	same "status of $*: $text" "$status" 0
	same "how the child of $* is made" "$made" "$kind"
}
bare=(init=no dev=none mask=none)
run=(-- "$P" args ran)

claim "a child that only executes the payload shares the memory until then"
child vfork "shares the memory until exec" "${bare[@]}" "${run[@]}"

claim "so does one that builds a template, and the launch from it"
with_root "${bare[@]}" template=keep "${run[@]}"
planned vfork "builds a template and ends" --part=root "${args[@]}"
planned vfork "shares the memory until exec" --part=launch "${args[@]}"
made run "${args[@]}"
same "built, and copied" "$status $made $(find /run/hutch/templates -name '*.note' | wc -l)" "0 vfork vfork 1"
made run "${args[@]}"
same "copied" "$status $made" "0 vfork"
expect "$H" clean --all

claim "an init of hutch's own is a copy, which goes on without hutch's memory"
child fork "an init of its own stays" "${run[@]}"

claim "so is what goes into a time namespace, where there is one"
if [ -e /proc/self/ns/time ]; then
	child fork "a time namespace lets nobody in who shares memory" "${bare[@]}" ns.time=new "${run[@]}"
else
	skip "this kernel has no time namespaces"
fi

claim "a payload in the same PID namespace could trace what shares the memory: it is a copy"
start other
child fork "a payload in that PID namespace could trace it" "${bare[@]}" "ns.pid=path /proc/${init_pid[other]}/ns/pid" "${run[@]}"
stop other

claim "with fs.suid_dumpable=1 a process that has become another user shows its memory: it is a copy, otherwise not"
for n in 0 1; do
	echo $n >"$T/dumpable.$n"
	mount --bind "$T/dumpable.$n" /proc/sys/fs/suid_dumpable
	if [ $n = 0 ]; then
		child vfork "shares the memory until exec" "${bare[@]}" user=svc "${run[@]}"
	else
		child fork "fs.suid_dumpable=1 shows its memory to its user" "${bare[@]}" user=svc "${run[@]}"
	fi
	umount /proc/sys/fs/suid_dumpable
done

claim "where hutch has something to do before the payload runs, the two sides meet, and it is a copy"
options=(--name=met)
child fork "the two sides meet before exec" "${bare[@]}" "${run[@]}"
options=()

claim "who joins a sandbox leaves a child of its own there; who changes its mounts is a copy, too"
only=.
run_options=(--name=box)
start box
planned fork "its own child goes on" --join="${init_pid[box]}" root="$R" -- "$P" args ran
made exec box "${run[@]}"
like "exec: $text" "$status $made" "0 fork fork*"
mkdir -p "$T/more"
if [ "${CLAIM_KERNEL:-}" != old ]; then
	planned fork "the mounts of a sandbox that runs change" --join="${init_pid[box]}" --mount="bind=$T/more /mnt" root="$R" -- "$P"
	made mount box "bind=$T/more /mnt"
	same "mount: $text" "$status $made" "0 fork"
fi
stop box
