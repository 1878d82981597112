#!/bin/bash
# Launches from a template against launches by the whole plan, on this kernel and out of its initramfs.
# on: 5\.10|6\.1|6\.12|7
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

write /etc/hutch/init.conf <<'C'
boot.hostname=hutch
C
put /bin/parts "$(arch_folder "$OUT/.." "$arch")/template/parts"
PATIENCE=$((PATIENCE + ${VM_TIME:-600}))
boot
shell
claim "templates: a launch is what the whole plan makes, and what has changed is stale"
run "parts >/run/parts; echo passed \$(grep -c ^ok /run/parts); grep -A 3 '^not' /run/parts | cut -c 1-200"
like "results" "$text" "*passed [1-9][0-9]*"
unlike "results" "$text" "*not ok*"
claim_end
off
