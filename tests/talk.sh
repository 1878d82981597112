# shellcheck shell=bash
# Sandboxes whose payload is a shell that a script talks to. To be sourced; uses
# $hutch (the program) and $work (a folder for the pipes).
: "${hutch:?}" "${work:?}"
declare -A talk_to talk_from talk_pid

# talk_start NAME ARGUMENT...: hutch run --name NAME ARGUMENT... -- sh, in the background
talk_start() {
	local name=$1 in out fd
	shift
	mkfifo "$work/$name.in" "$work/$name.out"
	(
		# The pipes of the others would stay open in this one.
		for fd in "${talk_to[@]}" "${talk_from[@]}"; do exec {fd}>&-; done
		exec "$hutch" run --name "$name" "$@" -- sh <"$work/$name.in" >"$work/$name.out" 2>&1
	) &
	talk_pid[$name]=$!
	exec {in}>"$work/$name.in" {out}<"$work/$name.out"
	rm -f "$work/$name.in" "$work/$name.out"
	talk_to[$name]=$in talk_from[$name]=$out
}

# ask NAME COMMAND: what the shell in the sandbox prints; 1 when it is not there (any more)
ask() {
	local name=$1 line
	shift
	printf '%s\necho "=done="\n' "$*" >&"${talk_to[$name]}" || return 1
	while IFS= read -r -t 5 line <&"${talk_from[$name]}"; do
		[ "$line" = "=done=" ] && return
		printf '%s\n' "$line"
	done
	return 1
}

# talk_end NAME: the shell sees the end of its input; hutch's status
talk_end() {
	local in=${talk_to[$1]} out=${talk_from[$1]} pid=${talk_pid[$1]} status
	exec {in}>&-
	wait "$pid"
	status=$?
	exec {out}<&-
	unset "talk_to[$1]" "talk_from[$1]" "talk_pid[$1]"
	return $status
}

# talk_kill: ends what still runs
talk_kill() {
	local pid
	for pid in "${talk_pid[@]}"; do kill -TERM "$pid" 2>/dev/null; done
	wait
}
