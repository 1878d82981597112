#!/bin/bash
# A payload with every capability does not get to the initramfs, on any kernel.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

# What stands for a small root; the mark of the initramfs is a file in its root.
root='root=tmpfs bind="/bin create"'
modules overlay loop
write /etc/hutch/init.conf <<'C'
boot.hostname=hutch
boot.module=overlay
C
service escape type=oneshot root=tmpfs 'bind=/bin create' caps=all no-new-privs=no 'exec=/bin/probe escape'

claim "the attempts are real ones: without a seal they arrive, where pivot_root cannot leave the initramfs"
boot
shell
run "/bin/probe stat /.hutch-initramfs"
like "the mark" "$text" "*file *"
run "hutch run $root caps=all root-seal=no no-new-privs=no -- /bin/probe escape"
[[ $KERNEL == 7* ]] || like "escape" "$text" "*initramfs*out"

claim "setns, chroot, umount -l, pivot_root, user namespaces: a service with caps=all stays inside"
run "hutch logs escape"
same "escape" "$text" inside

claim "the same for a sandbox of hutch run, and whatever its root is"
says inside "hutch run $root caps=all no-new-privs=no -- /bin/probe escape"
says inside "hutch run $root caps=all no-new-privs=no init=no -- /bin/probe escape"

claim "no descriptor of the initramfs is inherited"
run "hutch run $root caps=all -- /bin/probe fds"
same "descriptors" "$(cut -d ' ' -f 1 <<<"$text" | tr '\n' ' ')" "0 1 2 "

claim "no mount of the initramfs, nor one that boot made on it, is left in a sandbox"
run "hutch run $root caps=all -- /bin/probe cat /proc/self/mountinfo"
same "from the initramfs" "$(grep ' - rootfs ' <<<"$text" | cut -d ' ' -f 4,5)" "/bin /bin"
unlike "mounts" "$text" "* / /run *"

claim "the words for propagation hold on this kernel's initramfs"
run 'mkdir -p /run/s && mount -t tmpfs s /run/s && mount -t tmpfs -o shared s /run/s && grep -c "/run/s .* shared:" /proc/self/mountinfo'
same "the source" "$text" 1
for word in private slave shared unbindable slave+shared; do
	run "hutch run $root bind='/run/s /data create $word' -- /bin/probe mount /data"
	case $KERNEL:$word in
	# Before Linux 5.12 it is refused, for the lock would make a slave of it.
	5.*:shared) like "shared" "$text" "*newer" ;;
	*) same "$word" "${text##* }" "$word" ;;
	esac
done
off
