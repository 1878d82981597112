# A source of each kind of propagation, and what a sandbox's mount over it must do.
# The oracle is mount_namespaces(7), written down as a table of its own.
# shellcheck shell=bash disable=SC2154 # what lib.sh sets

# src is the source; above it, where it is a slave, stands its master.
make_source() {
	mkdir -p "$T/src" "$T/master"
	mount -t tmpfs source "$T/master"
	mkdir "$T/master/m" "$T/master/in"
	[ "${2:-}" = tree ] && tree "$T/master"
	mount --make-private "$T/master"
	case $1 in slave*) mount --make-shared "$T/master" ;; esac
	mount --bind "$T/master" "$T/src"
	case $1 in
	private) mount --make-private "$T/src" ;;
	shared) mount --make-shared "$T/src" ;;
	slave) mount --make-slave "$T/src" ;;
	slave+shared) mount --make-slave "$T/src" && mount --make-shared "$T/src" ;;
	esac
}

drop_source() {
	umount -l "$T/src" "$T/master"
}

# becomes SOURCE WORD: what mountinfo shows inside.
becomes() {
	case $2:$1 in
	private:* | unbindable:*) echo "$2" ;;
	slave:private) echo private ;;
	slave:*) echo slave ;;
	shared:private | shared:shared) echo shared ;;
	slave+shared:private) echo shared ;;
	*) echo slave+shared ;;
	esac
}

# Does a mount made at the source, or at the source's master, arrive inside?
receives() {
	case $3:$2:$1 in
	source:slave:*shared | source:shared:*shared | source:slave+shared:*shared) echo yes ;;
	master:slave:slave* | master:shared:slave* | master:slave+shared:slave*) echo yes ;;
	*) echo no ;;
	esac
}

# Does a mount made inside arrive at the source?
sends() {
	case $2:$1 in
	shared:shared | shared:slave+shared) echo yes ;;
	*) echo no ;;
	esac
}

mounted_inside() {
	if "$T/probe" mounts "/proc/${init_pid[a]}/mountinfo" "$1" | grep -q '^tmpfs'; then echo yes; else echo no; fi
}

mounted_outside() {
	if grep -q " $1 " /proc/self/mountinfo; then echo yes; else echo no; fi
}

# exchange SOURCE WORD POINT KEY...: with events on every side, mount and umount.
exchange() {
	local source=$1 word=$2 point=$3 side from
	shift 3
	if [ "$word" = shared ] && [ "${CLAIM_KERNEL:-}" = old ]; then
		refused "5.12" "$@" -- "${ran[@]}"
		return
	fi
	host_mounts >"$T/before"
	start a "$@" || return
	same "host after the build" "$(host_mounts | diff "$T/before" -)" ""
	same "propagation inside" "$(propagation a "$point")" "$(becomes "$source" "$word")"
	ask a mount "$point"
	same "propagation as the payload reads it" "${text##* }" "$(becomes "$source" "$word")"
	for side in source master; do
		[ "$side" = master ] && [ "${source#slave}" = "$source" ] && continue
		if [ "$side" = master ]; then from=$T/master/m; else from=$T/src/m; fi
		mount -t tmpfs event "$from"
		same "a mount at the $side arrives inside" "$(mounted_inside "${point%/}/m")" "$(receives "$source" "$word" "$side")"
		umount "$from"
		same "it is gone inside after its umount at the $side" "$(mounted_inside "${point%/}/m")" no
	done
	same "mount inside" "$(enter a tmpfs "${point%/}/in")" ok
	same "a mount made inside is inside" "$(mounted_inside "${point%/}/in")" yes
	same "a mount made inside arrives at the source" "$(mounted_outside "$T/src/in")" "$(sends "$source" "$word")"
	same "a mount made inside arrives at the master" "$(mounted_outside "$T/master/in")" no
	same "umount inside" "$(enter a umount "${point%/}/in")" ok
	same "it is gone at the source after its umount inside" "$(mounted_outside "$T/src/in")" no
	stop a
	same status "$status" 0
}
