# What the test programs of this folder share: they set n=0 bad=0 and log.
# shellcheck shell=bash disable=SC2034,SC2154
say() {	# say STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		sed 's/^/# /' "$log"
		bad=1
	fi
}
