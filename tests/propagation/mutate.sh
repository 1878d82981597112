#!/bin/bash
# Takes lines about propagation out of hutch and lets the product notice, as TAP. hutch's own comparison is
# off in all of these, so that it is the later mounts and umounts which tell.
#
#   tests/propagation/mutate.sh BUILD CROSS COMPILER...      ONLY=PATTERN takes some of the mutations
#
# BUILD has the objects of a hutch, of which one is made anew; for the old kernels also fault/hutch-old's.
set -u
build=$1 cross=$2
shift 2
out=$build/propagation/mutated
bad=0
rm -rf "$out" && mkdir -p "$out"

# changed FILE SCRIPT: compiles it into $out.
changed() {
	mkdir -p "$out/$(dirname "$1")"
	sed -e "$2" "src/$1" >"$out/$1"
	! cmp -s "src/$1" "$out/$1" || return 1
	"${compile[@]}" -c -o "$out/${1%.c}.o" "$out/$1" 2>"$out/log"
}

# notices HUTCH WORD: some mechanism does, the cheap ones first.
notices() {
	local mechanism
	for mechanism in 0 2 3 4 5; do
		timeout 200 "$cross" "$1" "$2" "$mechanism" >"$out/log" 2>&1 || return 0
	done
	return 1
}

compile=("$@" -w -Isrc)
objects=()
for f in src/*/*.c; do
	f=${f#src/}
	objects+=("${f%.c}")
done
if ! changed apply/verify.c 's/^\t(void)s;$/\treturn 0;/'; then
	echo "not ok - hutch's own comparison can be switched off # apply/verify.c is not what it was, or does not compile"
	exit 1
fi
cp "$out/apply/verify.o" "$out/verify.o"

# linked FILE KERNEL: a hutch with that object changed.
linked() {
	local link=() o
	for o in "${objects[@]}"; do
		case $o in
		apply/verify) link+=("$out/verify.o") ;;
		"$1") link+=("$out/$o.o") ;;
		*) link+=("$build/$o.o") ;;
		esac
	done
	[ -z "$2" ] || link+=(-DHUTCH_OLD tests/fault/enosys.c)
	"${compile[@]}" -static -o "$out/hutch" "${link[@]}"
}

if linked none '' && ! notices "$out/hutch" new; then echo "ok - nothing to notice without a change"; else
	echo "not ok - without a change"
	grep -A 3 '^not' "$out/log" | cut -c 1-200 | sed 's/^/# /'
	exit 1
fi
while IFS='|' read -r file script; do
	[[ $file == '#'* || -z $file ]] && continue
	read -r file kernel <<<"$file"
	script=${script# }
	if ! changed "$file" "$script"; then
		result=1 why=' # changes nothing, or does not compile'
	else
		linked "${file%.c}" "$kernel" && notices "$out/hutch" "${kernel:-new}"
		result=$? why=
	fi
	if [ "$result" -eq 0 ]; then echo "ok - noticed: $file ${kernel:+(old) }$script"; else
		echo "not ok - $file ${kernel:+(old) }$script$why"
		bad=1
	fi
done < <(grep -E "${ONLY:-.}" tests/propagation/mutations)
exit $bad
