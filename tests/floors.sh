#!/bin/bash
# A file may use only what is on its own floor or below, files of a floor do not use each other in a
# circle, and the pure floors nothing that touches the kernel or the heap. Told by the symbols of the objects.
#
#   tests/floors.sh BUILD NM FLOOR...      floors from the lowest up
set -u
build=$1 nm=$2
shift 2
pure=' base archive profile service mounts plan '
# What the pure floors may take from libc, compiler and linker: memory and text only.
allowed='^(mem(chr|cmp|cpy|move|set)|str(chr|rchr|cmp|ncmp|cpy|ncpy|n?len|spn|cspn|pbrk|str|tok_r|toul|tol|error)|atoi|v?snprintf|errno|__errno_location|__(start|stop)_packed_texts|__(aeabi|u?div|u?mod|ashl|ashr|lshr|mul|clz|ctz|bswap|popcount|stack_chk).*|_GLOBAL_OFFSET_TABLE_|_gp_disp|\.TOC\.|__isoc.*|__.*_chk)$'
# The actions of a table of states are all over the supervisor, and bring about its next events.
circular=' supervise '
n=0 bad=0

say() {	# say OK TEXT
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}

below=$(mktemp)
trap 'rm -f "$below" "$below".*' EXIT
for floor; do
	objects=("$build/$floor"/*.o)
	"$nm" --defined-only -g "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u >"$below.own"
	sort -u -o "$below" "$below" "$below.own"
	for o in "${objects[@]}"; do
		"$nm" -u "$o" | awk '{ print $NF }' | sort -u >"$below.used"
		# Symbols of a floor above: defined somewhere in hutch, but not here or below.
		"$nm" --defined-only -g "$build"/*/*.o 2>/dev/null | awk 'NF == 3 { print $3 }' |
			sort -u | comm -12 - "$below.used" | comm -23 - "$below" >"$below.up"
		[ -s "$below.up" ]
		say $((! $?)) "${o#"$build"/} uses nothing of a floor above$(sed 's/^/ /' "$below.up" | tr -d '\n')"
		[[ $pure == *" $floor "* ]] || continue
		comm -23 "$below.used" "$below" | grep -vE "$allowed" >"$below.impure"
		[ -s "$below.impure" ]
		say $((! $?)) "${o#"$build"/} is pure$(sed 's/^/ /' "$below.impure" | tr -d '\n')"
	done
	[[ $circular == *" $floor "* ]] && continue
	"$nm" -g -A "${objects[@]}" | awk '{ sub(/.*\//, "", $1); sub(/:.*/, "", $1) }
		$(NF - 1) == "U" { used[$1 " " $NF]; next }
		{ by[$NF] = $1 }
		END { for (u in used) { split(u, p); if (p[2] in by && by[p[2]] != p[1]) print p[1], by[p[2]] } }' |
		tsort 2>&1 >/dev/null | sed 's/^tsort: //; s/-: input contains a loop://' >"$below.circle"
	[ -s "$below.circle" ]
	say $((! $?)) "the files of $floor use each other in no circle$(sed 's/^/ /' "$below.circle" | tr -d '\n')"
done
echo "1..$n"
exit $bad
