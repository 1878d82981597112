#!/bin/bash
# A device boots from its initramfs to its services and its console, and goes down when told.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

claim "the machine boots to all three services, one of them a shell on the console"
boot
shell
booted=$((${EPOCHREALTIME/./} - began))
up web console
run hutch status
like "status" "$text" "*console *up *health *done *web *up *"
says hutch hostname

claim "what early boot has to mount is there, once each"
run "cat /proc/1/mountinfo"
mounts=$(sed -E 's/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+) .* - ([^ ]+) .*/\1 \2/' <<<"$text")
for mount in "/ rootfs" "/proc proc" "/sys sysfs" "/dev devtmpfs" "/dev/pts devpts" "/run tmpfs"; do
	same "mounts that are $mount" "$(grep -cx "$mount" <<<"$mounts")" 1
done

claim "plan, graph and check work on the device, and say what is done about its initramfs"
run "hutch plan --service /etc/hutch/web.conf"
same "status" "$status" 0
like "plan" "$text" "*web.conf*steps*mount.point*/bin*exec*"
if [[ $KERNEL == 7* ]]; then like "root" "$text" "*an empty namespace*"; else like "root" "$text" "*chroot over the initramfs*seal*"; fi
run "hutch graph --states"
like "graph" "$status $text" "0 digraph*"
run "hutch check --service /etc/hutch/web.conf"
same "check" "$status $text" "0 "

claim "what this kernel can is found out on this machine, whatever the numbers of its calls"
run "hutch facts"
for fact in new_mount_api=1 openat2=1 ns_user=1; do like "facts" "$text" "*$fact*"; done
if [[ $KERNEL == 5.* ]]; then like "facts" "$text" "*mount_setattr=0*"; else like "facts" "$text" "*mount_setattr=1*"; fi
if [[ $KERNEL == 7* ]]; then like "facts" "$text" "*pivot_root=1*"; else like "facts" "$text" "*pivot_root=0*"; fi

claim "the sandboxes are as stated, mounts and propagation, read back from this kernel"
run "hutch verify web"
like "verify" "$status $text" "0 web: as stated*"

claim "what a service shows is to be had on the loopback interface"
run "wget -O - http://127.0.0.1/index.html"
like "page" "$text" "*This device is up.*"

claim "no descriptor of PID 1 is open to what it starts"
run "cd /proc/1/fdinfo; grep flags *; cd"
count=0
while read -r fd flags; do
	count=$((count + 1))
	((8#$flags & 8#2000000)) || note "descriptor $fd is not closed at exec: $flags"
done < <(sed -nE 's/^([0-9]+):flags:[[:space:]]*([0-7]+)$/\1 \2/p' <<<"$text")
[ $count -gt 4 ] || note "only $count descriptors were seen: $text"

claim "a clock that jumps is nobody's end: no service starts again for it"
run "date -u @4000000000 && date -u @100000000 && hutch status"
like "status" "$status $text" "0 *console *up * 0 *web *up * 0 *"

claim "hutch is small: the memory of PID 1 and what it has mapped of its file is at most 200 KiB, on MIPS 240"
# A program for MIPS is half as large again. The sums of /proc/1/status are only about right on newer kernels.
run "cat /proc/1/smaps_rollup"
most=200
[[ $arch != mips* ]] || most=240
rss=$(awk '/^Rss/ { all = $2 } /^Anonymous/ { own = $2 } END { print all, "KiB, of which", own, "are its own" }' <<<"$text")
[[ ${rss%% *} -gt 0 && ${rss%% *} -le $most ]] || note "PID 1 has $rss"
run "cut -d ' ' -f 1 /proc/uptime"
echo "# $KERNEL: a shell ${booted%???} ms after QEMU began; PID 1 has $rss"

claim "poweroff of toybox takes the machine down"
off
