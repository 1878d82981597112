#!/bin/bash
# Namespaces made ahead: who holds them, who takes them, and that they go.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

held() {	# network namespaces that the supervisor keeps, as the kernel numbers them
	local fd
	for fd in /proc/"$sup"/fd/*; do readlink "$fd"; done 2>/dev/null | sed -n 's/^net:\[\(.*\)\]$/\1/p' | sort
}
holds() {
	[ "$(held | wc -l)" -eq "$1" ]
}
own_net() {
	readlink "/proc/$(get "$1" pid)/ns/net" | tr -dc 0-9
}
new_pid() {
	local pid
	pid=$(get "$1" pid)
	[[ $pid == [0-9]* && $pid != "$was" ]]
}
loopback() {
	nsenter --net="/proc/$(get "$1" pid)/ns/net" cat /proc/net/if_inet6 | grep -q ' lo$'
}

claim "once the payload runs, as many are made as the key says, and no more"
service a "exec=/bin/probe forever -" "ns=mount pid ipc uts net" ahead=2
service b "exec=/bin/probe forever -" "ns=mount pid ipc uts net"
up
await a up
await b up
until_true holds 2
before=$(held)

claim "the next start takes one, whose loopback is up, and another one is made"
was=$(get a pid)
tell restart a
until_true new_pid a
await a up
now=$(own_net a)
grep -qx "$now" <<<"$before" || note "it runs in $now and not in one of" "$before"
until_true loopback a
until_true holds 2
! held | grep -qx "$now" || note "what is taken is still held"

claim "one that says nothing makes its own"
was=$(get b pid)
tell restart b
until_true new_pid b
await b up
! held | grep -qx "$(own_net b)" || note "it took somebody else's"

claim "the payload has none of them as a descriptor"
same descriptors "$(find "/proc/$(get a pid)/fd" -lname 'net:*' | wc -l)" 0

claim "those of a service that is stopped go, and come back with it"
tell stop a
await a down
until_true holds 0
tell start a
await a up
until_true holds 2

claim "a reload to fewer: the service runs on with what the new profile says"
service a "exec=/bin/probe forever -" "ns=mount pid ipc uts net" ahead=1
was=$(get a pid)
ask reload
same "what it says" "$text" changed=a
until_true new_pid a
await a up
until_true holds 1

claim "twenty restarts leave as many descriptors as before"
fds() { find "/proc/$sup/fd" -mindepth 1 ! -lname 'mnt:*' | wc -l; }
n=$(fds)
for _ in {1..20}; do
	was=$(get a pid)
	tell restart a
	until_true new_pid a
	await a up
done
until_true holds 1
same descriptors "$(fds)" "$n"

claim "its end leaves no namespace behind"
was=$(held)
down
same "the supervisor's status" "$status" 0
same "processes in those" "$(for n in /proc/[0-9]*/ns/net; do readlink "$n"; done 2>/dev/null | tr -dc '0-9\n' | grep -cxF "$was")" 0
