#!/bin/bash
# Nothing holds up the end of the machine: it comes within its deadline, and a second.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

deadline=4
truncate -s 16M "$T/image"
mke2fs -q -t ext4 "$T/image" >"$T/image.log" 2>&1
modules ext4 crc32c_generic virtio_pci virtio_blk
write /etc/hutch/init.conf <<C
boot.hostname=hutch
boot.module=virtio_pci
boot.module=virtio_blk
boot.module=ext4
boot.shutdown-timeout=${deadline}s
C

# ends COMMAND ERE: how long it took by the machine's own clock, from the command to this last word of the kernel, in $ms
ends() {
	local since
	type "echo \"=\"\$(cut -d ' ' -f 1 /proc/uptime)=; $1"
	see '=([0-9]+)\.([0-9]+)=' || return
	since=${BASH_REMATCH[1]}${BASH_REMATCH[2]}0
	see "\[ *([0-9]+)\.([0-9]{3})[0-9]*\] $2" || return
	ms=$((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]} - 10#$since))
	left
}

in_time() {	# MOST: in ms; the kernel's log has a clock of its own, which may be some ms behind
	echo "# $KERNEL: $claim_text: $ms ms"
	((ms >= -100 && ms <= $1)) || note "took $ms ms, not at most $1"
}

claim "without anything in its way the end comes at once"
boot
shell
up web
ms=999999
ends poweroff "reboot: Power down"
in_time $((deadline * 1000 / 2))

claim "a service that ignores SIGTERM, and a stranger of a session of its own, are killed"
service deaf root=tmpfs 'bind=/bin create' "exec=/bin/probe trap 0 15"
boot
shell
up deaf
run "(setsid /bin/probe trap 0 15 </dev/null >/dev/null 2>&1 &)"
ms=999999
ends reboot "reboot: Restarting system"
in_time $((deadline * 1000 + 1000))
forget deaf

claim "processes that cannot be killed, of a service and of nobody, on a file system that is frozen"
disk "$T/image" data
service stuck start=manual root=tmpfs 'bind=/bin create' 'bind=/mnt rw' 'exec=touch /mnt/x'
boot
shell
soon "test -e $disk"
run "mount -t ext4 $disk /mnt && fsfreeze -f /mnt && hutch start stuck"
same "frozen" "$status" 0
run "(touch /mnt/y &)"
soon "test \$(cat /proc/[0-9]*/stat | grep -c ' (touch) D ') = 2"
ms=999999
ends poweroff "reboot: Power down"
in_time $((deadline * 1000 + 1000))

claim "a disk that hangs: neither sync nor an unmount comes back"
extra=(-drive "if=none,id=slow,format=raw,file=$T/image,cache=unsafe,throttling.iops-total=100000" -device "virtio-blk-pci,drive=slow")
boot
shell
soon "test -e /dev/vda"
run "mount -t ext4 /dev/vda /mnt && cp /bin/toybox /mnt/ && sync && cp /bin/toybox /mnt/more"
same "mounted" "$status" 0
monitor block_set_io_throttle slow 1 0 0 0 0 0
run "(sync &)"
soon "cat /proc/[0-9]*/stat | grep ' (sync) D '"
ms=999999
# toybox's own would sync first.
ends 'kill -USR2 1' "reboot: Power down"
in_time $((deadline * 1000 + 1000))
