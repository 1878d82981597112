#!/bin/bash
# A device boots from its initramfs to its services and its console, and goes down when told.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

claim "the machine boots to all three services and a shell on the console"
boot
shell
up web console
run hutch status
like "status" "$text" "*console*web*"
#echo "# $text"
run 'cat /proc/self/mountinfo'
#echo "# $text"
off
