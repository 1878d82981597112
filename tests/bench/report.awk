# report.awk - tables, JSON and a chart of what was measured.
#
#	awk -v json=FILE -v svg=FILE -f report.awk LAYOUT ANSWERS
#
# An answer is "ROW SUBJECT KEY VALUE", as often as it was measured; the key may be "skipped" or
# "failed", with the reason. The layout says what is told of them:
#
#	row ROW TITLE			a table
#	subjects ROW SUBJECT...		its lines; the others follow
#	column ROW HEADER KEY STATISTIC	median, p10, p90, p99, min, max or n
#	ratio ROW HEADER KEY KEY	a column: one median to another one
#	over ROW SUBJECT		a column: the first column's value to this subject's
#	limit ROW SUBJECT KEY STATISTIC MOST	what is aimed at
#	asked ROW SUBJECT KEY ROW SUBJECT KEY <=|>= NUMBER TEXT	the same of a ratio of medians; "- - -": of the first
#	slope ROW SUBJECT SUBJECT KEY NUMBER <=|>= NUMBER TEXT	of a difference for each of NUMBER
#	bars TITLE, bar ROW SUBJECT KEY LABEL	one part of the chart, and its bars
#	machine TEXT, versions TEXT, took PART SECONDS

function rest(n,    text, i) {
	text = $n
	for (i = n + 1; i <= NF; i++) text = text " " $i
	return text
}

FNR == 1 { file++ }

file == 1 {
	if ($1 == "row") { if (!($2 in title)) rows[++nrows] = $2; title[$2] = rest(3) }
	else if ($1 == "subjects") { for (i = 3; i <= NF; i++) add_subject($2, $i) }
	else if ($1 == "column") { n = ++ncolumns[$2]; header[$2, n] = $3; ckey[$2, n] = $4; cstat[$2, n] = $5 }
	else if ($1 == "ratio") { n = ++ncolumns[$2]; header[$2, n] = $3; ckey[$2, n] = $4; cstat[$2, n] = "ratio"; cover[$2, n] = $5 }
	else if ($1 == "over") { n = ++ncolumns[$2]; header[$2, n] = "/" shown_name($3); ckey[$2, n] = $3; cstat[$2, n] = "over" }
	else if ($1 == "limit") { n = ++nlimits[$2, $3]; lkey[$2, $3, n] = $4; lstat[$2, $3, n] = $5; limit[$2, $3, n] = $6 }
	else if ($1 == "asked" || $1 == "slope") ask[++nasked] = $0
	else if ($1 == "bars") { nbars++; bars[nbars] = rest(2) }
	else if ($1 == "bar") { n = ++nbar[nbars]; bar[nbars, n] = $2 SUBSEP $3 SUBSEP $4; blabel[nbars, n] = rest(5) }
	else if ($1 == "machine" || $1 == "versions") said[$1] = rest(2)
	else if ($1 == "took") took = took sprintf("%s%s %d s", took == "" ? "" : ", ", $2, $3)
	next
}

function add_subject(r, s) {
	if (!((r, s) in order)) {
		order[r, s] = 1
		subject[r, ++nsubjects[r]] = s
	}
}

NF < 4 { next }
{ answered[$1] = 1 }
$3 == "failed" || $3 == "skipped" { add_subject($1, $2); seen[$1, $2] = 1; failed[$1, $2] = $3 ": " rest(4); next }
{
	add_subject($1, $2)
	seen[$1, $2] = 1
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
	if (what ~ /^p[0-9]+$/) return at(r, s, k, substr(what, 2) / 100)
	return at(r, s, k, 0.5)
}

function median(r, s, k) { return statistic(r, s, k, "median") }

function number(x) { return x ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }

function shown(x) {
	if (!number(x)) return x
	return x + 0 == int(x) ? sprintf("%d", x) : sprintf(x < 100 ? "%.3f" : "%.0f", x)
}

# Bare is hutch without a sandbox.
function shown_name(s) { return s == "bare" ? "ns=none" : s }

function ratio(x, base) {
	if (!number(x) || !number(base) || base <= 0) return "-"
	return sprintf("%.2f", x / base)
}

function cell(r, s, c,    what) {
	what = cstat[r, c]
	if (what == "ratio") return ratio(median(r, s, ckey[r, c]), median(r, s, cover[r, c]))
	# how many times a thing was done is no figure of merit
	if (what == "over") return ckey[r, 1] == "restarts" ? "-" : \
		ratio(statistic(r, s, ckey[r, 1], cstat[r, 1]), statistic(r, ckey[r, c], ckey[r, 1], cstat[r, 1]))
	return shown(statistic(r, s, ckey[r, c], what))
}

function met(x, how, most) {
	if (x ~ /^>/) return "MISSED"
	if (!number(x)) return "not measured"
	return (how == "<=" ? x + 0 <= most + 0 : x + 0 >= most + 0) ? "met" : "MISSED"
}

# What was aimed at, and whether it was met.
function verdict(r, s,    i, x, text) {
	for (i = 1; i <= nlimits[r, s]; i++) {
		x = statistic(r, s, lkey[r, s, i], lstat[r, s, i])
		if (x != "-")
			text = text sprintf("%s%s <= %s %s", text == "" ? "  " : ", ", lkey[r, s, i], limit[r, s, i], met(x, "<=", limit[r, s, i]))
	}
	return text
}

function width(c, r) { return length(header[r, c]) > 11 ? length(header[r, c]) + 1 : 12 }

function table(r,    i, c, s) {
	printf "\n%s\n  %-16s", title[r], ""
	for (c = 1; c <= ncolumns[r]; c++)
		printf "%" width(c, r) "s", header[r, c]
	printf "\n"
	for (i = 1; i <= nsubjects[r]; i++) {
		s = subject[r, i]
		if (!((r, s) in seen)) continue
		printf "  %-16s", shown_name(s)
		for (c = 1; c <= ncolumns[r] && !((r, s) in failed && !nkeys[r, s]); c++)
			printf "%" width(c, r) "s", cell(r, s, c)
		printf "%s%s\n", verdict(r, s), (r, s) in failed ? "  " failed[r, s] : ""
	}
}

# Sets measured, fastest, how, most and text of one line that asks. Where other work keeps the
# processors busy, the fastest tenth is the part that did not wait for them.
function look(line,    f, n, i, x, y) {
	n = split(line, f, " ")
	fastest = "-"
	if (f[1] == "slope") {
		x = median(f[2], f[3], f[5]); y = median(f[2], f[4], f[5])
		measured = number(x) && number(y) && f[6] > 0 ? sprintf("%.2f", (x - y) / f[6]) : "-"
		i = 7
	} else {
		x = median(f[2], f[3], f[4])
		measured = f[5] == "-" ? shown(x) : ratio(x, median(f[5], f[6], f[7]))
		if (f[5] != "-") fastest = ratio(statistic(f[2], f[3], f[4], "p10"), statistic(f[5], f[6], f[7], "p10"))
		i = 8
	}
	how = f[i]; most = f[i + 1]; text = f[i + 2]
	for (i += 3; i <= n; i++) text = text " " f[i]
}

function table_of_asked(    i) {
	if (!nasked) return
	printf "%-62s %10s %10s %10s\n", "What is asked, and what was measured", "asked", "measured", "at p10"
	for (i = 1; i <= nasked; i++) {
		look(ask[i])
		printf "  %-60s %10s %10s %10s  %s\n", text, how " " most, measured, fastest, met(measured, how, most)
	}
}

# ---- JSON

function quoted(x) {
	gsub(/["\\]/, "\\\\&", x)
	gsub(/[[:cntrl:]]/, " ", x)
	return "\"" x "\""
}

function plain(x) { return number(x) ? x : x == "-" ? "null" : quoted(x) }

function write_value(r, s, k) {
	printf "{\"median\": %s, \"p10\": %s, \"p90\": %s, \"min\": %s, \"max\": %s, \"n\": %d}", plain(at(r, s, k, 0.5)),
	    plain(at(r, s, k, 0.1)), plain(at(r, s, k, 0.9)), plain(at(r, s, k, 0)), plain(at(r, s, k, 1)), count[r, s, k] >json
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

# Which key is which column, whose header has the unit.
function write_columns(r,    c, comma, done) {
	for (c = 1; c <= ncolumns[r]; c++)
		if (cstat[r, c] == "median" && !done[ckey[r, c]]++) {
			printf "%s%s: %s", comma, quoted(ckey[r, c]), quoted(header[r, c]) >json
			comma = ", "
		}
	printf "}" >json
}

function write_json(    i, j, r, comma) {
	printf "{\"machine\": %s,\n\"versions\": %s,\n\"asked\": [", quoted(said["machine"]), quoted(said["versions"]) >json
	for (i = 1; i <= nasked; i++) {
		look(ask[i])
		printf "%s\n  {\"what\": %s, \"asked\": %s, \"measured\": %s, \"at_p10\": %s, \"verdict\": %s}", (i > 1 ? "," : ""), quoted(text),
		    quoted(how " " most), plain(measured), plain(fastest), quoted(met(measured, how, most)) >json
	}
	printf "],\n\"rows\": {" >json
	for (i = 1; i <= nrows; i++) {
		r = rows[i]
		printf "%s\n%s: {\"title\": %s, \"columns\": {", (i > 1 ? "," : ""), quoted(r), quoted(title[r]) >json
		write_columns(r)
		for (j = 1; j <= nsubjects[r]; j++)
			if ((r, subject[r, j]) in seen) {
				printf "," >json
				write_subject(r, subject[r, j])
			}
		printf "}" >json
	}
	printf "\n}}\n" >json
}

# ---- the chart: bars on a logarithmic scale, each with its value and its ratio to the first of its part

function escaped(x) {
	gsub(/&/, "\\&amp;", x); gsub(/</, "\\&lt;", x); gsub(/>/, "\\&gt;", x)
	return x
}

function log10(x) { return log(x) / log(10) }

function bar_value(b, i,    f) {
	split(bar[b, i], f, SUBSEP)
	return median(f[1], f[2], f[3])
}

# The whole powers of ten around the part's values.
function find_scale(b,    i, x) {
	least = ""
	for (i = 1; i <= nbar[b]; i++) {
		x = bar_value(b, i)
		if (!number(x) || x <= 0) continue
		x = log10(x)
		if (least == "" || x < least) least = x
		if (x > largest) largest = x
	}
	if (least == "") return 0
	least = floor(least - 0.05)
	largest = floor(largest) + 1
	return 1
}

function floor(x,    n) { n = int(x); return n > x ? n - 1 : n }

function place(x) { return 210 + (log10(x) - least) / (largest - least) * 400 }

function draw_part(b, y,    i, x, base, p, top) {
	largest = -99
	if (!find_scale(b)) return y
	body = body sprintf("<text class=\"title\" x=\"10\" y=\"%d\">%s</text>\n", y, escaped(bars[b]))
	top = y + 8
	y += 26
	for (i = 1; i <= nbar[b]; i++) {
		x = bar_value(b, i)
		if (!number(x) || x <= 0) continue
		if (base == "") base = x
		body = body sprintf("<text x=\"200\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 4, escaped(blabel[b, i]))
		body = body sprintf("<rect class=\"%s\" x=\"210\" y=\"%d\" width=\"%.1f\" height=\"14\" rx=\"2\"/>\n",
		    blabel[b, i] ~ /hutch/ ? "hutch" : blabel[b, i] ~ /floor/ ? "floor" : "peer", y - 7, place(x) - 210)
		body = body sprintf("<text x=\"%.1f\" y=\"%d\">%s  (%s)</text>\n", place(x) + 6, y + 4,
		    x < 1 ? sprintf("%.3f", x) : x < 100 ? sprintf("%.2f", x) : sprintf("%d", x), \
		    x / base < 10 ? sprintf("%.2f", x / base) : sprintf("%.0f", x / base))
		y += 20
	}
	for (p = least; p <= largest; p++)
		body = body sprintf("<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"scale\" x=\"%.1f\" y=\"%d\">%s</text>\n",
		    place(10 ^ p), top, y - 10, place(10 ^ p), y + 2, 10 ^ p)
	return y + 34
}

function write_svg(    b, y) {
	body = ""
	y = 54
	for (b = 1; b <= nbars; b++) y = draw_part(b, y + 10)
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"740\" height=\"%d\" viewBox=\"0 0 740 %d\">\n", y, y >svg
	print "<style>text{font:12px sans-serif;fill:#24292f}.title{font-weight:bold}.scale{font-size:10px;text-anchor:middle}" >svg
	print ".hutch{fill:#2f81c7}.floor{fill:#7d8590}.peer{fill:#c98b2b}.grid{stroke:#7d8590;stroke-opacity:.35}" >svg
	print "@media (prefers-color-scheme:dark){text{fill:#d8dee4}}</style>" >svg
	print "<text class=\"title\" x=\"10\" y=\"20\">Medians of one run; in brackets the ratio to the first bar of each part</text>" >svg
	printf "<text class=\"scale\" style=\"text-anchor:start\" x=\"10\" y=\"36\">%s</text>\n", escaped(said["machine"]) >svg
	printf "%s</svg>\n", body >svg
}

END {
	# what was not asked this time is not told
	for (i = 1; i <= nrows; i++)
		if (rows[i] in answered) rows[++n_answered] = rows[i]
	nrows = n_answered
	for (i = 1; i <= nrows; i++) {
		r = rows[i]
		for (j = 1; j <= nsubjects[r]; j++)
			for (c = 1; c <= nkeys[r, subject[r, j]]; c++)
				sort(r, subject[r, j], key[r, subject[r, j], c])
	}
	table_of_asked()
	for (i = 1; i <= nrows; i++)
		table(rows[i])
	if (said["machine"] != "") printf "\n%s\n%s\n", said["machine"], said["versions"]
	if (took != "") printf "took: %s\n", took
	if (json) write_json()
	if (svg) write_svg()
}
