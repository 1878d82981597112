#!/bin/bash
# Profiles against the plans and the errors that hutch makes of them, byte for byte.
#
#   tests/golden/run.sh OUT HUTCH        UPDATE=1 rewrites what is expected
#
# plans/NAME.conf, whose first line is `# facts: FACTS [ENV=VALUE] [--OPTION]...`, makes the plan
# plans/NAME.plan. errors/NAME.conf, the same, makes the messages and the exit status of
# errors/NAME.err. What cannot be a file here (a FIFO, 100,001 lines) is made at run
# time; only its errors/NAME.err is kept. machine/init.conf is what PID 1 reads, of which
# machine/init.plan shows what was understood. lines.txt is a table of single lines and what
# is wrong with each.
set -u

out=$1/golden
hutch=$(realpath "$2") || exit 1
here=$(cd "$(dirname "$0")" && pwd)
src=$here/../../src
update=${UPDATE:-}
number=0 failed=0
PATH=$PATH:/usr/sbin:/sbin

case $out in /*) ;; *) out=$PWD/$out ;; esac
rm -rf "$out"
mkdir -p "$out"
cd "$here" || exit 1

# result NAME STATUS: one line of TAP.
result() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number - $1"
	else
		failed=$((failed + 1))
		echo "not ok $number - $1"
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# expect NAME WANT GOT: the two files are the same, or become so.
expect() {
	if [ -n "$update" ] && ! cmp -s "$2" "$3"; then
		cp "$3" "$2"
		echo "# updated $2"
	fi
	if [ ! -f "$2" ]; then
		echo "# no $2: UPDATE=1 makes it"
		result "$1" 1
		return
	fi
	diff -u "$2" "$3" >"$out/diff" 2>&1
	local status=$?
	[ "$status" -eq 0 ] || head -n 40 "$out/diff" | sed 's/^/# /'
	result "$1" "$status"
}

# facts CONF: what its first line says, into $facts, $vars and $options.
facts() {
	local words word
	read -r -a words < <(sed -n '1s/^# facts: *//p' "$1")
	facts=facts/${words[0]:-root-6.18}.facts
	vars=() options=()
	for word in "${words[@]:1}"; do
		case $word in
		-*) options+=("$word") ;;
		*) vars+=("$word") ;;
		esac
	done
}

plan_cases() {
	local conf name
	for conf in plans/*.conf; do
		name=${conf%.conf}
		facts "$conf"
		env -i "${vars[@]}" "$hutch" plan --facts "$facts" "${options[@]}" "$conf" \
			>"$out/got" 2>"$out/errors" </dev/null
		echo "status $?" >>"$out/errors"
		[ "$(cat "$out/errors")" = "status 0" ] || cat "$out/errors" >>"$out/got"
		expect "$name" "$name.plan" "$out/got"
		# What plan accepts, check accepts without a word, but for notes.
		"$hutch" check --facts "$facts" "$conf" >"$out/got" 2>&1 </dev/null
		echo "status $?" >>"$out/got"
		[ "$(grep -v ': note: ' "$out/got")" = "status 0" ]
		result "check $name" $?
	done
}

# check NAME ARG...: hutch check's messages and status against errors/NAME.err.
check() {
	local name=$1
	shift
	timeout 10 "$hutch" check "$@" >"$out/stdout" 2>"$out/got" </dev/null
	echo "status $?" >>"$out/got"
	# The C libraries word some errors differently.
	sed -i "s,$out/,OUT/,g; s,Symbolic link loop,Too many levels of symbolic links,; s,step [0-9]* of [0-9]*,step N of M,; s,tree\.bind),tree.clone)," "$out/got"
	[ ! -s "$out/stdout" ] || sed 's/^/stdout: /' "$out/stdout" >>"$out/got"
	expect "$name" "errors/$name.err" "$out/got"
}

# There is no plan of a machine: what was read is printed, and reads back the same.
machine_cases() {
	"$hutch" plan machine/init.conf >"$out/got" 2>&1 </dev/null
	expect machine/init machine/init.plan "$out/got"
	cp "$out/got" "$out/init.conf"
	"$hutch" plan "$out/init.conf" 2>&1 </dev/null | cmp -s - "$out/got"
	result "machine/init reads back" $?
	"$hutch" check machine/init.conf >"$out/got" 2>&1 </dev/null && [ ! -s "$out/got" ]
	result "check machine/init" $?
	check run-machine --facts facts/root-6.18.facts machine/none/init.conf
	"$hutch" run machine/init.conf 2>&1 </dev/null | grep -q 'makes no sandbox'
	result "init.conf is not run" $?
}

error_cases() {
	local conf
	for conf in errors/*.conf; do
		facts "$conf"
		check "$(basename "$conf" .conf)" --facts "$facts" "${options[@]}" "$conf"
	done
}

# What the mount table of a host makes of profiles. Whatever is told, they are right.
layout_cases() {
	local conf missing
	for conf in layouts/*.conf; do
		facts "$conf"
		check "../${conf%.conf}" --facts "$facts" --mounts layouts/host.mounts "${options[@]}" "$conf"
	done
	for conf in layouts/*.conf; do
		cat "${conf%.conf}.err"
	done | grep -v '^status 0$' | grep -v ' warning: '
	result "layouts are told of, and right" $((! $?))
	check ../layouts/set --facts facts/root-6.18.facts --mounts layouts/host.mounts layouts
	# The profiles of all other plans, on a host where all is shared.
	grep '^[1-6] ' layouts/host.mounts >"$out/shared"
	for conf in plans/*.conf; do
		facts "$conf"
		"$hutch" check --facts "$facts" --mounts "$out/shared" "$conf" 2>&1
	done | grep -v ': note: ' >"$out/got"
	expect layouts/plans layouts/plans.err "$out/got"
	missing=$(comm -23 <(sed -n 's/^FINDING(\([A-Z_]*\), "\(.*\)", ".*/\2/p' "$src/plan/layout.def" | sort) \
		<(sed -n 's/.* warning: [a-z]* [^ ]*: //p' layouts/*.err | sed 's,/srv.*,,; s,/[a-z]*: write this line.*,,' | sort -u))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/# told of no layout: /'
	[ -z "$missing" ]
	result "every finding of layout.def has a test" $?
	# A table that cannot be one is no table.
	printf '%s\n' "1 0 8:1 / / rw - ext4 x" "1 1 8:1 / /a rw - ext4 x" >"$out/twice"
	printf '%s\n' "1 0 8:1 / / rw - ext4 x" "2 3 8:1 / /a rw - ext4 x" "3 2 8:1 / /a rw - ext4 x" >"$out/circle"
	printf '%s\n' "1 0 8:1 / / rw shared:1 master:2 - ext4 x" "2 1 8:1 / /a rw shared:2 master:1 - ext4 x" >"$out/groups"
	printf '%s\n' "1 0 8:1 / / rw - ext4 x" "2 1 8:2 / /a rw - ext4 x" "3 2 8:3 / /b rw - ext4 x" >"$out/beside"
	printf '%s\n' "1 0 8:1 / / rw - ext4 x" "nonsense" >"$out/nonsense"
	: >"$out/no-lines"
	for conf in twice circle groups beside nonsense no-lines; do
		check "../layouts/$conf" --facts facts/root-6.18.facts --mounts "$out/$conf" layouts/words.conf
	done
	check ../layouts/no-file --facts facts/root-6.18.facts --mounts "$out/none" layouts/words.conf
}

# Trees of whole machines: with what is beneath them and nothing of this one.
tree_cases() {
	local tree
	for tree in trees/*/; do
		tree=${tree%/}
		check "../$tree" --root "$tree"
		check "../$tree" "--facts=facts/root-6.18.facts" --root "$tree/" "$tree/etc/hutch"
	done
	check tree-file --root trees/wrong trees/wrong/etc/hutch/fine.conf
	check tree-inside --root trees/wrong /etc/hutch/fine.conf /etc/hutch/two
	check tree-old --root trees/right --facts facts/root-4.19.facts
	check tree-no-facts --root trees/right --facts trees/none
	check tree-none --root trees/none
	check tree-no-directory --root trees/right /etc/none
	check tree-empty --root trees/right /etc
	check set --facts facts/root-6.18.facts trees/right/etc/hutch
	check set-files --facts facts/root-6.18.facts trees/right/etc/hutch/log.conf trees/right/etc/hutch/web.conf
	check set-order --facts facts/root-6.18.facts trees/wrong/etc/hutch
	mkdir -p "$out/tree/etc/hutch"
	ln -sf /etc/secret "$out/tree/etc/hutch/out.conf"
	ln -sf ../../../../../../../../etc/passwd "$out/tree/etc/hutch/up.conf"
	check tree-escape --root "$out/tree"
	# Nothing of it reads where it does not know what comes.
	mkfifo "$out/tree/etc/hutch/fifo.conf"
	check tree-fifo --root "$out/tree"
}

# Lines of lines.txt, below each its messages, indented; `@ FACTS` holds for what
# follows, `@ init`: that the line is one of init.conf. Escapes of printf are undone in the line, for control characters and for
# faults that need two lines; root=/r and exec=/x are added where they are missing.
line_cases() {
	local got=$out/lines.txt facts='' line name bad=0
	while IFS= read -r name; do
		case $name in
		'#'* | '') printf '%s\n' "$name" ;;
		'    '*) ;;
		'@ '*)
			facts=${name#@ }
			printf '%s\n' "$name"
			;;
		*)
			printf '%s\n' "$name"
			# shellcheck disable=SC2059 # the escapes are what is wanted
			printf "${name//%/%%}\n" >"$out/t"
			if [ "$facts" = init ]; then
				cp "$out/t" "$out/init.conf"
				(cd "$out" && timeout 10 "$hutch" check init.conf) 2>&1 </dev/null | sed 's/^/    /'
				continue
			fi
			grep -qa '^root=' "$out/t" || echo root=/r >>"$out/t"
			grep -qa '^exec=' "$out/t" || echo exec=/x >>"$out/t"
			(cd "$out" && timeout 10 "$hutch" check --facts "$here/facts/$facts.facts" t) 2>&1 </dev/null |
				sed 's/^/    /'
			;;
		esac
	done <lines.txt >"$got"
	expect lines.txt lines.txt "$got"
	# A line that is wrong has a message below it, one that says `right` has none.
	line=
	while IFS= read -r name; do
		case $name in
		'    '*) line= ;;
		*)
			[ -z "$line" ] || { echo "# nothing is wrong with: $line"; bad=1; }
			case $name in '#'* | '' | '@ '*) line= ;; *) line=$name ;; esac
			;;
		esac
	done <"$got"
	[ -z "$line" ] || { echo "# nothing is wrong with: $line"; bad=1; }
	result "every line of lines.txt is wrong" "$bad"
}

# What cannot or should not be a file of the repository.
made_cases() {
	local t=$out/made f=facts/root-6.18.facts good='root=/r
exec=/x'
	mkdir -p "$t"
	check no-file --facts "$f" "$t/none.conf"
	check no-argument
	check empty-name --facts "$f" ""
	check bad-option --fact "$f" x.conf
	check option-alone --facts
	check directory --facts "$f" "$t"
	mkfifo "$t/fifo"
	check fifo --facts "$f" "$t/fifo"
	check device --facts "$f" /dev/zero
	check proc-file --facts "$f" /proc/self/status
	: >"$t/empty.conf"
	check empty-file --facts "$f" "$t/empty.conf"
	ln -s loop "$t/loop"
	check link-loop --facts "$f" "$t/loop"
	printf '%s\n\0' "$good" >"$t/nul.conf"
	check nul --facts "$f" "$t/nul.conf"
	printf 'hostname=a\033b\nnice=99\n' >"$t/escape.conf"
	check control --facts "$f" "$t/escape.conf"
	printf '%s\r\n' root=/r exec=/x >"$t/dos.conf"
	check dos --facts "$f" "$t/dos.conf"
	printf '\357\273\277%s\nnice=99\n' "$good" >"$t/mark.conf"
	check byte-order-mark --facts "$f" "$t/mark.conf"
	printf '\177ELF\2\1\1\0\0\0nice=1\n' >"$t/binary.conf"
	check binary --facts "$f" "$t/binary.conf"
	{ printf 'exec=/x '; head -c 1048500 /dev/zero | tr '\0' a; printf '\nroot=/r\nnice=99\n'; } >"$t/long.conf"
	check long-line --facts "$f" "$t/long.conf"
	{ printf 'exec=/x '; head -c 8184 /dev/zero | tr '\0' a; printf '\nroot=/r\n'; } >"$t/longest.conf"
	check longest-line --facts "$f" "$t/longest.conf"
	head -c 1048577 /dev/zero | tr '\0' '\n' >"$t/large.conf"
	check large-file --facts "$f" "$t/large.conf"
	{ printf '%s\n' "$good"; yes '#' | head -n 99998; } >"$t/lines.conf"
	check most-lines --facts "$f" "$t/lines.conf"
	printf 'nice=99\n' >>"$t/lines.conf"
	check too-many-lines --facts "$f" "$t/lines.conf"
	yes nice=99 | head -n 100000 >"$t/findings.conf"
	check many-findings --facts "$f" "$t/findings.conf"
	{ printf '%s\n' "$good"; yes 'tmpfs=/t' | head -n 5000; } >"$t/mounts.conf"
	check many-mounts --facts "$f" "$t/mounts.conf"
	{ printf '%s\n' "$good"; for i in {1..3000}; do printf 'tmpfs=/place-%070d\n' "$i"; done; } >"$t/steps.conf"
	"$hutch" plan --facts "$f" "$t/steps.conf" 2>&1 |
		awk 'NR == 1 { n = $3 } $1 ~ /^[0-9]+$/ { last = $1; kind = $3 } END { exit !(n > 3000 && n == last && kind == "exec") }'
	result "a long plan is printed to its last step" $?
	printf '%s\nnice=1' "$good" >"$t/no-newline.conf"
	check no-newline --facts "$f" "$t/no-newline.conf"
	printf 'include=self.conf\n' >"$t/self.conf"
	check include-self --facts "$f" "$t/self.conf"
	printf 'include=b.conf\n' >"$t/a.conf"
	printf 'include=a.conf\n' >"$t/b.conf"
	check include-circle --facts "$f" "$t/a.conf"
	printf '%s\ninclude=none.conf\n' "$good" >"$t/inc.conf"
	check include-none --facts "$f" "$t/inc.conf"
	mkdir -p "$t/sub"
	printf '%s\ninclude=sub/one.conf\n' "$good" >"$t/beside.conf"
	printf 'include=two.conf\n' >"$t/sub/one.conf"
	printf 'nice=99\n' >"$t/sub/two.conf"
	check include-beside --facts "$f" "$t/beside.conf"
	printf 'nice=1\n' >"$t/sub/two.conf"
	printf '%s\ninclude=sub/one.conf\nnice=2\n' "$good" >"$t/beside.conf"
	check include-twice --facts "$f" "$t/beside.conf"
	check argument-then-include --facts "$f" root=/r exec=/x nice=3 "include=$t/sub/two.conf"
	check arguments --facts "$f" nice=20 root=r exec= oops hostnam=x $'umask=0\n22' -- /x
	check arguments-right --facts "$f" nice=19 root=/r -- /x
	check argument-overrides --facts "$f" "$t/no-newline.conf" nice=2 root=/s
	check argument-twice --facts "$f" root=/r exec=/x nice=2 nice=3
	check argument-option --facts "$f" root=/r exec=/x --name web
	check nothing-behind-dashes --facts "$f" root=/r --
	check no-facts --facts "$t/none.facts" root=/r exec=/x
	grep -v '^ns_pid=' "$f" >"$t/short.facts"
	check facts-missing --facts "$t/short.facts" root=/r exec=/x
	{ cat "$f"; echo ns_pid=1; } >"$t/twice.facts"
	check facts-twice --facts "$t/twice.facts" root=/r exec=/x
	printf 'uid=-1\n' >"$t/junk.facts"
	check facts-junk --facts "$t/junk.facts" root=/r exec=/x
	printf 'ns_moon=1\n' >"$t/unknown.facts"
	check facts-unknown --facts "$t/unknown.facts" root=/r exec=/x
	check no-source root=/ exec=/x "bind=$t/nothing /mnt"
	if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
		skip no-permission "needs root and setpriv"
		return
	fi
	if [ "$(head -c 4 "$hutch" | tail -c 3)" != ELF ]; then
		skip no-permission "hutch is run by something else here"
		return
	fi
	local dir
	dir=$(mktemp -d /tmp/hutch-golden.XXXXXX) || return
	cp "$hutch" "$dir/hutch"
	cp "$f" "$dir"
	printf '%s\n' "$good" >"$dir/secret.conf"
	chmod 755 "$dir" "$dir/hutch"
	chmod 600 "$dir/secret.conf"
	(cd "$dir" && setpriv --reuid=65534 --regid=65534 --clear-groups ./hutch check \
		--facts "${f##*/}" secret.conf) >"$out/got" 2>&1 </dev/null
	echo "status $?" >>"$out/got"
	rm -rf "$dir"
	expect no-permission errors/no-permission.err "$out/got"
}

# Every kind of step must be in some plan, every key in some profile that makes one.
coverage() {
	local missing
	missing=$(comm -23 \
		<(sed -n 's/^STEP([A-Z0-9_]*, "\([^"]*\)".*/\1/p' "$src/plan/steps.def" | sort) \
		<(awk '$1 ~ /^[0-9]+$/ { print $3 }' plans/*.plan | sort -u))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/# in no plan: /'
	[ -z "$missing" ]
	result "every kind of step is in a plan" $?
	missing=$(comm -23 \
		<(sed -n 's/^KEY([a-z0-9_]*, "\([^"]*\)".*/\1/p' "$src/profile/keys.def" | sort) \
		<(sed -n 's/^\(\(rlimit\|hub\)\.\)[a-z]*=.*/\1/p; s/^\([a-z.-]*\)=.*/\1/p' plans/*.conf machine/*.conf | sort -u))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/# in no profile: /'
	[ -z "$missing" ]
	result "every key is in a profile" $?
	missing=$(comm -23 \
		<(sed -n 's/^CHILD(.*, "\(.*\)")$/\1/p' "$src/plan/child.def" | sort) \
		<(sed -n 's/^# mounts by.*, child by [a-z ]*: //p' plans/*.plan | sort -u))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/# in no plan: /'
	[ -z "$missing" ]
	result "every way to make a child is in a plan" $?
	missing=$(comm -23 \
		<(sed -n 's/^RULE(.*, "\(.*\)")$/\1/p' "$src/profile/rules.def" | sort -u) \
		<(cat errors/*.err lines.txt | sed 's/^ *//; s/^[^ ]*: //' | sort -u))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/# rule without a test: /'
	[ -z "$missing" ]
	result "every rule of rules.def has a test" $?
}

plan_cases
error_cases
layout_cases
tree_cases
machine_cases
line_cases
made_cases
coverage
echo "1..$number"
[ "$failed" -eq 0 ]
