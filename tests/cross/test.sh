#!/bin/bash
# Builds hutch and its unit tests for one machine and runs unit and golden tests
# under qemu-user. TAP.
#
#   tests/cross/test.sh ARCH OUT
set -u
arch=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
cc=$here/cc

tool() { "$cc" "$arch" -print-prog-name="$1"; }

if make -s O="$out" CC="$cc $arch" STRIP="$(tool strip)" NM="$(tool nm)" "$out/hutch" unit \
	>"$out.log" 2>&1; then
	echo "ok - $arch builds, $(stat -c %s "$out/hutch") bytes"
else
	echo "not ok - $arch builds"
	tail -n 20 "$out.log"
	exit 1
fi
if grep -q 'warning:' "$out.log"; then
	echo "not ok - $arch builds without a warning"
	grep 'warning:' "$out.log" | head
else
	echo "ok - $arch builds without a warning"
fi
"$cc" "$arch" -print-prog-name=readelf >/dev/null
if "$(tool readelf)" -l "$out/hutch" | grep -q INTERP; then
	echo "not ok - $arch is static"
else
	echo "ok - $arch is static"
fi
for t in "$out"/unit/test_*; do
	[ -x "$t" ] || continue
	case $t in *.d | *.c) continue ;; esac
	"$here/run" "$arch" "$t" >"$out/unit.tap"
	status=$?
	sed -n "s/^\(ok\|not ok\) [0-9]* *-* */\1 - $arch ${t##*\/}: /p" "$out/unit.tap"
	# One that dies says nothing of what it did not come to.
	grep -q '^1\.\.' "$out/unit.tap" || echo "not ok - $arch ${t##*\/} ended with status $status before its end"
done
cat >"$out/hutch-run" <<S
#!/bin/sh
exec "$here/run" $arch "$out/hutch" "\$@"
S
chmod +x "$out/hutch-run"
[ -x "$here/../golden/run.sh" ] && "$here/../golden/run.sh" "$out/golden" "$out/hutch-run" |
	sed -n "s/^\(ok\|not ok\) [0-9]* *-* */\1 - $arch golden: /p"
exit 0
