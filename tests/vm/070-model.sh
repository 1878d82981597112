#!/bin/bash
# The model of shared subtrees is this kernel too: random scripts as /init, with the facts that it found about it.
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

operations=${MODEL_OPERATIONS:-2000} seed=${MODEL_SEED:-$RANDOM}
PATIENCE=$((PATIENCE + operations / 40))
put /init "$(arch_folder "$OUT/.." "$arch")/model/model"

claim "$operations random operations, seed $seed, end in the model as in the kernel"
boot no_timer_check -- random "$operations" "$seed" 0 10
see '(not )?ok - [^'$'\n'']*' && said=${BASH_REMATCH[0]} && left "$PATIENCE"
like "what it says" "${said:-nothing}" "ok - *: 0 differ"
[ -z "$claim_notes" ] || note "$(sed -n '/^#/p; /^[a-z]* [a-z -]*\//p' <<<"$heard")"
sed -n '/^# [a-z-]*: /p' <<<"$heard"
