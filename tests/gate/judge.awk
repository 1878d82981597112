# Compares figures with those of the budget, and prints TAP.
#
#	awk -f judge.awk BUDGET FIGURES        -v what=NAME is said with each
#
# A line of both is "KIND VERSIONS ROW FIGURE"; the kinds are below. What was recorded with the same versions may be exceeded by 3 %.
# A budget's line whose VERSIONS is "*" is a limit, which no version may exceed. A figure that fell by more than 3 % passes,
# and a note says so; one that nothing is recorded for is told, nothing more.

BEGIN {
	words["ratio"] = "%s times its floor"
	words["total"] = "%s instructions, of hutch and kernel"
	words["worth"] = "%s instructions beyond a program that does nothing"
	words["user"] = "%s instructions in user space"
}

function key(v) { return $1 " " v " " $3 }

/^#/ || NF == 0 { next }

NF != 4 || !($1 in words) || $4 + 0 <= 0 {
	printf "not ok - %s: line %d of %s is not KIND VERSIONS ROW FIGURE: %s\n", what, FNR, FILENAME, $0
	next
}

NR == FNR { budget[key($2)] = $4; next }

{
	text = sprintf("%s: %s takes " words[$1], what, $3, $4)
	known = key($2) in budget ? budget[key($2)] : 0
	limit = key("*") in budget ? budget[key("*")] : 0
	change = known ? ($4 / known - 1) * 100 : 0
	if (limit && $4 > limit)
		printf "not ok - %s, over its limit of %s\n", text, limit
	else if (change > 3)
		printf "not ok - %s, %.1f %% over the recorded %s (%s)\n", text, change, known, $2
	else if (known)
		printf "ok - %s (recorded: %s)\n", text, known
	else
		printf "ok - %s # unknown versions, reported: %s\n", text, $2
	if (change < -3)
		printf "# note: %s %s %s fell by %.1f %%: `make budget` records it\n", $1, $2, $3, -change
}
