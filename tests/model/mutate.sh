#!/bin/bash
# Takes each rule out of the model and lets random scripts notice, as TAP.
#
#   tests/model/mutate.sh OUT OPERATIONS COMPILER...
set -u
out=$1 operations=$2
shift 2
n=0 bad=0
rm -rf "$out" && mkdir -p "$out/mounts"

while IFS='|' read -r file script; do
	file=${file%% *} script=${script# }
	[[ $file == '#'* ]] && continue
	n=$((n + 1))
	cp src/mounts/*.[ch] src/mounts/*.def "$out/mounts"
	sed -e "$script" "src/mounts/$file" >"$out/mounts/$file"
	if cmp -s "src/mounts/$file" "$out/mounts/$file"; then
		result=1 why=' # changes nothing'
	elif ! "$@" -w -I"$out" -Isrc -Itests/model -o "$out/model" tests/model/*.c "$out"/mounts/*.c \
		src/{base,archive}/*.c src/kernel/{k,process,sockets}.c src/apply/simulate.c 2>"$out/log"; then
		result=1 why=' # does not compile'
	else
		timeout 60 "$out/model" random "$operations" "$n" 0 1 >"$out/log" 2>&1
		# A model that hangs or dies is noticed as well.
		grep -q '^ok' "$out/log"
		result=$((!$?)) why=
	fi
	if [ "$result" -eq 0 ]; then echo "ok $n - noticed: $file $script"; else
		echo "not ok $n - $file $script$why"
		bad=1
	fi
done < <(grep -E "${ONLY:-.}" tests/model/mutations)
echo "1..$n"
exit $bad
