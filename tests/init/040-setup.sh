#!/bin/bash
# What init.conf asks of the machine.
# shellcheck disable=SC2016,SC2119
# shellcheck source=SCRIPTDIR/lib.sh
. "${0%/*}/lib.sh"

P=/bin/probe
service one net=host "exec=$P stamp one forever 0"
up_one() {
	boot
	stamped_by one 1 10
	await one up
}

claim "host name, loopback, sysctl and mounts, before the first service"
machine_conf boot.hostname=thing \
	"boot.sysctl=net.ipv4.ip_forward=1 \"net.ipv4.ip_local_port_range=2048 65000\"" \
	boot.sysctl=net/ipv4/conf/lo/rp_filter=1 \
	"boot.mount=tmpfs store /a/b/c size=64k rw noexec create shared" \
	"boot.mount=bind /bin /more"
up_one
inside cat /proc/sys/kernel/hostname
same "host name" "$text" thing
inside cat /proc/sys/net/ipv4/ip_forward
same "ip_forward" "$text" 1
inside cat /proc/sys/net/ipv4/conf/lo/rp_filter
same "rp_filter" "$text" 1
inside cat /proc/sys/net/ipv4/ip_local_port_range
like "ports" "$text" "2048*65000"
inside cat /proc/net/fib_trie
like "127.0.0.1 is there" "$text" "*127.0.0.1*"
inside cat /proc/self/mountinfo
like "a mount of its own" "$text" "* /a/b/c rw,nosuid,nodev,noexec*shared:*"
like "a bound directory" "$text" "*/bin /more ro,nosuid,nodev*"
ask events
unlike "nothing was wrong" "$text" "*boot.*"
off
rm -rf "$M/a"

claim "a hub of init.conf: what is mounted on the machine is in a sandbox that names it, and in one that is started again"
machine_conf "boot.mount=tmpfs hub /run/media size=64k rw create shared" hub.media=/run/media "hub.share=/mnt share"
service box "root=/" "hub=media /media rw" "hub=share /more rw" "exec=$P stamp box forever 0"
boot
stamped_by box 1 10
for at in /run/media/stick /mnt/stick; do
	inside mkdir "$at"
	inside mount -t tmpfs stick "$at"
	same "$at" "$text" ""
done
inside_has() {	# PATH
	inside cat "/proc/$(get box pid)/mountinfo"
	like "$1" "$text" "* $1 rw,* master:* tmpfs stick *"
}
inside_has /media/stick
inside_has /more/stick
tell restart box
stamped_by box 2 10
await box up
inside_has /media/stick
inside_has /more/stick
ask umount --hub media stick
same "umount" "$status $text" "0 "
inside cat "/proc/$(get box pid)/mountinfo"
unlike "gone" "$text" "* /media/stick *"
off
rm "$D/box.conf"

claim "boot.lo=no leaves loopback alone"
machine_conf boot.lo=no
up_one
inside cat /proc/net/fib_trie
unlike "127.0.0.1" "$text" "*127.0.0.1*"
off

claim "what fails is told with its key, and all the rest is done"
machine_conf boot.sysctl=net.ipv4.no_such_thing=1 boot.sysctl=net.ipv4.ip_forward=1 \
	"boot.mount=nosuchfs x /mnt" "boot.mount=nosuchfs x /mnt optional" "boot.mount=tmpfs x /nowhere/at/all rw" \
	boot.module=no_such_module boot.hostname=left
up_one
inside cat /proc/sys/net/ipv4/ip_forward
same "ip_forward" "$text" 1
inside hostname
same "host name" "$text" left
ask events
like "sysctl" "$text" "*boot.sysctl: net.ipv4.no_such_thing=1: No such file or directory*"
like "mount" "$text" "*boot.mount: *nosuchfs*"
like "place" "$text" "*boot.mount: /nowhere/at/all: No such file*"
like "module" "$text" "*boot.module: *no_such_module*"
same "told once each" "$(grep -c 'text="boot\.' <<<"$text")" 4
on_console "boot.sysctl: net.ipv4.no_such_thing"
off

claim "a set-up that hangs is given up and told with what it did; the services start"
mkfifo "$M/never"
machine_conf boot.setup-timeout=300ms "boot.mount=ext4 /dev/never /mnt" boot.hostname=late
up_one
ask events
like "told" "$text" "*given up, it hangs: boot.mount=/mnt*"
within "time until the service ran" "$(between_start one)" 250 5000
off
rm "$M/never"

claim "an init.conf that is wrong is told with its line, and the defaults hold"
printf '%s\n' boot.hostname=x bot.lo=no >"$D/init.conf"
up_one
ask events
like "told" "$text" "*init.conf:2:1: unknown key bot.lo, did you mean boot.lo*"
inside hostname
same "host name" "$text" none
ask reload
same "a reload refuses it" "$status" 1
machine_conf boot.hostname=y
ask reload
same "the mended one is taken" "$status" 0
off

claim "for a supervisor that is not PID 1 init.conf is no service, and sets nothing up"
cp -a "$D" "$T/elsewhere"
hostname before
printf '%s\n' root=/ ns.pid=host exec="$T/probe forever 0" >"$T/elsewhere/one.conf"
D=$T/elsewhere H=$outside asker=() up
H=$outside asker=()
await one up
ask status
same "services" "$(grep -c . <<<"$text")" 2
same "host name" "$(hostname)" before
down
