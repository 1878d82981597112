#!/bin/sh
# The texts of texts.in as one gzip archive in the words of a C array. A text ends with
# a NUL, a table with a byte 1.
#
#   src/archive/texts.sh CPP...     the C preprocessor with its flags
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)

"$@" -E -P -x c -I "$here/.." "$here/texts.in" | awk '
{
	for (i = 1; i <= length($0); i++) {
		c = substr($0, i, 1)
		if (quoted && c == "\\")
			printf "%s", substr($0, ++i, 1)
		else if (c == "\"")
			quoted = !quoted
		else if (quoted)
			printf "%s", c
		else if (c == ";")
			printf "\n"
		else if (c == "|")
			printf "\001"
	}
}' | tr '\n' '\0' | gzip -9n | od -A n -v -t u1 | sed 's/[0-9][0-9]*/&,/g'
