#!/bin/bash
# Every word of propagation on every kind of mount, on this kernel and out of its initramfs: the product of tests/propagation.
# on: 5.10|7
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

modules overlay
write /etc/hutch/init.conf <<'C'
boot.hostname=hutch
boot.module=overlay
C
put /bin/cross "$(arch_folder "$OUT/.." "$arch")/propagation/cross"
PATIENCE=$((PATIENCE + ${VM_TIME:-600}))
boot
shell
for mechanism in ${CROSS_MECHANISMS:-2}; do
	claim "the product of propagation, mechanism $mechanism: as the table says"
	run "cross /init new $mechanism >/run/cross; grep -c ^ok /run/cross; grep -A 3 '^not' /run/cross | cut -c 1-200"
	like "results" "$text" "[1-9][0-9]*"
	unlike "results" "$text" "*not ok*"
done
claim_end
off
