#!/bin/bash
# The manuals and the completion: whole, correct mdoc, and true to the program. TAP.
#
#   tests/man.sh OUT FILE...      OUT has hutch; the FILEs are what `make man` wrote
# shellcheck disable=SC2317 # ok() calls
set -uo pipefail
export LC_ALL=C

out=$1
shift
n=0 bad=0
ok() {
	local text=$1 said
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		bad=$((bad + 1))
		head -n 12 <<<"$said" | sed 's/^/# /'
	fi
}

# lint FILE: no warning of mandoc's, which prints them and exits with a status
lint() { mandoc -T lint -W warning "$1"; }
# shows FILE WORD...: each word stands in the formatted manual
shows() {
	local text word missing=0
	text=$(mandoc -T ascii "$1" | sed 's/.\x08//g')
	shift
	for word; do
		grep -qF -- "$word" <<<"$text" || { echo "missing: $word" && missing=1; }
	done
	return "$missing"
}
# options FILE: what help shows has an item of its own
options() {
	local word missing=0
	while read -r word; do
		word=${word#-}
		grep -qE "^\.It .*Fl (Fl )?${word#-}( |\$)" "$1" || { echo "missing: $word" && missing=1; }
	done < <("$out/hutch" help | grep '^hutch' | grep -oE -- '(^|[ [|])--?[a-z][a-z-]*' | tr -d ' [|' | sort -u)
	return "$missing"
}
commands() { "$out/hutch" help | awk '/^    / { split(last, word); print word[2] } { last = $0 }'; }
states() { "$out/hutch" graph --states | sed -n 's/^\t\([a-z]*\) -> .*label="\([a-z]*\).*/\1\n\2/p' | sort -u; }
no_marks() { ! grep -nE '@[A-Z]+( [a-z]+)?@' "$1"; }

completion=
for file; do
	ok "${file##*/}: every table was filled in" no_marks "$file"
	case $file in
	*.[1-9])
		if command -v mandoc >/dev/null; then
			ok "${file##*/}: mandoc has no warning" lint "$file"
		else
			n=$((n + 1))
			echo "ok $n - ${file##*/}: mandoc # SKIP mandoc is not installed"
		fi
		;;
	*) completion=$file ;;
	esac
	if command -v mandoc >/dev/null; then
		case $file in
		*.5)
			mapfile -t words < <("$out/hutch" keys | grep -v '^boot\.')
			ok "${file##*/}: has all ${#words[@]} keys" shows "$file" "${words[@]}"
			;;
		*-init.8)
			mapfile -t words < <("$out/hutch" keys | grep '^boot\.')
			ok "${file##*/}: has all ${#words[@]} keys of init.conf" shows "$file" "${words[@]}"
			;;
		*.8)
			mapfile -t words < <(commands)
			mapfile -t -O ${#words[@]} words < <("$out/hutch" facts | sed 's/=.*//')
			mapfile -t -O ${#words[@]} words < <(states)
			ok "${file##*/}: has all options" options "$file"
			ok "${file##*/}: has all commands, facts, states and events" shows "$file" "${words[@]}"
			;;
		esac
	fi
done

# complete WORD...: what bash would offer for the last word
complete_words() {
	bash --norc -c '
		. "$0"
		compopt() { :; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_hutch
		printf "%s\n" "${COMPREPLY[@]}"
	' "$completion" "$@"
}
# offers WANTED WORD...
offers() {
	local wanted=$1 got
	shift
	got=$(complete_words "$@")
	grep -qxF -- "$wanted" <<<"$got" || { echo "no $wanted among: $got" && return 1; }
}
mapfile -t words < <(commands)
for word in "${words[@]}"; do ok "completion: hutch ${word:0:2}: $word" offers "$word" hutch "${word:0:2}"; done
ok "completion: an option of supervise" offers --readers hutch supervise --
ok "completion: a signal" offers HUP hutch signal H
ok "completion: what to wait for" offers down hutch wait web d
ok "completion: an end of the machine" offers poweroff hutch shutdown p
ok "completion: a key of a profile" offers propagation= hutch run prop
ok "completion: a choice, where bash cuts at =" offers overlay hutch run root-mode = ov
ok "completion: a choice, where bash does not" offers overlay hutch run root-mode=ov
ok "completion: an option of its command" offers --status-fd hutch run --st
ok "completion: and not of another" bash -c "! $(declare -f complete_words offers); completion='$completion'; ! offers --status-fd hutch facts --st"

echo "1..$n"
exit $((bad > 0))
