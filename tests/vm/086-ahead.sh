#!/bin/bash
# ahead=N where IPC namespaces are dear, too: before Linux 6.3 the kernel ends one slowly, and PID 1 keeps some.
# on: 5\.10|6\.1|6\.12
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

write /etc/hutch/init.conf <<'C'
boot.hostname=hutch
C
service stock root=tmpfs "bind=/bin create" init=no ahead=2 stop-signal=KILL "restart-delay=0 0" "exec=/bin/probe sleep 100000"

held() {	# KIND: the namespaces of a kind that PID 1 keeps, by number
	echo "ls -l /proc/1/fd | grep -o '$1:.[0-9]*' | grep -o '[0-9]*' | sort"
}
own() {		# KIND: the service's
	run "readlink /proc/\$(hutch status --json stock | sed 's/.*\"pid\":\([0-9]*\).*/\1/')/ns/$1"
	echo "${text//[!0-9]/}"
}
boot
shell
up stock

claim "as many are kept as the key says, of the kinds that this kernel is slow with"
case $KERNEL in
6.12) want=0 ;;
*) want=2 ;;
esac
soon "[ \$($(held ipc) | wc -l) = $want ]"
run "$(held net)"
same "network namespaces, for it has none of its own" "$text" ""

claim "the next start takes one of them, and another one is made in its place"
run "$(held ipc)"
before=$text
first=$(own ipc)
run "hutch restart stock"
up stock
now=$(own ipc)
like "its own" "$now" "[0-9]*"
if [ "$want" = 0 ]; then
	# Made when the first had gone, it may have its number.
	same "none was kept" "$before" ""
else
	unlike "another one" "$now" "$first"
	like "one of those" "$before" "*$now*"
	soon "[ \$($(held ipc) | wc -l) = $want ]"
	run "$(held ipc)"
	unlike "what is taken is not kept" "$text" "*$now*"
fi

claim "they go with the service's stop"
run "hutch stop stock"
soon "[ \$($(held ipc) | wc -l) = 0 ]"

claim "once fs.suid_dumpable is 1, no start shows the supervisor's memory to a user: what is read from then on goes by a launcher"
for dumpable in 0 1; do
	name=user$dumpable
	run "echo $dumpable >/proc/sys/fs/suid_dumpable"
	run "sed 's/^ahead=.*/user=1000/' /etc/hutch/stock.conf >/etc/hutch/$name.conf; hutch reload"
	up $name
	for start in 2 3; do
		run "kill -9 \$(hutch status --json $name | sed 's/.*\"pid\":\([0-9]*\).*/\1/')"
		soon "hutch status --json $name | grep '\"state\":\"up\".*\"restarts\":$((start - 1)),'"
	done
	run "hutch plan --service /etc/hutch/$name.conf | grep 'child by'; hutch status --json $name | sed 's/.*\"launch\"://'"
	if [ $dumpable = 0 ]; then
		like "launch" "$text" '*child by fork: the two sides meet*"direct"*'
	else
		like "launch" "$text" '*child by fork: fs.suid_dumpable=1*"launcher*: fs.suid_dumpable=1 shows the plan*'
	fi
done
claim_end
off
