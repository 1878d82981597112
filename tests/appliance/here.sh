# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # run.sh's; ok() calls
# To be sourced by run.sh: the device is a root, processes and a network of their own on
# this machine. Its kernel is this one, so the clock is not the device's to set.

outer="@10.0.2.15" ssh=admin@10.0.2.15 web=http://10.0.2.15 boot_time=15 drive=sda medium=usb
root=$work/root screen=$work/device

# Outside is a provider who has one address to give.
provider() {
	cat >"$work/udhcpd.conf" <<-END
		start 10.0.2.15
		end 10.0.2.15
		interface wan0
		lease_file $work/udhcpd.leases
		pidfile $work/udhcpd.pid
		option subnet 255.255.255.0
		option router 10.0.2.2
		option dns 10.0.2.3
	END
	: >"$work/udhcpd.leases"
	"$busybox" udhcpd -f "$work/udhcpd.conf" >"$work/udhcpd" 2>&1 &
}

device_start() {
	mkdir "$root" && cp -a "$out/rootfs/tree/." "$add/." "$work/extra/." "$root/" && mount --bind "$root" "$root" || return
	install -m 755 "$hutch" "$root/bin/hutch"
	ln -s bin/hutch "$root/init"
	# The clock of this machine is not ours to set, nor are its modules ours to load.
	sed -i 's/^caps=sys_time /caps=/; s/chronyd -d/chronyd -x -d/' "$root/etc/hutch/chrony.conf"
	sed -i '/^boot.module=/d' "$root/etc/hutch/init.conf"
	# As on the host where such a machine is built.
	"$hutch" check --facts "$here/tests/golden/facts/initramfs-6.1.facts" --root "$root" || return
	mount -t tmpfs -o mode=0755,dev dev "$root/dev" || return
	cp -a /dev/{null,zero,full,random,urandom,tty} "$root/dev/"
	mknod -m 600 "$root/dev/console" c 1 3
	# shellcheck disable=SC2016 # the inner shell expands
	unshare --mount --pid --net --uts --ipc --fork --kill-child --propagation slave sh -c '
		cd "$1" && pivot_root . mnt && umount -l mnt && exec /init' sh "$root" >"$work/device" 2>&1 &
	device=$!
	soon 10 pgrep -P "$device" >/dev/null || return
	inside=$(pgrep -P "$device")
	ip link add lan0 type veth peer name eth1 netns "$inside" && ip link add wan0 type veth peer name eth0 netns "$inside" &&
		ip link set lan0 up && ip addr add 10.0.2.2/24 dev wan0 && ip link set wan0 up || return
	provider
	soon 20 device_do "hutch status >/dev/null || test \$? = 1"
}
device_do() { timeout 20 nsenter -t "$inside" -m -p -n -u -i /bin/ash -c "$1"; }
device_logs() { device_do "hutch logs -n 8 $1"; }
device_is() { device_do "hutch status $1"; }
device_verify() {
	local name
	for name in dnsmasq dropbear web chrony uplink; do
		device_do "hutch verify $name" >/dev/null 2>&1 || echo "$name"
	done
}
device_clock() {
	chose() { device_logs chrony | grep -q "Selected source 10.0.2.2"; }
	ok "chrony: asks the server outside" soon 30 chose
	skip "chrony: sets the clock" "it is this machine's"
}

# A stick is a file system in a file, and its node.
device_plug() {
	mke2fs -q -t ext4 -d "$work/$1" "$work/$1.img" 4m || return
	loop=$(losetup --find --show --read-only "$work/$1.img") || return
	cp -a "$loop" "$root/dev/sda"
}
device_pull() { rm "$root/dev/sda"; }
device_let_go() { ! grep -qs " $loop " /proc/*/mountinfo && losetup -d "$loop" && not losetup "$loop"; }

device_stop() {
	ok "the device is told to power off" device_do "poweroff"
	wait "$device"
	ok "and does" is $? 130 # INT: what a kernel makes of it in a PID namespace
}
