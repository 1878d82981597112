#!/bin/bash
# overlay= and idmap=, and names that would be options if they were read again.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mkdir -p "$T/low" "$T/more" "$T/up" "$T/work"
echo low >"$T/low/file"
echo more >"$T/more/other"
chown 1000:1001 "$T/low/file"

claim "overlay: changes stay in memory, the lower directory as it was"
box overlay="$T/low /data" -- "$P" cat /data/file , make /data/new , mount /data
same "inside" "$text" $'low\nok\noverlay rw,nosuid,nodev private'
[ ! -e "$T/low/new" ] || note "written to the lower directory"

claim "overlay lower=: several layers, upper= and work= keep the changes"
box overlay="$T/low /data lower=$T/more upper=$T/up work=$T/work" -- "$P" cat /data/file , cat /data/other , make /data/new
same "inside" "$text" $'low\nmore\nok'
[ -e "$T/up/new" ] || note "not in the upper directory"
[ ! -e "$T/low/new" ] || note "written to the lower directory"

claim "overlay ro, size=, create"
box overlay="$T/low /made create ro" root-mode=overlay -- "$P" cat /made/file , make /made/x
same "inside" "$text" $'low\nEROFS'
says low overlay="$T/low /data size=1m" -- "$P" cat /data/file

claim "overlay over names with comma, colon, blank and equals sign: never options"
odd="$T/a,upperdir=x:y =z"
mkdir -p "$odd/work" "$odd/up" "$odd/low"
echo odd >"$odd/low/file"
box overlay="\"$odd/low\" /data \"upper=$odd/up\" \"work=$odd/work\"" -- "$P" cat /data/file , make /data/new
same "inside" "$text" $'odd\nok'
[ -e "$odd/up/new" ] || note "not in the upper directory"
rm -rf "$odd"

claim "bind of names that begin with a dash or hold comma, colon and blank"
odd="$T/-o,ro:x y"
mkdir -p "$odd"
echo odd >"$odd/file"
says odd bind="\"$odd\" /data" -- "$P" cat /data/file
says odd root-mode=overlay bind="\"$odd\" \"/-o,suid x\" create" -- "$P" cat "/-o,suid x/file"
rm -rf "$odd"

claim "a root whose name holds comma, colon and blank, plain and overlaid"
odd="$T/-r,a:b c"
cp -a "$R" "$odd"
says ok root="\"$odd\"" root-mode=rw -- "$P" make /made
rm "$odd/made"
says ok root="\"$odd\"" root-mode=overlay -- "$P" make /made
[ ! -e "$odd/made" ] || note "written to the root"
rm -rf "$odd"

claim "arguments that look like options, keys and separators reach the payload as they are"
says "[-x][--][root=/][--name=y][][a b]" -- "$P" args -x -- root=/ --name=y "" "a b"

claim "values that look like options are values"
says "$(printf 'A=-rf,x:y=z\nB=--help')" env="PATH=/bin A=-rf,x:y=z B=--help" -- "$P" env 2>/dev/null
claim_notes=''
box env="A=-rf,x:y=z" env="B=--help" -- "$P" env
like "environment" "$text" $'PATH=*\nA=-rf,x:y=z\nB=--help'
says "host=-n,x domain=(none)" hostname=x -- "$P" names >/dev/null 2>&1
claim_notes=''

claim "idmap=INSIDE:OUTSIDE:COUNT: the source's ids outside are others inside, both ways"
if [ "${CLAIM_KERNEL:-}" = old ]; then
	refused "idmap needs Linux 5.12" bind="$T/low /data idmap=0:1000:2" -- "${ran[@]}"
	exit 0
fi
says "file 0644 0:1" bind="$T/low /data idmap=0:1000:2" -- "$P" stat /data/file
chown 1000:1000 "$T/low"
box bind="$T/low /data rw idmap=0:1000:2" -- "$P" make /data/mine
same "made inside, seen outside" "$text $(stat -c %u:%g "$T/low/mine" 2>&1)" "ok 1000:1000"
same "the source's own ids" "$(stat -c %u:%g "$T/low/file")" 1000:1001
box bind="$T/more /data idmap=0:1000:2" -- "$P" stat /data/other
same "ids that the map does not know" "$text" "file 0644 65534:65534"
