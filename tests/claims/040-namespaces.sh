#!/bin/bash
# The eight kinds of namespace: new, the host's, of a file.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

declare -A key=([mnt]=ns.mount [ipc]=ipc [pid]=ns.pid [uts]=ns.uts [net]=net [user]=ns.user [cgroup]=ns.cgroup [time]=ns.time)
maps=(uidmap="0 0 1000" gidmap="0 0 1000")

for ns in mnt ipc pid uts net user cgroup time; do
	claim "${key[$ns]}=new: a namespace of its own, as both sides see it"
	more=()
	[ $ns = user ] && more=("${maps[@]}")
	start a "${key[$ns]}=new" "${more[@]}" && {
		outside=$(readlink "/proc/$(payload a)/ns/$ns")
		unlike "$ns" "$outside" "$(readlink /proc/self/ns/$ns)"
		answers "$outside" a ns /proc/self/ns/$ns
		stop a
	}
done

for ns in ipc pid uts net user cgroup time; do
	claim "${key[$ns]}=host: the caller's own"
	start a "${key[$ns]}=host" && {
		member=$(payload a)
		[ -n "$member" ] || member=${init_pid[a]}
		same "$ns" "$(readlink "/proc/$member/ns/$ns")" "$(readlink /proc/self/ns/$ns)"
		stop a
	}
done

claim "ns=none and ns.mount=host: a plain process with what the profile says about it"
box ns="ipc" umask=027 -- "$T/probe" umask , ns /proc/self/ns/mnt 2>/dev/null
text=$(timeout 20 "$H" run ns="ipc pid" umask=027 -- "$T/probe" umask , ns /proc/self/ns/mnt 2>&1)
same "inside" "$text" "0027"$'\n'"$(readlink /proc/self/ns/mnt)"
text=$(timeout 20 "$H" run ns=none -- "$T/probe" ns /proc/self/ns/ipc 2>&1)
same "none" "$text" "$(readlink /proc/self/ns/ipc)"

for ns in ipc pid uts net user cgroup time; do
	claim "${key[$ns]}=path FILE: into the namespace of another sandbox"
	more=()
	[ $ns = user ] && more=("${maps[@]}")
	start a "${key[$ns]}=new" "${more[@]}" && {
		where=/proc/$(payload a)/ns/$ns
		start b "${key[$ns]}=path $where" && {
			member=$(payload b)
			[ -n "$member" ] || member=${init_pid[b]}
			same "$ns" "$(readlink "/proc/$member/ns/$ns")" "$(readlink "$where")"
			answers "$(readlink "$where")" b ns /proc/self/ns/$ns
			stop b
		}
		stop a
	}
done

claim "a file that is not this kind of namespace, or gone, is refused and nothing runs"
for wrong in /proc/self/ns/uts /etc/passwd "$T/none" /dev/null; do
	refused "" ipc="path $wrong" -- "${ran[@]}"
done
refused "" ns.pid="path /proc/self/ns/net" -- "${ran[@]}"
refused "" ns.user="path /proc/self/ns/net" -- "${ran[@]}"
refused "" net="path /proc/self/ns/mnt" -- "${ran[@]}"

claim "hostname and domainname are set inside and nowhere else"
before=$(hostname)
says "host=box domain=example" hostname=box domainname=example -- "$P" names
same "outside" "$(hostname)" "$before"
refused "ns.uts=new" ns.uts=host hostname=box -- "${ran[@]}"

claim "net=none: lo is up and there is nothing else; services of the host are out of reach"
box net=none -- "$P" net , loopback
same "inside" "$text" $'lo up\nok'
: >"$T/listen"
"$T/probe" listen hutch-claim >"$T/listen" &
server=$!
until grep -q ok "$T/listen"; do sleep 0.02; done
box -- "$P" connect hutch-claim
same "abstract socket with the host's network" "$text" ok
box net=none -- "$P" connect hutch-claim
same "abstract socket with none" "$text" ECONNREFUSED
kill $server
wait $server 2>/dev/null

claim "time-offset: the clocks run ahead inside by as much as it says"
read -r m0 b0 <<<"$("$T/probe" clocks)"
box time-offset="monotonic 100000" time-offset="boottime 200000" -- "$P" clocks
read -r m b <<<"$text"
same "monotonic" $(((m - m0) / 100)) 1000
same "boottime" $(((b - b0) / 100)) 2000

claim "uidmap and gidmap: ids inside are others outside, and files show it"
start a uidmap="0 100000 1000" gidmap="0 200000 1000" bind="$T /data" && {
	answers "uid=0,0,0 gid=0,0,0 groups=" a ids
	same "outside" "$(stat -c %u:%g "/proc/$(payload a)")" 100000:200000
	answers "file 0755 65534:65534" a stat /data/probe
	like "map" "$(tr -s ' ' <"/proc/$(payload a)/uid_map")" " 0 100000 1000"
	stop a
}

claim "a user inside a user namespace with maps, by name"
says "uid=1000,1000,1000 gid=1001,1001,1001 groups=" user=svc uidmap="0 100000 2000" gidmap="0 200000 2000" -- "$P" ids
refused "not mapped" user=3000 uidmap="0 100000 2000" gidmap="0 200000 2000" -- "${ran[@]}"
refused "go together" uidmap="0 100000 2000" -- "${ran[@]}"

claim "with user.max_user_namespaces=0 a user namespace is refused, not left out"
old=$(cat /proc/sys/user/max_user_namespaces)
text=$(unshare --user --map-root-user bash -c 'echo 0 >/proc/sys/user/max_user_namespaces 2>/dev/null; exec timeout 20 "$@" 2>&1' x \
	"$H" run root="$R" ns.user=new -- "${ran[@]}")
unlike "payload" "$text" "*payload did run*"
same "the host's limit" "$(cat /proc/sys/user/max_user_namespaces)" "$old"
