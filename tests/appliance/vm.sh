# shellcheck shell=bash disable=SC2016,SC2034,SC2054,SC2154,SC2317 # run.sh's; QEMU has commas; ok() calls
# To be sourced by run.sh, with the KERNEL: the device is a machine of QEMU. Its outer network
# is QEMU's user network, in which this side is 10.0.2.2; the inner one is a tap device.

outer="-p 5353 @127.0.0.1" ssh="-p 2222 admin@127.0.0.1" web=http://127.0.0.1:8080 boot_time=120
die() { echo "appliance: $*" >&2; exit 1; }
# shellcheck source=tests/vm/table.sh
. "$here/tests/vm/table.sh"
kernel_row "$1"
# The small kernels know no USB, but disks of a virtual machine, which come and go as well.
case $name in
*-full) medium=usb drive=sda hardware="usb-storage,bus=usb.0" ;;
*) medium=disk drive=vda hardware="virtio-blk-pci,bus=hotplug0" ;;
esac
screen=$work/console.log asked=0

device_start() {
	"$here/rootfs/initramfs.sh" "$work/extra.cpio.gz" /="$work/extra" || return
	cat "$out/boot/$name.cpio.gz" "$work/extra.cpio.gz" >"$work/initrd"
	mkfifo "$work"/{typed,monitor.in,monitor.out}
	kernel_machine "$work/initrd" "panic=-1 quiet"
	# Its battery is empty: the clock begins years ago.
	machine+=(-rtc base=2021-01-01
		-netdev "user,id=outer,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp:127.0.0.1:5353-:53"
		-device virtio-net-pci,netdev=outer,mac=52:54:00:00:00:01
		-netdev tap,id=inner,ifname=lan0,script=no,downscript=no
		-device virtio-net-pci,netdev=inner,mac=52:54:00:00:00:02
		-device pcie-root-port,id=hotplug0,chassis=1 -device qemu-xhci,id=usb
		-chardev "pipe,id=monitor,path=$work/monitor" -mon monitor -serial stdio)
	exec {typed}<>"$work/typed" {tell}<>"$work/monitor.in" {told}<>"$work/monitor.out"
	began=${EPOCHREALTIME/./}
	"${machine[@]}" <"$work/typed" >"$screen" 2>&1 &
	device=$!
	soon 20 ip link set lan0 up || return
	soon "$boot_time" grep -aq 'hutch login: ' "$screen" || return
	echo "# $name: a login at the console $(((${EPOCHREALTIME/./} - began) / 1000)) ms after QEMU began"
	printf 'root\n' >&"$typed"
	soon 30 grep -aq '~ # ' "$screen" || return
	# No editing and no echo of what is typed from here on.
	printf '%s\n' 'stty -echo; echo "=rea""dy="; while IFS= read -r line; do eval "$line"; done' >&"$typed"
	soon 30 grep -aq '=ready=' "$screen"
}
# The mark comes at the end of a line of its own, whatever the command printed.
device_do() {
	local from end=$((SECONDS + 30)) text
	asked=$((asked + 1))
	from=$(stat -c %s "$screen")
	printf '%s; echo "=%s:$?="\n' "$1" $asked >&"$typed"
	until text=$(tail -c +$((from + 1)) "$screen" | tr -d '\r\033') && [[ $text =~ =$asked:([0-9]+)= ]]; do
		[ "$SECONDS" -lt "$end" ] || { echo "$text" && return 1; }
		sleep 0.1
	done
	text=${text%%"=$asked:${BASH_REMATCH[1]}="*}
	# PID 1 says on the console what becomes of its services, whenever it does.
	printf '%s\n' "$text" | grep -vE '^hutch: [a-z]+: [a-z]+(: .*)?$' | sed '/^$/d'
	return "${BASH_REMATCH[1]}"
}
device_logs() { device_do "hutch logs -n 8 $1"; }
device_is() { device_do "hutch status $1"; }
device_verify() {
	local service
	for service in dnsmasq dropbear web chrony uplink; do
		device_do "hutch verify $service" >/dev/null 2>&1 || echo "$service"
	done
}
right_clock() {
	local there
	there=$(device_do "date +%s" | tail -n 1) && [ $((there - $(date +%s))) -ge -2 ] && [ $((there - $(date +%s))) -le 2 ]
}
device_clock() {
	ok "chrony: sets the clock by the server outside" soon 60 right_clock
}

device_plug() {
	plugged=$((${plugged:-0} + 1))
	printf '%s\n' "drive_add 0 if=none,id=drive$plugged,format=raw,readonly=on,file=fat:$work/$1" \
		"device_add $hardware,id=stick,drive=drive$plugged" >&"$tell"
}
device_pull() { echo "device_del stick" >&"$tell"; }
device_let_go() { device_do "! grep -qs /dev/$drive /proc/*/mountinfo && test ! -e /sys/block/$drive"; }

device_stop() {
	printf 'poweroff\n' >&"$typed"
	ended() { ! kill -0 "$device" 2>/dev/null; }
	ok "the device powers off" soon 60 ended
	# The kernel's own words may come into the middle of one line, but not of all.
	ok "the console was told of what came up, but not of each page" \
		eval 'grep -aq "hutch: [a-z]*: up" "$screen" && ! grep -aq "hutch: status: done" "$screen"'
	ok "by itself, without a panic" not grep -aq "Kernel panic" "$screen"
	ended || kill "$device"
	exec {typed}>&- {tell}>&- {told}>&-
}
