# shellcheck shell=bash
# To be sourced, in a mount namespace of one's own.

# overlay_make WORK [TAR]: at WORK/root this machine's files, to be changed in memory
# only, with what TAR has; at WORK/upper the changes. Its /run and /tmp are empty.
overlay_make() {
	local dir
	mount -t tmpfs -o mode=0755 services "$1" && mkdir "$1"/{upper,work,root} || return
	if [ $# -gt 1 ]; then
		tar -C "$1/upper" --xattrs --xattrs-include='*' -xpf "$2" || return
	fi
	mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" services "$1/root" || return
	for dir in proc sys dev; do
		mount --rbind "/$dir" "$1/root/$dir" || return
	done
	mount -t tmpfs -o mode=1777 tmp "$1/root/tmp" && mount -t tmpfs -o mode=0755 run "$1/root/run"
}
