#!/bin/bash
# The scripts of the manuals, through the model and the kernel, and the picture of one of them. TAP.
#
#   tests/model/manual.sh HUTCH MANUAL...
#   tests/model/manual.sh --draw HUTCH MANUAL...    makes src/man/propagation.svg anew
#
# Each expectation is also turned into its contrary, which has to be noticed: none of them says nothing.
set -u
draw=
[ "$1" != --draw ] || { draw=yes && shift; }
hutch=$(realpath "$1")
shift
picture=$(dirname "$0")/../../src/man/propagation.svg
n=0 bad=0
work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# As they stand in the manual: each literal display that is a script, to a file of its own.
awk -v to="$work" '
	/^\.Bd -literal/ { text = ""; script = 0; inside = 1; next }
	/^\.Ed/ {
		if (script)
			printf "%s", text >sprintf("%s/%s:%02d.sim", to, name, ++count[name])
		inside = 0
	}
	FNR == 1 { name = FILENAME; sub(/.*\//, "", name) }
	inside { text = text $0 "\n"; script = script || /^(in [a-z]+: )?expect / }
' "$@"

# The scene of the README.
scene=$(grep -l '^clone vault' "$work"/*.sim)
if [ "$draw" ]; then
	"$hutch" simulate --svg "$picture" "$scene" >/dev/null
	exit
fi

contrary() {	# contrary SCRIPT LINE: that expectation says the opposite
	awk -v at="$2" '
		NR != at { print; next }
		/ none$/ { sub(/ none$/, ""); print; next }
		/expect \// { match($0, /expect [^ ]+/); print substr($0, 1, RSTART + RLENGTH - 1) " none"; next }
		/ ok$/ { sub(/ ok$/, " EINVAL"); print; next }
		{ sub(/ E[A-Z]+$/, " ok"); print }
	' "$1"
}

for script in "$work"/*.sim; do
	name=$(basename "$script" .sim)
	"$hutch" simulate "$script" >"$log" 2>&1
	say $? "$name: as stated"
	"$hutch" simulate --real "$script" >"$log" 2>&1
	say $? "$name: the kernel does the same"
	while IFS=: read -r line _; do
		contrary "$script" "$line" >"$work/contrary"
		"$hutch" simulate "$work/contrary" >"$log" 2>&1
		[ $? -eq 1 ]
		say $? "$name: line $line could be wrong"
	done < <(grep -n 'expect ' "$script")
done
set -- "$work"/hutch.conf.5:*.sim
[ $# -ge 15 ]
say $? "the chapter on propagation has its scripts, $# of them"

"$hutch" simulate --svg "$work/now.svg" "$scene" >"$log" 2>&1 && cmp "$picture" "$work/now.svg" >"$log" 2>&1
say $? "the picture of the README is what hutch draws today"
xmllint --noout --nonet "$picture" >"$log" 2>&1
say $? "and it is valid XML"
echo "1..$n"
exit $bad
