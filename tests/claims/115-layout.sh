#!/bin/bash
# What hutch check knows of mounts, it knows from a model: the model's sandbox is the kernel's, mount by mount.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source=propagation.sh
. "$HERE/propagation.sh"

# The host's groups as they are here; what is shared on it stays within this claim.
tree "$R"
mount --bind "$R" "$R"
layout=("$OUT/layout")
[ "${CLAIM_KERNEL:-}" != old ] || layout=("$T/probe" enosys "$OUT/layout")

# agrees KEY...: a sandbox is built, and has the mounts that the model gives it.
agrees() {
	case "${CLAIM_KERNEL:-} $*" in old*[\ =]shared*) return ;; esac
	cat /proc/self/mountinfo >"$T/host"
	start a "$@" || return
	cat "/proc/${init_pid[a]}/mountinfo" >"$T/box"
	with_root "$@"
	same "model of $*" "$("${layout[@]}" "$T/host" "$T/box" "${args[@]}" exec=/bin/probe)" ""
	stop a
}

for source in private shared slave slave+shared; do
	claim "a bind of a $source mount: the model's mounts are the kernel's"
	make_source "$source"
	mkdir "$T/src/below"
	mount -t tmpfs below "$T/src/below"
	for word in private slave shared unbindable slave+shared; do
		agrees bind="$T/src /data $word"
		agrees bind="$T/src /data rec $word"
	done
	agrees bind="$T/src/m /data slave" bind="$T/src /more shared" tmpfs=/more/in
	umount "$T/src/below"
	drop_source
done

for source in private shared slave slave+shared; do
	claim "a root that is a $source mount: the model's mounts are the kernel's"
	make_source "$source" tree
	for word in private slave shared slave+shared unbindable; do
		agrees root="$T/src norec" propagation="$word"
		agrees root="$T/src norec" propagation="$word" root-seal=yes bind="$T/src/m /data slave"
	done
	agrees root="$T/src rec" propagation="slave rec" bind="$T/src/m /data" tmpfs=/tmp
	agrees root="$T/src norec" propagation="slave rec" root-mode=overlay bind="$T/src /data rec slave"
	drop_source
done

claim "all kinds of mounts over each other: the model's mounts are the kernel's"
make_source slave+shared
agrees root-mode=rw tmpfs="/data shared" bind="$T/src /data/a create shared" bind="$T/src /more slave" \
	tmpfs="/more/in slave+shared"
agrees root-mode=overlay overlay="$T/src /data" mount="tmpfs x /more" device=/dev/kmsg
agrees dev=host mask=none bind="$T/src /data" bind="$T/src /data shared"
agrees caps=sys_admin bind="$T/src /data shared" bind="$T/src /more slave+shared rec" tmpfs="/home shared"
agrees ns.user=new bind="$T/src /data slave" bind="$T/src /more slave+shared rec" tmpfs="/home shared"
P=$T/probe agrees root="/ rec" tmpfs=/tmp bind="$T/src /mnt slave"
drop_source
