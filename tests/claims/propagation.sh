# A source of each kind of propagation.
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
