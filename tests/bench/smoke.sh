#!/bin/bash
#
# smoke.sh - as TAP: the bench measures everything that it says, in a few rounds, and its
# table, JSON and chart are whole. What the figures are is not looked at.
#
#	smoke.sh OUT HUTCH
#
# OUT has the programs of the bench; what comes out goes to OUT/smoke.

set -u
out=$1 hutch=$2 here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "$(id -u)" != 0 ]; then
	echo 'ok - the bench measures # SKIP wants root'
	echo 1..1
	exit 0
fi
n=0
say() {	# STATUS NAME [LOG]
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		[ $# -lt 3 ] || sed 's/^/# /' "$3" | tail -n 20
	fi
}

rm -rf "$out/smoke"
mkdir -p "$out/smoke"
for tool in bench floor noop stamp world profile hub tables many ask; do
	ln "$out/$tool" "$out/smoke/$tool"
done
ROUNDS=2 MOUNTS='3 20' MORE=20 ALIVE='1 3' STARTS=30 ROWS='kill up' SUBJECTS='bare sandbox' \
	timeout 120 "$here/run.sh" "$out/smoke" "$hutch" >"$out/smoke/log" 2>&1
say $? 'the bench runs' "$out/smoke/log"

cd "$out/smoke" || exit 1
json() {	# NAME FILTER...: true
	jq -e "$2" bench.json >/dev/null 2>jq.log
	say $? "$1" jq.log
}
json 'the JSON is whole, and has every row' '(.rows | keys) == (["again", "alive", "cold", "defaults", "end", "exec", "first", "hub", "kill",
	"launch", "launch20", "rate", "restart", "slow-launch", "slow-launch20", "start", "think", "up", "why", "worth", "worth-restart", "worth-restart20",
	"worth-ways", "worth20"])'
json 'hutch and its floor are measured, by mounts on the host' '[.rows | (.cold, .start, .restart) | .["3-private"], .["20-shared"], .["20-slave"]
	| (.hutch, .floor).median > 0] | all and length == 18'
json 'launches, first starts and ends' '[.rows | (.launch, .launch20, .["slow-launch"], .defaults, .first, .end) | (.hutch, .floor).ms.median > 0]
	| all and length == 12'
json 'starts in a row, by one supervisor and by two' '[.rows.rate[] | objects | select(.hutch.median?) | (.hutch, .floor).median > 0] | all and length == 8'
json 'beside other sandboxes, with memory and descriptors' '[.rows.alive | (.["1"], .["3"]) | (.hutch, .floor, .status, ."hutch-memory",
	."hutch-descriptors").median > 0] | all and length == 10'
json 'each choice beside the other one, with few mounts and with more' '[.rows | (.worth, .worth20)[] | objects | select(.taken | objects)
	| (.taken, .other).median > 0] | all and length == 32'
json 'the ways to the root, as they were counted' '[.rows."worth-ways"[] | objects | select(.empty | objects) | (.empty, .tree, .pivot).median > 0]
	| all and length == 9'
json 'the hub, and what hutch thinks and says' '[.rows | (.hub.mount.each, .hub.umount.hub, .think.both.us, .why.why.ms).median > 0] | all'
json 'supervisors' '[.rows | (.kill.sandbox, .up.bare).ms.median > 0] | all'
json 'everything that is asked has a verdict' '[.asked[].verdict] | length > 15 and all(. == "met" or . == "MISSED" or . == "not measured")'
xmllint --noout bench.svg 2>svg.log && [ "$(grep -c '<rect' bench.svg)" -ge 14 ]
say $? 'the chart is whole' svg.log
grep -q '^What is asked' bench.txt && grep -q '^Restart by a supervisor' bench.txt && ! grep -q 'failed:' bench.txt
say $? 'the table is whole' bench.txt
echo "1..$n"
