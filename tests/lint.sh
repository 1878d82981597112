#!/bin/bash
# cppcheck, clang-tidy and shellcheck with the checked-in configuration, as TAP.
#
#   tests/lint.sh OUT CPPFLAGS...
set -u
out=$1
shift
mkdir -p "$out"
mapfile -t sources < <(printf '%s\n' src/*/*.c | grep -v kernel/fault.c)
mapfile -t scripts < <(find . -name '*.sh' -not -path './build*' -print; echo .ci/run)

say() {	# say STATUS NAME LOG
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; head -n 30 "$3" | sed 's/^/# /'; fi
}

cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance \
	--inline-suppr --suppressions-list=.cppcheck -USTATE -UEVENT -UACTION -UROW -Isrc "${sources[@]}" >"$out/cppcheck.log" 2>&1 &
cpp=$!
shellcheck -x -P SCRIPTDIR "${scripts[@]}" >"$out/shellcheck.log" 2>&1
say $? "shellcheck finds nothing" "$out/shellcheck.log"
wait $cpp
say $? "cppcheck finds nothing" "$out/cppcheck.log"
printf '%s\n' "${sources[@]}" | xargs -P 2 -n 6 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$@" -- '"$*" _ \
	>"$out/tidy.log" 2>&1
say $? "clang-tidy finds nothing" "$out/tidy.log"
