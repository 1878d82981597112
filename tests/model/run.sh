#!/bin/bash
# Scripts of operations whose outcome is stated, through the model and the kernel, as TAP.
#
#   tests/model/run.sh HUTCH
set -u
hutch=$1
n=0 bad=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

for script in tests/model/scripts/*.sim; do
	name=$(basename "$script" .sim)
	"$hutch" simulate "$script" >"$log" 2>&1
	say $? "$name: as stated"
	"$hutch" simulate --real "$script" >"$log" 2>&1
	say $? "$name: the kernel does the same"
done

errors() {	# errors NAME STATUS WORDS, the script on standard input
	cat >"$log.sim"
	# Whatever it is, it ends, and soon.
	timeout 20 "$hutch" simulate ${real:+"$real"} "$log.sim" >"$log" 2>&1
	[ $? -eq "$2" ] && grep -qF -- "$3" "$log"
	say $? "$1"
	rm -f "$log.sim"
}

errors 'an unknown operation is told with its place' 125 '.sim:2:3: unknown operation' <<<$'# words\n  mnt /a'
errors 'a namespace that is none' 125 '.sim:1:1: no namespace of that name' <<<'in b: mkdir /a'
errors 'a colon is missing' 125 ':1:4: in NAME: wants a colon' <<<'in b mkdir /a'
errors 'a relative path' 125 ':1:7: must be an absolute path' <<<'mkdir a'
errors 'a word too many' 125 ':1:10: too much' <<<'mkdir /a /b'
errors 'a word too few' 125 ':1:6: something is missing' <<<'bind /a'
errors 'the first namespace stays' 125 'the first namespace stays' <<<'end'
errors 'the root stays' 125 'the root of a namespace stays' <<<'umount -l /'
errors 'a refusal that nobody expects' 1 'umount /a: ENOENT: no such directory' <<<'umount /a'
errors 'an expectation that is wrong' 1 'not so: ENOENT' <<<$'umount /a\nexpect EINVAL'
errors 'an unknown word for a mount' 125 'no word for a mount' <<<'expect / pink'
errors 'a byte that is none' 125 ':1:1: a NUL byte' < <(printf 'mkdir /\0a\n')
errors 'a quote without its end' 125 ':1:7: ' <<<'mkdir "/a'
errors 'a line of a megabyte' 125 'is longer than 4095 bytes' < <(printf 'mkdir /'; head -c 900000 /dev/zero | tr '\0' a)

# What is drawn of a script, and nothing else, is on standard output; what is said is on standard error.
draws() {	# draws NAME STATUS OUTPUT WORDS... the script on standard input
	local name=$1 status=$2 want=$3
	shift 3
	cat >"$log.sim"
	"$hutch" simulate "$@" "$log.sim" >"$log" 2>"$log.said"
	[ $? -eq "$status" ] && cmp -s "$log" "$want" && [ "$(grep -c . "$log.said")" -eq 1 ]
	say $? "$name"
	rm -f "$log.sim" "$log.said"
}
scene=$'mkdir /a\nmkdir /b\nmount tmpfs /a x\nmake-shared /a\nclone box\nin box: make-slave /a\nmount tmpfs /a/x\nbind /b /a/x/y'
printf '%s\n' 'digraph mounts {' $'\trankdir=LR' $'\tnode [shape=box]' $'\t"main:/a" -> g1 [dir=both]' \
	$'\tg1 -> "box:/a"' $'\tg1 [shape=circle label="1"]' $'\t"main:/a/x" -> g2 [dir=both]' \
	$'\tg2 -> "box:/a/x"' $'\tg2 [shape=circle label="2"]' '}' >"$log.want"
draws '--dot: the end for dot(1), and a refusal beside it' 1 "$log.want" --dot <<<"$scene"
echo "$scene" >"$log.sim"
"$hutch" simulate --svg "$log.want" "$log.sim" >"$log" 2>&1
[ $? -eq 1 ] && [ "$(grep -c '>/a/x</text>' "$log.want")" -eq 2 ] && grep -q '^/a/x ' "$log"
say $? '--svg FILE: the tables are printed as well'
draws '--svg -: the same picture' 1 "$log.want" --svg - <<<"$scene"
rm -f "$log.want"
errors_of() {	# errors_of NAME STATUS WORDS...: a call that is wrong
	local name=$1 status=$2
	shift 2
	"$hutch" simulate "$@" >"$log" 2>&1
	[ $? -eq "$status" ]
	say $? "$name"
}
errors_of 'a picture of the kernel there is none' 2 --real --svg x.svg x.sim
errors_of 'one drawing at a time' 2 --dot --svg x.svg x.sim

kernel() {	# the same for --real
	real=--real errors "$@"
}

kernel 'more namespaces than --real takes' 125 'only 16 namespaces at a time' < <(for i in {1..17}; do echo "clone n$i"; done)
errors 'ten thousand namespaces' 0 'n9999:' < <(for i in {1..9999}; do echo "clone n$i"; done)
errors 'more namespaces than there is room for' 125 ':10000:1: more mounts or namespaces than there is room for' \
	< <(for i in {1..20000}; do echo "clone n$i"; done)
errors 'a script larger than any' 125 'larger than 1 MiB' < <(head -c 2000000 /dev/zero)
errors 'a megabyte of nonsense' 125 'a NUL byte' < <(head -c 1000000 /dev/urandom)
errors 'a namespace without a name' 125 ':1:4: in NAME: wants a colon' <<<'in "" mkdir /a'
errors 'an empty name' 125 ':1:1: no namespace of that name' <<<'in : mkdir /a'
errors 'an empty operation' 125 ':1:1: unknown operation' <<<'"" /a'
errors 'an empty type' 125 ':1:7: not a plain name' <<<'mount "" /a'
errors 'an empty path' 125 ':1:7: must be an absolute path' <<<'mkdir ""'
errors '-l of nothing' 125 ':1:8: something is missing behind this' <<<'umount -l'
errors 'a place two thousand directories deep' 1 'ENOENT: no such directory' \
	< <(printf 'mkdir '; for i in {1..2000}; do printf /a; done; echo)
errors 'more mounts than there is room for' 125 'more mounts or namespaces than there is room for' \
	< <(echo 'mkdir /a'; for i in {1..30}; do echo 'rbind / /a'; done)
echo "1..$n"
exit $bad
