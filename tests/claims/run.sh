#!/bin/bash
# Runs the claims two at a time and prints what they print, in their order.
#
#   tests/claims/run.sh OUT HUTCH [CLAIM...]     OUT holds the built probe
set -u

here=$(dirname "$0") out=$1 hutch=$2
shift 2
[ $# -gt 0 ] || set -- "$here"/[0-9]*.sh
mkdir -p "$out/tap"

# shellcheck disable=SC2317 # called by xargs
one() {
	local name=${1##*/} status
	name=${name%.sh}
	bash "$1" >"$OUT/tap/$name" 2>"$OUT/tap/$name.err" </dev/null
	status=$?
	# A claim says what is wrong by itself: anything else is a fault of its script.
	[ ! -s "$OUT/tap/$name.err" ] || {
		echo "not ok - ${name%%-*}: $name wrote errors"
		sed 's/^/# /' "$OUT/tap/$name.err"
	} >>"$OUT/tap/$name"
	grep -q '^\(not \)\?ok ' "$OUT/tap/$name" || echo "not ok - ${name%%-*}: $name printed no result" >>"$OUT/tap/$name"
	[ "$status" -eq 0 ] || echo "not ok - ${name%%-*}: $name ended with status $status" >>"$OUT/tap/$name"
}
export -f one
OUT=$out HUTCH=$hutch
export OUT HUTCH

# shellcheck disable=SC2016
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 bash -c 'one "$0"'

failed=0
for script; do
	name=${script##*/}
	cat "$out/tap/${name%.sh}"
	! grep -q '^not ok ' "$out/tap/${name%.sh}" || failed=1
done
exit "$failed"
