#!/bin/bash
# What a payload tries against its init, against hutch's file and with leaked descriptors.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

sum=$(sha256sum <"$H")
unhurt() { same "hutch's file" "$(sha256sum <"$H")" "$sum"; }

claim "a leaked directory of the host is no way out: closed, and no workdir"
text=$(timeout 20 "$T/probe" with 7 / "$H" run root="$R" -- "$P" fds 2>&1 | cut -d' ' -f1 | tr '\n' ' ')
same "descriptors" "$text" "0 1 2 "
for n in 3 4 5 6 7 8 9 10; do
	text=$(timeout 20 "$T/probe" with 7 / "$H" run root="$R" workdir=/proc/self/fd/$n -- "${ran[@]}" 2>&1)
	same "workdir=/proc/self/fd/$n" "$?" 125
	unlike "workdir=/proc/self/fd/$n" "$text" "*payload did run*"
	text=$(timeout 20 "$T/probe" with 7 / "$H" run root="$R" workdir=/proc/self/fd/$n/etc -- "${ran[@]}" 2>&1)
	same "workdir=/proc/self/fd/$n/etc" "$?" 125
done

claim "a directory of the host as stdin, stdout or kept descriptor is refused"
text=$(timeout 20 "$H" run root="$R" -- "${ran[@]}" 2>&1 </etc)
like "stdin" "$? $text" "125 *descriptor 0 is a directory of the host*"
unlike "stdin" "$text" "*payload did run*"
text=$(timeout 20 "$T/probe" with 7 / "$H" run root="$R" fd=7 -- "${ran[@]}" 2>&1)
same "fd=7" "$?" 125
unlike "fd=7" "$text" "*payload did run*"

claim "/proc/1/exe: not opened for writing, nor for reading, nor run"
box -- "$P" open-w /proc/1/exe , read /proc/1/exe , readlink /proc/1/exe , open-w /proc/self/exe
while read -r line; do like "answer" "$line" "E*"; done <<<"$text"
unhurt

claim "/proc/1: no memory, no descriptors, no root of it for the payload"
box -- "$P" ls /proc/1/fd , readlink /proc/1/root , readlink /proc/1/cwd , read /proc/1/mem , read /proc/1/environ , ns /proc/1/ns/mnt
unlike "answers" "$text" "*ok*"
unlike "answers" "$text" "*/*"

claim "caps=all: what can be opened of hutch is a sealed copy in memory, never its file"
box caps=all -- "$P" readlink /proc/1/exe , open-w /proc/1/exe , put /proc/1/exe evil , write /proc/1/exe evil
like "link" "$text" "/memfd:hutch*"
unlike "writes" "$(tail -n +2 <<<"$text")" "*ok*"
unhurt
box caps="sys_ptrace dac_override" -- "$P" readlink /proc/1/exe , put /proc/1/exe evil
unlike "sys_ptrace" "$(tail -n 1 <<<"$text")" ok
unhurt

claim "sys_ptrace: whoever traces the init from the payload's first moment on finds nothing of the host in it"
# Where the payload keeps the only processor, its init does nothing behind its exec.
for _ in {1..20}; do
	box caps=sys_ptrace cpus=0 sched="fifo 50" -- "$P" seize 1
	# shellcheck disable=SC2001 # each line has an end
	same "rights and descriptors" "$(sed 's/ 3 [0-9]* $/ 3 /' <<<"$text")" $'permitted=000000020 descriptors: 3 \nok'
done
box caps=sys_ptrace -- "$P" exit 3
same "status" "$status" 3
box caps=sys_ptrace -- /bin/none
like "a program that is not there" "$status $text" "127 *exec /bin/none: No such file*"

claim "init=no: the payload is PID 1, and its own program is its own"
box init=no -- "$P" readlink /proc/1/exe
same "link" "$text" /bin/probe

claim "the payload cannot trace or kill its init; and SIGKILL does not reach it"
start a && {
	answers EPERM a ptrace 1
	ask a kill 1 9
	answers "[alive]" a args alive
	stop a 3
	same "status" "$status" 3
}

claim "hutch under construction is not to be traced by its caller's other programs"
start a && {
	for file in mem environ; do
		text=$(setpriv --reuid 65534 --regid 65534 --clear-groups head -c 1 "/proc/${init_pid[a]}/$file" 2>&1)
		like "$file" "$text" "*ermission denied*"
	done
	stop a
}

# held COMMAND KEY...: a sandbox that is about to get a keyring; what that command finds /proc/PID/exe of its process to be is $text
held() {
	local look=$1 hutch child='' job
	with_root init=no dev=none mask=none "${@:2}" -- "${ran[@]}"
	timeout -k 1 20 strace -f -qq -e signal=none -e inject=keyctl:signal=SIGSTOP -e trace=keyctl -o "$T/calls" "$H" run "${args[@]}" >"$T/held" 2>&1 </dev/null &
	job=$!
	until ! kill -0 $job || { hutch=$(pgrep -P "$(pgrep -P $job)") && child=$(pgrep -P "$hutch") && [[ $(cat "/proc/$child/status") == *"State:	"[tT]* ]]; }; do sleep 0.02; done 2>/dev/null
	$look "/proc/$child/exe"
	kill -CONT "$child"
	wait $job
	same "status of ${*:2}" "$? $(cat "$T/held")" "0 [payload did run]"
}
bare_root() { text=$(setpriv --bounding-set=-all --inh-caps=-all readlink -v "$1" 2>&1); }
sandbox_a() { ask a readlink "$1"; }

claim "nor by root without capabilities, who has all of them in user namespaces of root's, nor by the root of one that it joins"
if [ "${CLAIM_KERNEL:-}" = old ]; then
	skip "it is traced already"
else
	held bare_root ns.user=new
	like "ns.user=new" "$text" "*ermission denied*"
	map=("uidmap=0 100000 1000" "gidmap=0 100000 1000")
	held bare_root ns.user=new "${map[@]}"
	like "ns.user=new with a map" "$text" "*ermission denied*"
	start a ns.user=new "${map[@]}" ns.pid=host caps=sys_ptrace
	held sandbox_a ns.pid=host proc=none "ns.user=path /proc/${init_pid[a]}/ns/user"
	like "ns.user=path" "$text" "EACCES*"
	stop a
fi

claim "a network namespace, cgroups and devices of the host are not to be changed from inside"
start a && {
	ask a mkdir /sys/fs/cgroup/x
	like "cgroup" "$text" "E*"
	answers EPERM a mknod /dev/shm/x
	answers EPERM a setns /proc/self/ns/mnt
	ask a unshare 268435456
	answers EPERM a tmpfs /tmp
	stop a
}

claim "nothing predictable is used in /tmp or anywhere else on the host"
mkdir -p "$T/before"
box root-mode=overlay file='/etc/motd x' overlay="$T/before /data" -- "$P" args x
same "files" "$(find /tmp /var/tmp /dev/shm -maxdepth 1 -newer "$T/mark" -name '*hutch*' 2>/dev/null)" ""
same "/run" "$(find /run -mindepth 1 -maxdepth 1)" "$T"

claim "values with newline, NUL-like and shell characters are values, or refused: never run"
# shellcheck disable=SC2016
box env='"A=$(touch /run/x)`touch /run/y`;|&"' -- "$P" args '$(touch /run/z)' ';reboot'
# shellcheck disable=SC2016
same "payload" "$text" '[$(touch /run/z)][;reboot]'
for f in x y z; do [ ! -e "/run/$f" ] || note "/run/$f was made"; done
box hostname=$'a\nb' -- "${ran[@]}"
same "newline in a name" "$status" 125
box bind="$T/a"$'\n'"root=/ /data" -- "${ran[@]}"
same "newline in a path" "$status" 125

claim "a name that is not one is refused, and two of a name do not run at once"
for name in ../x a/b "" "a b" $'a\nb'; do
	refuse timeout 20 "$H" run --name="$name" root="$R" -- "${ran[@]}"
	unlike "name $name" "$(cat "$T/said")" "*payload did run*"
done
timeout 20 "$H" run --name=one root="$R" -- "$P" sleep 20 &
job=$!
until [ -e /run/hutch/one.box ]; do sleep 0.02; done
text=$(timeout 20 "$H" run --name=one root="$R" -- "${ran[@]}" 2>&1)
same "second" "$?" 125
like "second" "$text" "*of this name is running*"
expect timeout 20 "$H" verify one
pkill -P $job -TERM hutch
wait $job

claim "a forged entry that points to PID 1 is not taken for a sandbox"
mkdir -p /run/hutch
printf 'pid=1\nstart=1\n\nroot=/\n' >/run/hutch/fake.box
refuse timeout 20 "$H" verify fake
printf 'pid=99999999999999999999\nstart=x\n\n' >/run/hutch/fake.box
refuse timeout 20 "$H" verify fake
rm -f /run/hutch/fake.box
chmod 777 /run/hutch
refuse timeout 20 "$H" run --name=two root="$R" -- "${ran[@]}"
rm -rf /run/hutch
