#!/bin/bash
# The main job on the screen, scene by scene: a profile, its plan, a web server in a
# sandbox, a CD-ROM that comes and goes and who receives it, whose IPC objects are seen by
# whom, the proof that all is as the profiles say, and a supervisor whose services come back.
#
#   tests/demo.sh HUTCH ROOTFS      ROOTFS is the folder that rootfs/build.sh made
#
# What is shown is checked as well: the demo exits with 1 when something is not as
# promised. As root it stands in throw-away mount, PID, IPC and network namespaces, so
# that nothing stays; an ordinary user sees the part that needs no privilege.
# DEMO_PAUSE=1 waits for Enter after each scene.
set -uo pipefail
export LC_ALL=C

if [ $# -ne 2 ]; then
	echo "usage: tests/demo.sh HUTCH ROOTFS" >&2
	exit 2
fi
hutch=$(realpath "$1") rootfs=$(realpath "$2") root=
[ "$(id -u)" != 0 ] || root=yes
if [ "$root" ] && [ -z "${DEMO_WORK-}" ]; then
	DEMO_WORK=$(mktemp -d) || exit 1
	export DEMO_WORK
	trap 'rmdir "$DEMO_WORK"' EXIT
	before=$(cat /proc/self/mountinfo)
	unshare --mount --ipc --net --pid --fork --kill-child --mount-proc --propagation private \
		bash "$0" "$hutch" "$rootfs"
	status=$?
	if [ "$before" != "$(cat /proc/self/mountinfo)" ]; then
		echo "  NOT AS PROMISED: the host's mounts are other ones than before"
		exit 1
	fi
	exit $status
fi

tree=$rootfs/tree
toybox=$tree/bin/toybox
work=${DEMO_WORK:-$(mktemp -d)} || exit 1
[ "$root" ] || chmod 755 "$work"
wrong=0
unset queue web supervisor
# shellcheck source=tests/talk.sh
. "$(dirname "$0")/talk.sh"

cleanup() {
	[ -z "${web-}" ] || kill -TERM "$web" 2>/dev/null
	[ -z "${supervisor-}" ] || kill -TERM "$supervisor" 2>/dev/null
	talk_kill
	[ -z "${queue-}" ] || ipcrm -q "$queue"
	# What root made goes with the namespaces.
	[ "$root" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the screen ---------------------------------------------------------------

bold='' green='' red='' plain='' scenes=0
if [ -t 1 ]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'; fi
scene() {
	if [ "$scenes" -gt 0 ] && [ "${DEMO_PAUSE-}" ] && [ -t 0 ]; then
		read -r -p "(Enter) " _
	fi
	scenes=$((scenes + 1))
	printf '\n%s=== %d. %s ===%s\n' "$bold" "$scenes" "$*" "$plain"
}
say() { printf '%s\n' "$@"; }
show() { sed 's/^/    /'; }
command_line() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }

# expect TEXT COMMAND...: what was promised, and whether it is so
expect() {
	local text=$1
	shift
	if "$@"; then
		printf '  %sok:%s %s\n' "$green" "$plain" "$text"
	else
		printf '  %sNOT AS PROMISED:%s %s\n' "$red" "$plain" "$text"
		wrong=$((wrong + 1))
	fi
}
not() { ! "$@"; }

# until_true COMMAND...: waits for a condition, at most five seconds
until_true() {
	local i
	for ((i = 0; i < 250; i++)); do
		"$@" && return
		sleep 0.02
	done
	return 1
}

# --- what is looked at -----------------------------------------------------------

# peers FILE PATH: its optional fields, such as shared:5 or master:5
peers() { awk -v at="$2" '$5 == at { s = ""; for (i = 7; $i != "-"; i++) s = s (i > 7 ? " " : "") $i; last = s } END { print last }' "$1"; }
# keys of the message queues that ipcs -q prints
queues() { awk '$1 ~ /^0x/ { print $1 }'; }
# The id that ipcmk says it made
made() { grep -o '[0-9]*$'; }
# the key that a queue of this id has, out of ipcs -q
key_of() { awk -v id="$1" '$2 == id { print $1 }'; }
# The process of a service, as its supervisor tells it
pid_of() { "$hutch" status --json "$1" | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }
came_back() { [ "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ] && "$hutch" status "$1" >/dev/null; }
fetch() { timeout 5 "$toybox" wget -O - "http://127.0.0.1:$port/" 2>/dev/null; }
page_there() { [ "$(fetch)" = "$page" ]; }
same_lines() { [ "$1" = "$2" ]; }
lists() { grep -qxF "$1" <<<"$2"; }

# --- the host of the demo ------------------------------------------------------

say "${bold}hutch puts services into small, well-understood boxes.${plain}"
if [ "$root" ]; then
	# The network is a new one: any port is free. The registry's folder is ours alone.
	port=8080
	"$toybox" ifconfig lo up 2>/dev/null || "$toybox" ip link set lo up
	mount -t tmpfs demo "$work"
	chmod 755 "$work"
	mkdir "$work/run"
	mount --bind "$work/run" /run
	say "This demo stands in namespaces of its own, so nothing of it stays on this machine." \
		"What it calls the host is that."
else
	port=$((20000 + $$ % 20000))
	while (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do port=$((port + 1)); done
	mkdir -m 700 "$work/run"
	export XDG_RUNTIME_DIR=$work/run
	say "You are not root. You will see plan, service, IPC and verify, each in a user" \
		"namespace of its own. Not shown, because they need a mount on the host: peer" \
		"groups and the CD-ROM. 'sudo make demo' shows them."
fi

# --- 1 -----------------------------------------------------------------------

page="Hello from inside."
mkdir "$work/www"
say "$page" >"$work/www/index.html"
cat >"$work/web.conf" <<END
root=$tree
bind=$work/www /srv
net=host
exec=nc -s 127.0.0.1 -p $port -L httpd /srv
END

scene "A profile, and what hutch will do with it"
command_line "cat web.conf"
show <"$work/web.conf"
command_line "hutch plan web.conf"
plan=$(cd "$work" && "$hutch" plan web.conf)
expect "the plan can be made, and nothing was touched yet" [ -n "$plan" ]
grep -E '^#|web\.conf:|^ *[0-9]+ [a-z]+ +(clone|net\.up|root\.pivot|seal|verify\.mounts|caps\.set) ' <<<"$plan" |
	cut -c1-110 | show
say "  ... these are the steps that the profile's lines ask for, and a few others. It has $(grep -vc '^#' <<<"$plan") steps in all."

# --- 2 -----------------------------------------------------------------------

scene "A web server in its box"
command_line "hutch run --name web web.conf &"
(cd "$work" && exec "$hutch" run --name web web.conf) </dev/null >"$work/web.log" 2>&1 &
web=$!
until_true page_there
show <"$work/web.log"
command_line "wget -O - http://127.0.0.1:$port/"
fetch | show
expect "the server in the sandbox answers on the host's loopback" page_there
command_line "hutch run root=ROOTFS net=none -- wget http://127.0.0.1:$port/"
nothing=$(timeout 10 "$hutch" run root="$tree" net=none -- wget -O - "http://127.0.0.1:$port/" 2>&1)
show <<<"$nothing"
expect "another sandbox, with net=none, cannot reach it" not lists "$page" "$nothing"
inside=$(timeout 10 "$hutch" run root="$tree" -- sh -c 'echo /proc/[0-9]* | wc -w; touch /etc/x || echo read-only' 2>&1)
expect "a sandbox sees its own two or three processes only, of $(printf '%s\n' /proc/[0-9]* | wc -l) here" \
	grep -qx '[1-5]' <<<"$inside"
expect "and cannot write to its root" lists read-only "$inside"

# --- 3 -----------------------------------------------------------------------

# The disc: an ISO image, or where the kernel has no iso9660 a file system in memory.
disc_insert() {
	mkdir -p "$work/disc"
	say "$song" >"$work/disc/track01.txt"
	if grep -qw iso9660 /proc/filesystems || modprobe -q iso9660 2>/dev/null; then
		if genisoimage -quiet -R -o "$work/disc.iso" "$work/disc" 2>/dev/null &&
			mount -t iso9660 -o ro,loop "$work/disc.iso" "$work/media/cdrom"; then
			disc="mount -o loop disc.iso /media/cdrom"
			return
		fi
	fi
	mount -t tmpfs disc "$work/media/cdrom"
	cp "$work/disc/track01.txt" "$work/media/cdrom/"
	disc="mount -t tmpfs disc /media/cdrom           (this kernel cannot mount an ISO image)"
}
sees() { [ "$(ask "$1" "cat /media/cdrom/track01.txt 2>/dev/null")" = "$song" ]; }
mounted() { ask "$1" "cat /proc/self/mountinfo" | grep -q ' /media/cdrom '; }
# graph: what hutch reads from all mount tables; the host's directory is called /media here
graph() {
	command_line "hutch graph"
	"$hutch" graph | awk -v at="$work/media" '
		index($2, at) != 1 { print; next }
		{ printf "    %-20s %-30s %s\n", $1, "/media" substr($2, length(at) + 1), $3 }
	' | tee "$work/graph" | show
}
in_graph() { grep -qE "^    $1 +$2 +$3\$" "$work/graph"; }

if [ "$root" ]; then
	song="Track 1"
	mkdir "$work/media"
	mount -t tmpfs media "$work/media"
	mkdir "$work/media/cdrom"

	scene "A CD-ROM, mounted once on the host"
	say "The host has a directory for media, which is called a hub. The player names it: what is" \
		"mounted there later is mounted in the player, too. The vault only has the directory:"
	hub="hub.media=$work/media"
	command_line "hutch run --name player root=ROOTFS hub.media=\"/media share\" hub=\"media /media\" -- sh &"
	talk_start player root="$tree" "$hub share" hub="media /media"
	until_true grep -q "/media .* shared:" /proc/self/mountinfo
	command_line "hutch run --name vault  root=ROOTFS bind=\"/media rec private\" -- sh &"
	talk_start vault root="$tree" bind="$work/media /media rec private"
	for name in player vault; do ask $name "cat /proc/self/mountinfo" >"$work/$name.mounts"; done

	say "" "Who exchanges mounts with whom? Nobody knows better than the kernel:"
	graph
	group=$(peers /proc/self/mountinfo "$work/media")
	expect "the player receives from the host's group; its mount table says so, too" \
		same_lines "$(in_graph player /media receives && peers "$work/player.mounts" /media)" "master:${group#shared:}"
	expect "the vault has the directory and is in no group" \
		same_lines "$(grep -c ' /media ' "$work/vault.mounts")$(grep vault "$work/graph")$(peers "$work/vault.mounts" /media)" 1
	command_line "hutch why /media/cdrom"
	"$hutch" why "$work/media/cdrom" | sed "s:$work/media:/media:g" | tee "$work/why" | show
	expect "hutch why tells in advance who will see a disc, and why the vault will not" \
		grep -q '^ *vault .* private: receives nothing$' "$work/why"

	say "" "Both are running. Now somebody puts a disc into the drive:"
	disc_insert
	command_line "$disc"
	command_line "cat /media/cdrom/track01.txt               (in each sandbox)"
	for name in player vault; do
		printf '    %-9s %s\n' $name "$(ask $name "cat /media/cdrom/track01.txt 2>&1")"
	done
	expect "the player sees the disc, which came after it" sees player
	expect "the vault does not" not sees vault
	graph
	expect "the disc is in a group of its own, on the host and in the player" \
		eval 'in_graph host /media/cdrom peer && in_graph player /media/cdrom receives'

	say "" "What the player mounts there is its own affair, even with root's help:"
	into=(nsenter --mount --target "$(sed -n 's/^pid=//p' "$work/run/hutch/player.box")")
	command_line "mount -t tmpfs sent /media/cdrom           (in the player)"
	"${into[@]}" mount -t tmpfs sent /media/cdrom
	expect "it is in the player" grep -q ' sent ' <(ask player "cat /proc/self/mountinfo")
	expect "and not on the host: a slave does not send" not grep -q ' sent ' /proc/self/mountinfo
	"${into[@]}" umount /media/cdrom

	say "" "The disc shall go out again, while both run. But somebody reads it:"
	ask player "cd /media/cdrom"
	command_line "hutch umount --hub media cdrom"
	busy=$("$hutch" umount --hub media cdrom "$hub" 2>&1)
	status=$?
	show <<<"$busy"
	expect "it is busy, and hutch says that it is the player" \
		same_lines "$status$(grep -c player <<<"$busy")" 11
	ask player "cd /"
	command_line "hutch umount --hub media cdrom             (the player has left it)"
	expect "the host can take it out" "$hutch" umount --hub media cdrom "$hub"
	for name in player vault; do expect "there is none in the $name" not mounted $name; done
	graph
	expect "and all is as it was" not grep -q cdrom "$work/graph"
fi

# --- 4 -----------------------------------------------------------------------

talk_start ipc root="$tree"
scene "IPC: a queue outside is not seen inside, nor the other way round"
command_line "ipcmk -Q                                  (outside)"
said=$(ipcmk -Q)
queue=$(made <<<"$said")
show <<<"$said"
outside=$(ipcs -q)
key=$(key_of "$queue" <<<"$outside")
command_line "ipcs -q                                   (outside)"
grep . <<<"$outside" | show
command_line "hutch run root=ROOTFS -- sh;  ipcs -q     (inside)"
inside=$(ask ipc "ipcs -q")
grep . <<<"$inside" | show
expect "the queue $key was made outside" test -n "$key"
expect "inside there is no queue at all" same_lines "$(queues <<<"$inside")" ""
command_line "ipcmk -Q; ipcs -q                         (inside)"
inner=$(ask ipc "ipcmk -Q" | made)
inside=$(ask ipc "ipcs -q")
grep . <<<"$inside" | show
key_inside=$(key_of "${inner:-none}" <<<"$inside")
expect "the queue ${key_inside:-?} was made inside" test -n "$key_inside"
expect "outside is still the old list, without it" same_lines "$outside" "$(ipcs -q)"
ipcrm -q "$queue" && unset queue

# --- 5 -----------------------------------------------------------------------

scene "Verify: the running sandboxes, compared with their profiles"
for name in web "${!talk_pid[@]}"; do
	command_line "hutch verify $name"
	verdict=$("$hutch" verify "$name" 2>&1)
	status=$?
	tail -n 4 <<<"$verdict" | show
	expect "$name is what its profile says" [ $status -eq 0 ]
done

# --- 6 -----------------------------------------------------------------------

mkdir "$work/services"
printf '%s\n' root="$tree" 'exec=sh -c "echo tick; sleep 1000"' >"$work/services/clock.conf"
printf '%s\n' root="$tree" restart-delay='5s 1m' 'exec=sh -c "echo no lease; exit 3"' >"$work/services/uplink.conf"
scene "A supervisor: what should be up is up, or its next attempt is near"
command_line "hutch supervise services &"
(cd "$work" && exec "$hutch" supervise services) </dev/null >"$work/services.log" 2>&1 &
supervisor=$!
until_true "$hutch" wait clock up 5s 2>/dev/null
old=$(pid_of clock)
command_line "kill -KILL $old                            (the clock)"
kill -KILL "$old"
expect "the clock is up again, as another process" until_true came_back clock "$old"
command_line "hutch status"
table=$("$hutch" status)
show <<<"$table"
expect "uplink waits for its next attempt, and it is told why" grep -q '^uplink *delayed .* in [0-5]s: ended with status 3' <<<"$table"
command_line "hutch logs uplink"
"$hutch" logs uplink | show
expect "what it wrote was kept" grep -qx "no lease" <("$hutch" logs uplink)
new=$(pid_of clock)
command_line "hutch shutdown"
"$hutch" shutdown
wait "$supervisor"
expect "the supervisor ends with 0" [ $? -eq 0 ]
expect "and nothing of the clock is left" not test -e "/proc/${new:-self}"
unset supervisor

# --- 7 -----------------------------------------------------------------------

scene "The end: nothing stays"
kill -TERM "$web"
wait "$web"
expect "web was told to end (TERM), and hutch exits with 128 + 15" [ $? -eq 143 ]
unset web
for name in "${!talk_pid[@]}"; do
	expect "$name: its shell saw the end of its input, and hutch exits with its status 0" talk_end "$name"
done
expect "no sandbox is registered any more" same_lines "$(ls -A "$work/run/hutch" 2>/dev/null)" ""
expect "nobody answers on port $port" not page_there

echo
if [ $wrong -gt 0 ]; then
	say "${red}$wrong of the things shown were not as promised.${plain}"
	exit 1
fi
say "Everything was as promised. Next: hutch help, hutch keys -v, and the profiles in configs/."
