# Part of supervise.sh: the layout comes first, then the answers ("row subject key
# value", or "row subject failed why"). Prints a table for each row, writes `json`.

FNR == 1 { file++ }

file == 1 && $1 == "subjects" {
	for (i = 2; i <= NF; i++) subjects[++nall] = $i
}
file == 1 && $1 == "title" {
	rows[++nrows] = $2
	title[$2] = substr($0, index($0, $3))
}
file == 1 && $1 == "column" {
	n = ++ncolumns[$2]
	header[$2, n] = $3; ckey[$2, n] = $4; cstat[$2, n] = $5
}
file == 1 && $1 == "limit" {
	n = ++nlimits[$2, $3]
	lkey[$2, $3, n] = $4; lstat[$2, $3, n] = $5; limit[$2, $3, n] = $6
}
file == 1 { next }

{ seen[$1, $2] = 1 }
$3 == "failed" { failed[$1, $2] = substr($0, index($0, "failed") + 7); next }
{
	if (!(($1, $2, $3) in count))
		key[$1, $2, ++nkeys[$1, $2]] = $3
	value[$1, $2, $3, ++count[$1, $2, $3]] = $4
}

function sort(r, s, k,    i, j, x, n) {
	n = count[r, s, k]
	for (i = 2; i <= n; i++) {
		x = value[r, s, k, i]
		for (j = i - 1; j > 0 && value[r, s, k, j] + 0 > x + 0; j--)
			value[r, s, k, j + 1] = value[r, s, k, j]
		value[r, s, k, j + 1] = x
	}
}

function at(r, s, k, part,    n, i) {
	n = count[r, s, k]
	i = int(part * (n - 1) + 1.5)
	return value[r, s, k, i > n ? n : i]
}

function statistic(r, s, k, what) {
	if (!((r, s, k) in count)) return "-"
	if (what == "n") return count[r, s, k]
	if (what == "min") return at(r, s, k, 0)
	if (what == "max") return at(r, s, k, 1)
	if (what == "p99") return at(r, s, k, 0.99)
	return at(r, s, k, 0.5)
}

function number(x) { return x ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }

function shown(x) {
	if (!number(x)) return x
	return x + 0 == int(x) ? sprintf("%d", x) : sprintf(x < 100 ? "%.3f" : "%.0f", x)
}

# What was aimed at, and whether it was met.
function verdict(r, s,    i, x, text) {
	for (i = 1; i <= nlimits[r, s]; i++) {
		x = statistic(r, s, lkey[r, s, i], lstat[r, s, i])
		if (x == "-") continue
		text = text sprintf("%s%s <= %s %s", text == "" ? "" : ", ", lkey[r, s, i],
		    limit[r, s, i], number(x) && x + 0 <= limit[r, s, i] + 0 ? "met" : "MISSED")
	}
	return text
}

function name(s)
{
	if (s == "bare") return "ns=none"
	return s
}

function ratio(x, base)
{
	if (!number(x) || !number(base) || base <= 0) return "-"
	return sprintf("%.2f", x / base)
}

function table(r,    i, c, s, x, base) {
	printf "\n%s\n  %-10s", title[r], ""
	for (c = 1; c <= ncolumns[r]; c++)
		printf " %13s", header[r, c]
	printf " %8s  target\n", "/hutch"
	base = statistic(r, "bare", ckey[r, 1], cstat[r, 1])
	for (i = 1; i <= nsubjects[r]; i++) {
		s = subject[r, i]
		printf "  %-10s", name(s)
		for (c = 1; c <= ncolumns[r]; c++)
			printf " %13s", shown(statistic(r, s, ckey[r, c], cstat[r, c]))
		# how many times a thing was done is no figure of merit
		x = ckey[r, 1] == "restarts" ? "-" : statistic(r, s, ckey[r, 1], cstat[r, 1])
		printf " %8s  %s\n", ratio(x, base), verdict(r, s)
		if ((r, s) in failed)
			printf "    %s\n", failed[r, s]
	}
}

function quoted(x) {
	gsub(/["\\]/, "\\\\&", x)
	return "\"" x "\""
}

function write_value(r, s, k,    x) {
	if (count[r, s, k] == 1) {
		x = value[r, s, k, 1]
		if (!number(x)) x = quoted(x)
		printf "%s", x >json
		return
	}
	printf "{\"median\": %s, \"min\": %s, \"p99\": %s, \"max\": %s, \"n\": %d}", at(r, s, k, 0.5),
	    at(r, s, k, 0), at(r, s, k, 0.99), at(r, s, k, 1), count[r, s, k] >json
}

function write_subject(r, s,    i, comma) {
	printf "\n  %s: {", quoted(s) >json
	for (i = 1; i <= nkeys[r, s]; i++) {
		printf "%s%s: ", comma, quoted(key[r, s, i]) >json
		write_value(r, s, key[r, s, i])
		comma = ", "
	}
	if ((r, s) in failed)
		printf "%s\"failed\": %s", comma, quoted(failed[r, s]) >json
	printf "}" >json
}

END {
	for (i = 1; i <= nrows; i++) {
		r = rows[i]
		for (j = 1; j <= nall; j++)
			if ((r, subjects[j]) in seen)
				subject[r, ++nsubjects[r]] = subjects[j]
		for (j = 1; j <= nsubjects[r]; j++)
			for (c = 1; c <= nkeys[r, subject[r, j]]; c++)
				sort(r, subject[r, j], key[r, subject[r, j], c])
	}
	printf "{" >json
	for (i = 1; i <= nrows; i++) {
		r = rows[i]
		if (!nsubjects[r]) continue
		table(r)
		printf "%s\n%s: {", comma, quoted(r) >json
		for (j = 1; j <= nsubjects[r]; j++) {
			if (j > 1) printf "," >json
			write_subject(r, subject[r, j])
		}
		printf "}" >json
		comma = ","
	}
	printf "}" >json
}
