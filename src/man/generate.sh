#!/bin/sh
# Manuals and completion out of the tables that the program itself is made of.
#
#   src/man/generate.sh FILE.in VERSION      the file, complete, on standard output
#
# A line such as @KEYS program@ is replaced by the rows of a table: @COMMANDS@,
# @SYNOPSIS@, @KEYS GROUP@, @STEPS SIDE@, @FACTS@, @CAUSES@, @STATES@, @EVENTS@,
# @STATUS@, @VERBS WHO@ (who may ask for them) as mdoc; @COMPLETION@ as variables of a
# shell; @OPERATIONS@, @MOUNT_RULES@, @MODEL_FACTS@ of simulate; @LAYOUTS@ of check; @REASONS@ of why. @VERSION@ is replaced where it stands.
set -eu
export LC_ALL=C
src=$(cd "$(dirname "$0")/.." && pwd)
in=$1 version=$2

exec awk -v src="$src" -v version="$version" '
# The arguments of the macro that a row of a .def file is, into a[1..n].
function arguments(text,    i, c, quoted, n, word) {
	split("", a)
	for (i = index(text, "(") + 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (quoted && c == "\\") {
			word = word substr(text, ++i, 1)
		} else if (c == "\"") {
			quoted = !quoted
		} else if (!quoted && (c == "," || c == ")")) {
			a[++n] = word
			word = ""
			if (c == ")")
				return n
		} else if (quoted || c !~ /[ \t\n]/) {
			word = word c
		}
	}
	return 0	# the row goes on in the next line
}

# Calls row(kind) for each row of the table.
function table(file, macro, kind, group,    line, text, comment, path) {
	path = src "/" file
	text = ""
	while ((getline line <path) > 0) {
		if (line ~ /^\/\*/)
			comment = 1
		if (!comment && (text != "" || index(line, macro "(") == 1)) {
			text = text "\n" line
			if (arguments(text)) {
				row(kind, group)
				text = ""
			}
		}
		if (line ~ /\*\//)
			comment = 0
	}
	close(path)
}

# Plain text as mdoc, in a line of its own or as one quoted argument.
function plain(text) {
	gsub(/\\/, "\\e", text)
	gsub(/"/, "\\(dq", text)
	if (text ~ /^[.\047]/)
		text = "\\&" text
	return text
}
function quoted(text) { return "\"\\&" plain(text) "\"" }
function sentence(text) {
	if (text !~ /^[a-z]*[_(]/)	# a word of C stays as it is
		text = toupper(substr(text, 1, 1)) substr(text, 2)
	text = plain(text)
	return text ~ /[.]$/ ? text : text "."
}

function row(kind, group) {
	if (kind == "commands") {
		print ".It Ic " a[2] (a[3] == "" ? "" : " Ar " quoted(a[3]))
		print sentence(a[4])
	} else if (kind == "synopsis") {
		print ".Nm"
		print ".Ic " a[2] (a[3] == "" ? "" : "\n.Ar " quoted(a[3]))
	} else if (kind == "keys" && a[6] == group) {
		print ".It Cm " quoted(a[2] (a[2] ~ /[.]$/ ? "NAME=" : "=")) " Ns Ar " quoted(a[7])
		print sentence(a[9])
		if (a[5] == "MANY")
			print "May be given more than once."
		if (a[8] != "")
			print "Default:\n.Cm " quoted(a[8]) " ."
	} else if (kind == "steps" && a[3] == group) {
		print ".It Ic " quoted(a[2]) (a[4] == "MAY" ? " Pq may block" : "")
		print sentence(a[6])
		step[a[1]] = a[2]
	} else if (kind == "names") {
		step[a[1]] = a[2]
	} else if (kind == "facts") {
		print ".It Cm " a[1]
		print sentence(a[3])
		if (a[2] != "")
			print "Linux " a[2] " or newer."
	} else if (kind == "operations") {
		print ".It Ic " a[2] (a[5] == "" ? "" : " Ar " quoted(a[5]))
		if (a[6] != "")
			print sentence(a[6])
	} else if (kind == "reasons") {
		print ".It Cm " a[2]
		gsub(/%s/, "...", a[3])
		print sentence(a[3])
	} else if (kind == "rules") {
		print ".It Er " a[2]
		print sentence(a[3])
	} else if (kind == "layouts") {
		print ".It"
		print sentence(a[2] "PATH" a[3])
	} else if (kind == "model facts") {
		print ".It Cm " a[2] "=" (a[3] ? "yes" : "no")
		print sentence(a[4])
	} else if (kind == "causes") {
		print ".It Ic " quoted(step[a[1]]) " , Er " a[2]
		print sentence(a[3])
	} else if (kind == "states") {
		print ".It Ic " a[2]
		print sentence(a[3])
	} else if (kind == "status") {
		print ".It Cm " a[2]
		print sentence(a[4])
	} else if (kind == "verbs" && a[3] == group) {
		words = words " , " a[2]
	} else if (kind == "words") {
		words = words " " a[2]
	} else if (kind == "options") {
		while (match(a[3], /--?[a-z][a-z-]*/)) {
			words = words " " a[2] ":" substr(a[3], RSTART, RLENGTH)
			a[3] = substr(a[3], RSTART + RLENGTH)
		}
	} else if (kind == "key words") {
		words = words " " a[2]
		if (a[2] !~ /[.]$/)
			words = words "="
	} else if (kind == "choices" && a[3] == "CHOICE") {
		gsub(/[|]/, " ", a[7])
		print "\t[" a[2] "]=\"" a[7] "\""
	}
}

function variable(name, file, macro, kind) {
	words = ""
	table(file, macro, kind)
	print name "=\"" substr(words, 2) "\""
}

{ gsub(/@VERSION@/, version) }
/^@COMMANDS@$/ { table("cli/commands.def", "COMMAND", "commands"); next }
/^@SYNOPSIS@$/ { table("cli/commands.def", "COMMAND", "synopsis"); next }
/^@KEYS .*@$/ { sub(/@$/, "", $2); table("profile/keys.def", "KEY", "keys", $2); next }
/^@STEPS .*@$/ { sub(/@$/, "", $2); table("plan/steps.def", "STEP", "steps", $2); next }
/^@FACTS@$/ { table("plan/facts.def", "FACT", "facts"); next }
/^@CAUSES@$/ {
	table("plan/steps.def", "STEP", "names")
	table("plan/causes.def", "CAUSE", "causes")
	next
}
/^@OPERATIONS@$/ { table("mounts/operations.def", "OPERATION", "operations"); next }
/^@MOUNT_RULES@$/ { table("mounts/rules.def", "RULE", "rules"); next }
/^@REASONS@$/ { table("mounts/reasons.def", "REASON", "reasons"); next }
/^@MODEL_FACTS@$/ { table("mounts/model_facts.def", "MODEL_FACT", "model facts"); next }
/^@LAYOUTS@$/ { table("plan/layout.def", "FINDING", "layouts"); next }
/^@STATES@$/ { table("service/states.def", "STATE", "states"); next }
/^@EVENTS@$/ { table("service/states.def", "EVENT", "states"); next }
/^@STATUS@$/ { table("service/verbs.def", "STATUS", "status"); next }
/^@VERBS .*@$/ {
	words = ""
	sub(/@$/, "", $2)
	table("service/verbs.def", "VERB", "verbs", $2)
	print ".Ic " substr(words, 4) " ."
	next
}
/^@COMPLETION@$/ {
	variable("_hutch_commands", "cli/commands.def", "COMMAND", "words")
	variable("_hutch_options", "cli/commands.def", "COMMAND", "options")
	variable("_hutch_keys", "profile/keys.def", "KEY", "key words")
	print "declare -A _hutch_choices=("
	table("profile/keys.def", "KEY", "choices")
	print ")"
	next
}
/^@/ { print "generate.sh: " FILENAME ":" FNR ": " $0 > "/dev/stderr"; exit 1 }
{ print }
' "$in"
