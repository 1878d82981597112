#!/bin/bash
# tests/cross/check.sh [ARCH...]: do the cross toolchains work? Makes them ready, builds a small program for each machine
# (all of the table "archs") and runs it. TAP on stdout.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if [ $# = 0 ]; then
    mapfile -t names < <(sed 's/#.*//; s/[[:space:]].*//; /^$/d' "$here/archs")
    set -- "${names[@]}"
fi

n=0 bad=0
ok() { # what command...: passes when the command does; its output is shown when not
    local what=$1
    shift
    n=$((n + 1))
    if "$@" >"$tmp/log" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$tmp/log"
        bad=$((bad + 1))
        return 1
    fi
}

cat >"$tmp/t.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#error glibc
#endif
int never_called(void) { extern int not_defined(void); return not_defined(); } /* links only with --gc-sections */
static void *thread(void *p) { *(int *)p += 1; return p; }
int main(int argc, char **argv) {
    int one = 1, st = 0;
    pthread_t t;
    volatile uint64_t a = 10000000000ull, b = 7;
    volatile double x = 2;
    struct stat s;
    printf("long %d %s off_t %d time_t %d\n", (int)sizeof(long) * 8, *(char *)&one ? "little" : "big",
        (int)sizeof(off_t) * 8, (int)sizeof(time_t) * 8);
    printf("mount %d pivot_root %d setns %d openat2 %d\n", SYS_mount, SYS_pivot_root, SYS_setns, SYS_openat2);
    /* these go through libgcc, libm, threads, fork, the libc's conversions from the kernel's structs */
    printf("div %d sqrt %d long double %d", (int)(a / b % 1000), (int)(1000 * sqrt(x)), (int)(long double)x);
    if (pthread_create(&t, 0, thread, &one) || pthread_join(t, 0)) return 3;
    printf(" thread %d", one);
    fflush(stdout);
    pid_t p = fork();
    if (!p) _exit(syscall(SYS_getpid) == getpid() && getppid() != 1 ? 42 : 1);
    if (waitpid(p, &st, 0) != p || stat("/", &s) || !S_ISDIR(s.st_mode)) return 4;
    printf(" fork %d", WEXITSTATUS(st));
    printf(" mount %d %s args %d %s\n", mount(0, "/nonexistent/x", 0, -1ul, 0), strerror(ENOSYS), argc, argv[argc - 1]);
    return 7;
}
C

build() { # ARCH gcc-args...
    local a=$1
    shift
    "$here/cc" "$a" -std=c11 -Os -Wall -Wextra -Werror -ffunction-sections -fdata-sections "$@"
}

run() { # ARCH program: its output and exit status
    local rc=0
    "$here/run" "$1" "$2" an "a b" >"$tmp/out" || rc=$?
    echo "exit $rc" >>"$tmp/out"
    diff "$tmp/want" "$tmp/out"
}

elf() { # ARCH program: the ELF header says what the table does, and there is no interpreter, no executable stack
    local magic head
    head=$(LC_ALL=C "$("$here/cc" "$1" -print-prog-name=readelf)" -hlW "$2")
    magic=$(od -An -tx1 -N6 "$2" | tr -d ' ')
    echo "$magic"; echo "$head"
    case $bits$endian:$magic in
        64little:7f454c460201 | 32little:7f454c460101 | 32big:7f454c460102 | 64big:7f454c460202) ;;
        *) return 1 ;;
    esac
    case $head in *INTERP* | *GNU_STACK*RWE*) return 1 ;; esac
    case $head in *"EXEC (Executable file)"*) ;; *) return 1 ;; esac
}

headers() { # ARCH
    build "$1" -M "$tmp/t.c" >"$tmp/dep"
    grep "/cross/$1/include/stdio.h" "$tmp/dep" || return 1
    ! grep ' /usr/include/\| /usr/[^ /]*-linux-gnu[^ /]*/' "$tmp/dep" || return 1
    # a header that glibc and this machine may have, musl not
    ! echo '#include <gnu/libc-version.h>' | build "$1" -E -x c - || return 1
    ! echo '#include <linux/limits.h>' | build "$1" -E -x c - || return 1
}

while read -r name _ _ _ _ endian bits _; do
    case " $* " in *" $name "*) ;; *) continue ;; esac
    ok "$name: toolchain" "$here/toolchain.sh" "$name" || continue
    case $name in # arch/*/tbl of the kernel
        x86_64) numbers="mount 165 pivot_root 155 setns 308 openat2 437" ;;
        i386) numbers="mount 21 pivot_root 217 setns 346 openat2 437" ;;
        aarch64 | riscv64) numbers="mount 40 pivot_root 41 setns 268 openat2 437" ;;
        armhf) numbers="mount 21 pivot_root 218 setns 375 openat2 437" ;;
        mips | mipsel) numbers="mount 4021 pivot_root 4216 setns 4344 openat2 4437" ;;
        ppc64le) numbers="mount 21 pivot_root 203 setns 350 openat2 437" ;;
        *) numbers= ;;
    esac
    cat >"$tmp/want" <<EOF
long $bits $endian off_t 64 time_t 64
$numbers
div 428 sqrt 1414 long double 2 thread 2 fork 42 mount -1 Function not implemented args 3 a b
exit 7
EOF
    ok "$name: compile and link in one" build "$name" -Wl,--gc-sections -s -pthread -o "$tmp/$name" "$tmp/t.c" -lm || continue
    echo "# $name: $(stat -c %s "$tmp/$name") bytes"
    ok "$name: static, $bits bits, $endian-endian" elf "$name" "$tmp/$name" || :
    ok "$name: runs" run "$name" "$tmp/$name" || :
    ok "$name: compile, then link" build "$name" -c -o "$tmp/t.o" "$tmp/t.c" || continue
    ok "$name: link" build "$name" -Wl,--gc-sections -o "$tmp/$name" "$tmp/t.o" -lm || continue
    ok "$name: runs" run "$name" "$tmp/$name" || :
    ok "$name: musl's headers and gcc's own, no others" headers "$name" || :
done <"$here/archs"

if [ "$(dpkg --print-architecture)" = amd64 ]; then
    ok "deps names the packages" diff "$here/deps" <("$here/toolchain.sh" --packages) || :
fi
echo "1..$n"
[ "$bad" = 0 ]
