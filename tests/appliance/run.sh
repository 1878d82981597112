#!/bin/bash
# The reference appliance of configs/appliance, and somebody on each side of it who
# talks to its services. TAP.
#
#   tests/appliance/run.sh O HUTCH here       in namespaces of this machine
#   tests/appliance/run.sh O HUTCH KERNEL     in QEMU, with a kernel of tests/vm/kernels
#
# O is the build folder, where the toybox tree is. This side is a network namespace: lan0 leads
# to the appliance's inner network, 10.0.2.2 is outside. No address or port of this machine is
# touched. The servers here are the appliance's own programs, in sandboxes of hutch.
# shellcheck disable=SC2016,SC2317 # shells inside expand; ok() calls
set -uo pipefail
export LC_ALL=C

if [ $# -ne 3 ]; then
	echo "usage: tests/appliance/run.sh O HUTCH here|KERNEL" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(realpath "$1") hutch=$(realpath "$2") way=vm
[ "$3" != here ] || way=here
add=$out/appliance/tree busybox=$out/appliance/tree/bin/busybox

if [ -z "${APPLIANCE_WORK-}" ]; then
	skip=
	for tool in curl dig ip jq ssh ssh-keygen mke2fs; do
		command -v $tool >/dev/null || skip="there is no $tool"
	done
	[ "$(id -u)" = 0 ] || skip="needs root"
	[ "$skip" ] || why=$("$here/tests/appliance/build.sh" "$out" "$hutch" "$3" 2>&1) || skip=$(echo "${why:-cannot be built}" | tail -n 1)
	if [ "$skip" ]; then
		printf 'ok 1 - appliance # SKIP %s\n1..1\n' "$skip"
		exit
	fi
	APPLIANCE_WORK=$(mktemp -d) || exit 1
	export APPLIANCE_WORK
	trap 'rmdir "$APPLIANCE_WORK"' EXIT
	timeout 900 unshare --mount --net --pid --fork --kill-child --propagation private bash "$0" "$@" &
	trap 'kill $!' INT TERM
	wait $!
	exit $?
fi

# --- this side ---------------------------------------------------------------------

work=$APPLIANCE_WORK
mount -t tmpfs -o mode=0755 appliance "$work" && mount -t proc proc /proc &&
	mount -t tmpfs -o mode=0755 run /run && ip link set lo up || exit 1
n=0 bad=0
# ok TEXT COMMAND...: passes when the command does
ok() {
	local text=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		bad=$((bad + 1))
		tail -n 5 "$work/said" | cut -c1-200 | sed 's/^/# /'
		[ -z "${service-}" ] || device_logs "$service" 2>&1 | tail -n 8 | cut -c1-200 | sed "s/^/# $service: /"
	fi
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}
not() { ! "$@"; }
is() { [ "$1" = "$2" ] || { printf '%s\n' "$1" && false; }; }
# says TEXT COMMAND...: what the command prints is exactly this
says() { is "$("${@:2}" 2>&1)" "$1"; }
# soon SECONDS COMMAND...: within this time the command succeeds
soon() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# What the device is told when it is built: who may log in, and whose time it takes.
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
ssh-keygen -q -t ed25519 -N '' -f "$work/other"
mkdir -p "$work"/extra/{home/admin/.ssh,etc/chrony/sources.d}
cp "$work/key.pub" "$work/extra/home/admin/.ssh/authorized_keys"
echo "server 10.0.2.2 iburst" >"$work/extra/etc/chrony/sources.d/local.sources"
# What the media have.
mkdir "$work"/{first,second}
echo "of the first" >"$work/first/file.txt"
echo "of the second" >"$work/second/file.txt"

# device_start, device_stop, device_plug NAME, device_pull, device_held, device_do
# COMMAND, device_logs SERVICE; and $ssh, $web: where it answers outside
# shellcheck source=tests/appliance/here.sh
. "$here/tests/appliance/$way.sh" "$3" || exit 1

# A time server outside, which leaves this machine's clock alone (-x).
clock_bind=()
for dir in bin lib lib64; do [ ! -e "$add/$dir" ] || clock_bind+=("bind=$add/$dir /$dir create"); done
"$hutch" run --name clock root=tmpfs user=root caps=net_bind_service "${clock_bind[@]}" bind="$add/etc/passwd /etc/passwd create" \
	tmpfs="/run create" tmpfs="/var/lib/chrony create" net=host -- \
	/bin/chronyd -x -d -u root 'local stratum 3' 'allow all' 'cmdport 0' 'bindcmdaddress /' 'pidfile /run/pid' >"$work/clock" 2>&1 &
ok "a time server is there" soon 10 "$hutch" exec clock -- /bin/busybox test -e /run/pid

service=
# Without it nobody could tell anything of the rest.
give_up() {
	tail -n 25 "$screen" | tr -cd '\11\12\40-\176' | sed 's/^/# console: /'
	echo "1..$n"
	exit 1
}
ok "the device starts" device_start
[ $bad -eq 0 ] || give_up
login() {
	local key=$1
	shift
	# shellcheck disable=SC2154,SC2086 # device_start sets it; words
	timeout 20 ssh -n -q -i "$work/$key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 $ssh "$@"
}
page() { curl -sSf -m 10 "$web/$1"; }

# --- services ----------------------------------------------------------------------

limit=$((SECONDS + boot_time))
for service in places uplink lan dnsmasq dropbear web status chrony; do
	ok "$service: is up, or done" soon $((SECONDS < limit ? limit - SECONDS : 1)) device_is "$service"
done
[ $bad -eq 0 ] || give_up

# First of all: leases of a clock that jumps forward are over.
service=chrony
device_clock

service=dnsmasq
cat >"$work/lease.sh" <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
echo "$ip $router $dns $domain" >"$LEASE"
ip addr add "$ip/24" dev lan0
END
chmod +x "$work/lease.sh"
lease() { LEASE=$work/lease timeout 20 "$busybox" udhcpc -q -n -f -i lan0 -s "$work/lease.sh" -x hostname:laptop -V test; }
ok "dnsmasq: gives an address in the inner network" lease
ok "dnsmasq: with itself as router and name server, and a domain" \
	grep -qx '192\.168\.77\.1[0-9][0-9] 192.168.77.1 192.168.77.1 lan' "$work/lease"
read -r address _ <"$work/lease"
ask() { dig +short +time=3 +tries=2 @192.168.77.1 "$@"; }
ok "dnsmasq: says who the device is" says 192.168.77.1 ask hutch.lan
ok "dnsmasq: by TCP, too" says 192.168.77.1 ask +tcp hutch.lan
ok "dnsmasq: and who has the lease" says "$address" ask laptop.lan
ok "dnsmasq: and back" says laptop.lan. ask -x "$address"
# shellcheck disable=SC2086,SC2154 # words of device_start's
ok "dnsmasq: is nothing to the outer network" not dig +short +time=1 +tries=1 $outer hutch.lan
ok "dnsmasq: is killed" device_do "hutch signal KILL dnsmasq"
ok "dnsmasq: answers again" soon 20 says 192.168.77.1 ask hutch.lan
ok "dnsmasq: still knows who has the lease" says "$address" ask laptop.lan

service=dropbear
ok "dropbear: a login with the key" says admin login key 'id -un'
ok "dropbear: what is written at home stays there" says mine login key 'echo mine >~/file && cat ~/file'
ok "dropbear: nothing else can be written" says 1 login key 'touch /bin/x /etc/x /srv/x /media/x /x 2>/dev/null; echo $?'
ok "dropbear: the processes of others cannot be seen" says admin login key "ls -ld /proc/[0-9]* | awk '{ print \$3 }' | sort -u"
ok "dropbear: no order is taken from here" login key '! hutch status && ! hutch stop web'
ok "dropbear: no login with another key" not login other true

service=web
ok "web: the status page" soon 15 page ''
listed() { page '' >"$work/page" && grep -q '^dnsmasq  *up ' "$work/page"; }
ok "web: with every service" soon 15 listed
ok "web: how long it is up" grep -Eq '<p>up [0-9]+ days [0-9]+ h [0-9]+ min [0-9]+ s, 20' "$work/page"
ok "web: and its memory" grep -Eq '^MemAvailable: +[1-9][0-9]* kB' "$work/page"
ok "web: for programs, too" says up bash -c 'curl -sSf -m 10 "$1/status.json" | jq -r ".[] | select(.name == \"web\").state"' - "$web"
ok "web: from the inner network, too" curl -sSf -m 10 -o /dev/null http://192.168.77.1/
ok "web: nothing outside of the pages" not page ../etc/passwd --path-as-is
# older THAN: for how long web is up, as the page says, in seconds
older() { test "$(page status.json | jq '.[] | select(.name == "web").since | floor')" -gt "$1"; }
ok "status: is written again and again" soon 15 older "$(page status.json | jq '.[] | select(.name == "web").since | ceil')"

# --- media --------------------------------------------------------------------------

service=$medium
ok "media: nothing is plugged in" not login key "ls /media/$drive"
# On the hub are as many mounts as media: one.
once() { says 1 device_do "grep -c /run/media/$drive /proc/self/mountinfo" && page "media/$drive/file.txt"; }
mounted() { says "$1" eval "device_logs $medium | grep -c ' is in: '"; }
mounts=0
for stick in first second; do
	ok "media: the $stick stick is plugged in" device_plug $stick
	ok "media: it is mounted" soon 20 mounted $((++mounts))
	ok "media: web has it" soon 20 page media/$drive/file.txt
	ok "media: and it is the $stick" says "of the $stick" page media/$drive/file.txt
	ok "media: so have logins" says "of the $stick" login key cat /media/$drive/file.txt
	ok "media: nobody can change it" says 1 login key "touch /media/$drive/x 2>/dev/null; echo \$?"
	ok "media: the one who mounted it is killed" device_do "hutch signal KILL $medium"
	ok "media: and mounts it again" soon 20 mounted $((++mounts))
	ok "media: so that it is there once" once
	ok "media: no other sandbox has it" says 0 device_do "hutch exec uplink -- /bin/busybox grep -c /media/$drive /proc/self/mountinfo"
	# Somebody reads while it is pulled out: for him it lasts, and for nobody else.
	login key "exec 5</media/$drive/file.txt; echo held >~/file; sleep 60" &
	holder=$!
	ok "media: a file of it is open" soon 20 says held login key 'cat ~/file'
	ok "media: the $stick stick is pulled out" device_pull $stick
	ok "media: web has it no more" soon 20 not page media/$drive/file.txt
	ok "media: nor have other logins" soon 20 login key "! ls /media/$drive"
	login key "pkill sleep; echo >~/file"
	wait $holder
	ok "media: nothing holds on to the $stick" soon 20 device_let_go $stick
done

# --- hutch itself -------------------------------------------------------------------

service=
pids() { device_do "hutch status" | awk '/^(chrony|dnsmasq|dropbear|uplink|web) / { print $1, $4, $5 }'; }
before=$(pids)
size=$(device_do "cat /proc/1/smaps_rollup" | awk '/^Rss/ { all = $2 } /^Anonymous/ { own = $2 } END { print all, "KiB, of which", own, "are its own" }')
[ "$way" = here ] || echo "# PID 1 has $size"
ok "hutch executes itself anew" device_do "hutch reload --exec"
ok "and no service has noticed" soon 20 says "$before" pids
ok "web: still there" page ''

# --- the end ------------------------------------------------------------------------

service=
ok "all is as the profiles say" says "" device_verify
device_stop
echo "1..$n"
exit $((bad > 0))
