#!/bin/bash
# What the supervisor promises, on the running kernel; TAP.
#
#   tests/supervise/run.sh OUT HUTCH [TOPIC...]     OUT holds the built probe
here=$(dirname "$0") out=$1 hutch=$2
shift 2
[ $# -gt 0 ] || set -- "$here"/[0-9]*.sh
export CLAIM_TIME=${CLAIM_TIME:-110}
exec "$here/../claims/run.sh" "$out" "$hutch" "$@"
