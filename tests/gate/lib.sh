# What both parts of the gate share: versions, and the budget; sourced. $here is this folder, $budget may be set before.
#
#   judge WHAT FIGURES   prints FIGURES against the budget as TAP; with UPDATE=1 they are recorded instead
#
# shellcheck shell=bash disable=SC2034,SC2154
export LC_ALL=C
die() { echo "gate: $*" >&2; exit 1; }
bench=$here/../bench
budget=${BUDGET:-$bench/budget}

# package NAME: its upstream version
package() {
	local version
	version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) || version=unknown
	version=${version#*:}
	echo "${version%%[-+]*}"
}

read -ra cc <<<"${CC:-musl-gcc}"
compiler=$("${cc[@]}" -dumpfullversion -dumpversion) || die "no ${cc[0]}"
[[ $("${cc[@]}" --version) == *clang* ]] && compiler=clang-$compiler || compiler=gcc-$compiler
compiler=$compiler,musl-$(package musl-dev)

# They take the place of what is there for the same versions.
record() {
	awk 'NR == FNR { new[$1 " " $2 " " $3] = $4; next }
		/^#/ { print; fflush(); next }
		!(($1 " " $2 " " $3) in new) { print | "sort" }
		END { for (k in new) print k, new[k] | "sort" }' "$1" "$budget" >"$budget.new"
	mv "$budget.new" "$budget"
	echo "ok - $2: $(wc -l <"$1") figures recorded"
}

judge() {
	if [ -n "${UPDATE:-}" ]; then
		record "$2" "$1"
	else
		awk -v what="$1" -f "$here/judge.awk" "$budget" "$2"
	fi
}

# launch_profile EXEC: the profile of the launches, and of the service
launch_profile() {
	sed "s,@ROOT@,/box,; s,@PROPAGATION@,slave,; s,@EXEC@,$1," "$bench/launch.conf"
}
