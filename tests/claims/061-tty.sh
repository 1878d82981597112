#!/bin/bash
# The terminal: relayed through a pty of the sandbox's own.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

pty() { text=$(timeout -k 1 20 "$T/probe" pty "$@" 2>&1 </dev/null); }

claim "on a terminal the payload has one, of the sandbox's own devpts"
pty "=ready" "+session
" "=terminal=1 isatty=111" "+readlink /proc/self/fd/0
" "=/dev/pts/0" "+quit
" -- "$H" run root="$R" -- "$P" serve
same "result" "$text" "status 0"

claim "the terminal is the user's own: he opens it again"
pty "=ready" "+open-w /dev/pts/0
" "=ok" "+quit
" -- "$H" run root="$R" user=7 -- "$P" serve
same "result" "$text" "status 0"

claim "what is typed arrives, what is written comes back, the status is the payload's"
pty "=ready" "+args hello
" "=[hello]" "+quit 7
" -- "$H" run root="$R" -- "$P" serve
same "result" "$text" "status 7"

claim "^C interrupts the payload, not hutch; ^Z and ^\\ are the sandbox's too"
pty "=ready" $'+\x03' "=signal 2" -- "$H" run root="$R" -- "$P" trap 5 2
same "^C" "$text" "status 5"
pty "=ready" $'+\x1a' "=signal 20" -- "$H" run root="$R" -- "$P" trap 6 20
same "^Z" "$text" "status 6"
pty "=ready" $'+\x03' -- "$H" run root="$R" -- "$P" serve
same "^C of one that does not care" "$text" "status 130"

claim "the size of the window is passed on, and its change"
pty "=ready" "+size
" "=size 24x80" "@30x100" "+size
" "=size 30x100" "+quit
" -- "$H" run root="$R" -- "$P" serve
same "result" "$text" "status 0"

claim "nothing can be typed into the caller's terminal: TIOCSTI, /dev/tty"
pty "=ready" "+tiocsti
" "=E" "+quit
" -- "$H" run root="$R" tty=no -- "$P" serve
same "inherited stream" "$text" "status 0"
pty "=terminal=0" -- "$H" run root="$R" tty=no -- "$P" session
same "no controlling terminal" "$text" "status 0"

claim "the caller's terminal is set back: echo is on again after the sandbox"
text=$(timeout 20 "$T/probe" pty "=done 0" -- bash -c "a=\$(stty -g); '$H' run root='$R' -- $P args x; b=\$(stty -g); [ \"\$a\" = \"\$b\" ]; echo done \$?" 2>&1)
same "settings" "$text" "status 0"

claim "tty=yes without a terminal gives the payload one all the same"
box tty=yes -- "$P" session
like "session" "$text" "*terminal=1 isatty=111 foreground=1*"
same "status" "$status" 0

claim "TERM is the caller's on a terminal, and only there"
export TERM=vt100
pty "=TERM=vt100" -- "$H" run root="$R" -- "$P" env
same "result" "$text" "status 0"
box -- "$P" env
unlike "no terminal" "$text" "*TERM*"

claim "a large output comes through whole"
pty "=999999." -- "$H" run root=/ -- bash -c 'seq 100000 999999 | tail -n 20000; echo 999999.'
same "result" "$text" "status 0"
