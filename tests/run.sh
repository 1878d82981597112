#!/bin/bash
# Runs test programs that print TAP and adds them up. Shows what failed, why
# something was skipped and what there is to note, and ends with the one line `N passed, N failed, N skipped`.
#
#   tests/run.sh OUT PROGRAM...     each PROGRAM is a command line
#
# A program that prints no result at all, or ends with a status that its results do
# not explain, counts as one failure.
set -u

out=$1
shift
mkdir -p "$out/results"
passed=0 failed=0 skipped=0

for program; do
	log=$out/results/$(printf '%s' "$program" | tr -c 'a-zA-Z0-9\n' '_' | tail -c 80).tap
	start=$SECONDS
	bash -c "$program" >"$log" 2>&1 </dev/null
	status=$?
	ok=$(grep -c '^ok ' "$log")
	no=$(grep -c '^not ok ' "$log")
	skip=$(grep -ciE '^ok .* # *skip' "$log")
	if [ $((ok + no)) -eq 0 ] || { [ "$status" -ne 0 ] && [ "$no" -eq 0 ]; }; then
		printf 'not ok - %s: status %d without a failed test\n' "$program" "$status" >>"$log"
		no=$((no + 1))
		tail -n 20 "$log"
	fi
	passed=$((passed + ok - skip)) failed=$((failed + no)) skipped=$((skipped + skip))
	printf '%-44s %4d passed %3d failed %3d skipped  %3d s\n' "$program" $((ok - skip)) "$no" \
		"$skip" $((SECONDS - start))
	grep -A 12 '^not ok ' "$log" | head -n 60
	grep -iE '^ok .* # *skip|^# note: ' "$log"
done

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
