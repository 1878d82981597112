# Claims as TAP, and what is compared in them; sourced. $claim_number is said with each.
#
#   claim "text"          begins a claim, and ends the one before
#   same/like/unlike      what is compared: WHAT GOT WANTED
#   note "text"           what is wrong, and the claim with it
#   skip "why"            this machine really cannot
#
# claim_begins and claim_ends are called where a claim does; who sources this may have its own.
#
# shellcheck shell=bash disable=SC2154

# ---- results -----------------------------------------------------------------

claim_text='' claim_skip='' claim_notes=''

claim_begins() { :; }
claim_ends() { :; }

note() {
	claim_notes+="# ${1//$'\n'/$'\n'#   }"$'\n'
}

claim_end() {
	[ -n "$claim_text" ] || return 0
	claim_ends
	if [ -n "$claim_skip" ]; then
		echo "ok - $claim_number: $claim_text # SKIP $claim_skip"
	elif [ -n "$claim_notes" ]; then
		printf 'not ok - %s: %s\n%s' "$claim_number" "$claim_text" "$claim_notes"
	else
		echo "ok - $claim_number: $claim_text"
	fi
	claim_text='' claim_skip='' claim_notes=''
}

claim() {
	claim_end
	claim_text=$1
	claim_begins
}

skip() {
	claim_skip=$1
}

trap 'claim_end' EXIT

# ---- comparisons -------------------------------------------------------------

same() {
	[ "$2" = "$3" ] || note "$1: got '$2', wanted '$3'"
}

# shellcheck disable=SC2053
like() {
	[[ $2 == $3 ]] || note "$1: got '$2', wanted $3"
}

# shellcheck disable=SC2053
unlike() {
	[[ $2 != $3 ]] || note "$1: got '$2', which must not be like $3"
}

# One word of "a=1 b=2".
field() {
	local word
	for word in $2; do
		[ "${word%%=*}" = "$1" ] && echo "${word#*=}"
	done
}
