#!/bin/bash
# The kernel's initial rootfs as the host's root: pivot_root cannot leave it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

cp "$OUT/inrootfs" "$T/inrootfs"
launcher=("$T/inrootfs")
if ! timeout 20 "$T/inrootfs" true 2>"$T/why"; then
	claim "a sandbox on the initramfs"
	skip "cannot stand on the initial rootfs here: $(cat "$T/why")"
	exit 0
fi
has_pivot=$(timeout 20 "$T/inrootfs" "$H" facts | sed -n 's/^pivot_root=//p')

claim "the test stands on the real initramfs, and leaves nothing in it"
timeout 20 "$T/inrootfs" ls -A / | grep -v hutch-initramfs >"$T/names"
text=$(timeout 20 "$T/inrootfs" cat /proc/self/mountinfo)
like "root" "${text%%$'\n'*}" "* / / * - rootfs rootfs *"
timeout 20 "$T/inrootfs" ls -A / | grep -v hutch-initramfs | diff "$T/names" - >"$T/diff"
same "names" "$(cat "$T/diff")" ""

claim "facts say so, and plan says what is done about it: chroot over it, and a seal"
if [ "$has_pivot" = 1 ]; then
	skip "this kernel can pivot out of its initial rootfs"
else
	same "facts" "$has_pivot" 0
	text=$(timeout 20 "$T/inrootfs" "$H" plan root="$R" -- "$P")
	like "plan" "$text" "*initramfs*sealed*root.switch*seal*"
	unlike "plan" "$text" "*root.pivot*"
fi

claim "a sandbox runs there, with the same mounts as anywhere"
box -- "$P" mounts
on_initramfs=$(awk '{ print $1, $2, $3 }' <<<"$text" | sort)
same "status" "$status" 0
launcher=()
box -- "$P" mounts
same "mounts" "$on_initramfs" "$(awk '{ print $1, $2, $3 }' <<<"$text" | sort)"
launcher=("$T/inrootfs")

claim "nothing of the initramfs is in sight: no mount, no file, no directory above"
box -- "$P" stat /.hutch-initramfs , stat /../.hutch-initramfs , stat /proc/self/root/.hutch-initramfs , cat /proc/self/mountinfo
like "files" "$text" $'ENOENT\nENOENT\nENOENT\n*'
unlike "mounts" "$text" "*rootfs rootfs*"

claim "without a seal a payload with every right gets out: the attempts are real ones"
box caps=all root-seal=no no-new-privs=no -- "$P" escape
like "escape" "$text" "*out"

claim "what else is mounted on the initramfs is not hidden below the sandbox, to be copied at every clone"
box caps=all root-seal=no -- "$P" below
if [ "$has_pivot" = 1 ]; then
	unlike "below" "$text" "*mount /proc*"
else
	same "mounts below" "$(grep ^mount <<<"$text")" "mount /"
	like "the bottom is the initramfs" "$text" "*file .hutch-initramfs*"
fi

claim "with caps=all it does not get out, not by umount, setns, chroot, pivot_root or a user namespace"
start a caps=all no-new-privs=no && {
	ask a escape
	same "escape" "$text" inside
	answers EINVAL a umount /
	answers EINVAL a umount /proc/sys
	answers EPERM a rw /
	same "no rootfs from outside" "$(grep -c 'rootfs rootfs' "/proc/${init_pid[a]}/mountinfo")" 0
	stop a
}

claim "the same with every kind of root"
(cd "$R" && find . | cpio -o -H newc --quiet) >"$T/root.cpio"
for root in "tmpfs" "cpio $T/root.cpio" "$R" "overlay"; do
	case $root in
	tmpfs) box root=tmpfs bind="$R/bin /bin create" caps=all -- "$P" escape ;;
	overlay) box root-mode=overlay caps=all -- "$P" escape ;;
	*) box root="$root" caps=all -- "$P" escape ;;
	esac
	same "$root" "$text" inside
done

claim "writes of the payload to core_pattern and the like stay refused"
box caps=all -- "$P" open-w /proc/sys/kernel/core_pattern , open-w /proc/sysrq-trigger
unlike "answers" "$text" "*ok*"

claim "propagation words hold there too"
[ "${CLAIM_KERNEL:-}" != old ] || shared=newer	# the end of the refusal
# shellcheck disable=SC2016
text=$(timeout 30 "$T/inrootfs" bash -c '
	mkdir -p "$1/s/m" && mount --bind "$1/s" "$1/s" && mount --make-shared "$1/s"
	for word in private slave shared unbindable slave+shared; do
		timeout 10 "$2" run root="$3" bind="$1/s /data $word" -- /bin/probe mount /data
	done' x "$T" "$H" "$R" 2>&1)
same "words" "$(awk '{ print $NF }' <<<"$text" | tr '\n' ' ')" "private slave ${shared:-shared} unbindable slave+shared "

claim "rootless sandboxes, and tmpfs, file and overlay lines, run there"
box file='/etc/passwd hello' tmpfs=/data overlay="$R /more" -- "$P" cat /etc/passwd , mount /data , stat /more/bin
same "inside" "$text" $'hello\ntmpfs rw,nosuid,nodev private\ndir 0755 0:0'
text=$(timeout 20 "$T/inrootfs" setpriv --reuid 65534 --regid 65534 --clear-groups "$H" run root="$R" -- "$P" ids 2>&1)
same "rootless" "$text" "uid=65534,65534,65534 gid=65534,65534,65534 groups="

claim "a failure there leaves nothing either"
refused "" bind="$T/none /data" -- "${ran[@]}"
refused "" bind="$T /never" -- "${ran[@]}"
timeout 20 "$T/inrootfs" ls -A / | grep -v hutch-initramfs | diff "$T/names" - >"$T/diff"
same "names" "$(cat "$T/diff")" ""
