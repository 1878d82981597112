#!/bin/bash
# What hutch promises as PID 1, in a throw-away PID namespace; TAP.
#
#   tests/init/run.sh OUT HUTCH [TOPIC...]     OUT holds the built probe and machine
here=$(dirname "$0") out=$1 hutch=$2
shift 2
[ $# -gt 0 ] || set -- "$here"/[0-9]*.sh
export CLAIM_TIME=${CLAIM_TIME:-110}
exec "$here/../claims/run.sh" "$out" "$hutch" "$@"
