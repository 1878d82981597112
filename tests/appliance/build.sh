#!/bin/bash
# What run.sh needs: the appliance's tree in O/appliance and, for a kernel, what boots in O/boot.
#
#   tests/appliance/build.sh O HUTCH here|KERNEL
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
out=$1 hutch=$2
if [ "$3" = here ]; then
	"$here/rootfs/appliance.sh" "$out/appliance"
else
	APPLIANCE=1 BUILD_ONLY=1 "$here/tests/vm/boot.sh" "$out" "$hutch" "$3"
fi
