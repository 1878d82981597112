#!/bin/bash
# Where the instructions go that hutch executes in user space, by function: for whom the gate has turned red.
#
#   tests/gate/profile.sh OUT HUTCH [run|restart] [NUMBER]     NUMBER functions, 30 without it
#
# OUT/.. is where `make gate-tools` built; HUTCH.debug has the names. On this machine's kernel, in a root of its own. Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -ge 2 ] || die "usage: profile.sh OUT HUTCH [run|restart] [NUMBER]"
out=$(realpath "$1") bench_out=$(realpath "$1/../bench") hutch=$(realpath "$2") what=${3:-run}
[ "${GATE_INSIDE:-}" ] || GATE_INSIDE=1 exec unshare --mount --propagation private bash "$0" "$@"
root=$out/root
mkdir -p "$root"
mount -t tmpfs tmpfs "$root"
mkdir -p "$root"/{svc,proc,run,tmp,box/{bin,stamp,proc,tmp,dev/mqueue}}
cp "$hutch" "$root/"
cp "$bench_out/noop" "$root/box/bin/"
cp "$bench_out/stamp" "$root/box/stamp/run"
launch_profile /bin/noop >"$root/launch.conf"
{ launch_profile /stamp/run; echo 'restart-delay=0 0'; } >"$root/svc/stamp.conf"
mount -t proc proc "$root/proc"
case $what in
run) command=(-p -- /hutch run /launch.conf) ;;
restart) command=(-p -r -- /hutch supervise /svc) ;;
*) die "$what?" ;;
esac
"$out/steps" -/ "$root" "${command[@]}" 2>"$out/profile.err" >"$out/profile" || die "$(cat "$out/profile.err")"
head -n 1 "$out/profile"
{ nm -n "$hutch.debug"; sed '1d; s/^/at /' "$out/profile"; } | awk '
	function hex(s, i, n) { for (i = 1; i <= length(s); i++) n = n * 16 + index("123456789abcdef", substr(s, i, 1)); return n }
	$1 == "at" { at = hex($2); while (i < n && start[i + 1] <= at) i++; sum[i] += $3; next }
	$2 ~ /^[tTwW]$/ { start[++n] = hex($1); name[n] = $3 }
	END { for (i in sum) print sum[i], name[i] }' | sort -rn | head -n "${4:-30}"
