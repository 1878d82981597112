#!/bin/bash
# The gate's other part: the instructions that hutch itself executes for a profile of 4 KiB, counted by valgrind.
#
#   tests/gate/think.sh OUT HUTCH     OUT/.. is where `make gate-tools` has built
#
# They depend on the compiler alone: the facts and mounts are those of golden tests. What they may be is in ../bench/budget;
# UPDATE=1 records it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -eq 2 ] || die "usage: think.sh OUT HUTCH"
out=$(realpath "$1") hutch=$(realpath "$2") golden=$here/../golden
command -v valgrind >/dev/null || { echo "ok - gate: what hutch thinks # SKIP no valgrind: its Debian package is in tests/deps"; exit 0; }

# count COMMAND...: instructions; the environment is of no program's own
count() {
	env -i PATH="$PATH" valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null </dev/null |
		awk '/Collected|refs:/ { gsub(",", ""); n = $NF } END { if (!n) exit 1; print n }'
}

# user ROW COMMAND...
user() {
	local row=$1 n
	shift
	"$@" >think.out 2>&1 || { echo "not ok - gate: $* fails: $(tail -n 1 think.out)"; exit 1; }
	n=$(count "$@") || { echo "not ok - gate: valgrind does not count $*"; exit 1; }
	echo "user $compiler $row $n" >>think.figures
}

# What the judge says of a figure beside the budget's.
judges() {
	local said
	said=$(printf '%s\n' 'user old row 100' 'user * row 200' 'user * other 50' |
		awk -v what=x -f "$here/judge.awk" - <(printf 'user %s\n' "$2"))
	# shellcheck disable=SC2053
	if [[ $said == $3 ]]; then echo "ok - gate: the judge on $1"; else echo "not ok - gate: the judge on $1: $said"; fi
}

judge_all() {
	judges 'what is recorded' 'old row 100' 'ok - *recorded: 100*'
	judges '2 % more' 'old row 102' 'ok - *recorded: 100*'
	judges '4 % more' 'old row 104' 'not ok - *4.0 % over*'
	judges '4 % less' 'old row 96' $'ok - *\n# note: *fell by 4.0 %*'
	judges 'other versions' 'new row 150' 'ok - *unknown versions*'
	judges 'a limit of all versions' 'new row 201' 'not ok - *limit*'
	judges 'a limit alone' 'old other 51' 'not ok - *limit*'
	judges 'nonsense' 'old row' 'not ok - *is not KIND*'
}

# What a further round costs when all is warm: reading, planning and checking alone, see ../bench/profile.c.
think() {
	local one three
	if ! one=$(count ../bench/profile 1) || ! three=$(count ../bench/profile 3); then
		echo "not ok - gate: valgrind does not count what hutch thinks"
		exit 1
	fi
	echo "user $compiler think-4k $(((three - one) / 2))" >>think.figures
}

# libc walks the program's own name at its start: short names, the same wherever the project lies.
cd "$out"
ln -sfn "$hutch" hutch
ln -sfn "$golden" golden
ln -sfn "$here/4k.conf" 4k.conf
facts=(--service --facts golden/facts/root-6.18.facts)
: >think.figures
think
user version ./hutch --version
user check-4k ./hutch check "${facts[@]}" --mounts golden/layouts/host.mounts 4k.conf
user plan-4k ./hutch plan "${facts[@]}" 4k.conf
{ judge_all; judge gate think.figures; } | tee think.tap
! grep -q '^not ok ' think.tap
