#!/bin/bash
# Installs the Debian packages that are missing, after saying which.
#
#   tests/deps.sh         everything that building, testing, linting and benching need
#   tests/deps.sh demo    only what `make demo` needs
#   tests/deps.sh bench   only what `make bench` needs
#   tests/deps.sh boot    only what `make boot` needs
#
# The names are in the lists below. Without root it prints the one line to type
# and exits with 1. A package that this release does not have is named and left
# out: the tests that want it skip themselves.
set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

cd "$(dirname "$0")/.." || exit 1
case ${1:-all} in
all) lists=(rootfs/deps tests/cross/deps tests/bench/deps tests/vm/deps tests/appliance/deps tests/deps) ;;
demo) lists=(rootfs/deps tests/deps.demo) ;;
bench) lists=(rootfs/deps tests/bench/deps) ;;
boot) lists=(rootfs/deps tests/vm/deps) ;;
*)
	echo "usage: tests/deps.sh [all|demo|bench|boot]" >&2
	exit 2
	;;
esac

say() { echo "deps: $*"; }
die() {
	echo "deps: $*" >&2
	exit 1
}

mapfile -t wanted < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "${lists[@]}" | sort -u)
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	die "this is not Debian; see to it that these are there: ${wanted[*]}"
fi

# The wanted packages that are not installed. "i" is the state, whatever was wished.
missing() {
	{
		# shellcheck disable=SC2016 # dpkg's own variables
		dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null |
			sed -n 's/^.i *//p' | sort -u
		printf '%s\n' "${wanted[@]}"
	} | sort | uniq -u
}

mapfile -t need < <(missing)
[ ${#need[@]} -gt 0 ] || exit 0

apt=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
if [ "$(id -u)" != 0 ]; then
	echo "deps: missing: ${need[*]}" >&2
	echo "deps: type this, then try again:" >&2
	echo "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends ${need[*]}'" >&2
	exit 1
fi

# Does apt know this package here?
known() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

# Package lists may be missing (a fresh container) or older than the mirror.
updated=
update() {
	[ -z "$updated" ] || return 0
	updated=yes
	say "apt-get update"
	"${apt[@]}" update || say "apt-get update failed; trying with the lists that are there"
}

choose() {
	local package
	have=() lack=()
	for package in "${need[@]}"; do
		if known "$package"; then have+=("$package"); else lack+=("$package"); fi
	done
}

choose
if [ ${#lack[@]} -gt 0 ]; then
	update
	choose
fi
[ ${#lack[@]} -eq 0 ] || say "not in this release, left out: ${lack[*]}"
[ ${#have[@]} -gt 0 ] || exit 0

# apt's own chatter matters only when something went wrong.
install() {
	local log
	log=$("${apt[@]}" install -y --no-install-recommends "${have[@]}" </dev/null 2>&1) && return
	echo "$log" | tail -n 20 >&2
	return 1
}

say "installing: ${have[*]}"
if ! install; then
	update
	install || die "apt-get could not install: ${have[*]}"
fi
say "done"
