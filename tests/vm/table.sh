# shellcheck shell=bash disable=SC2034 # what a row says is for who asked
# The table `kernels`; sourced, by what has die().

kernel_cache=${HUTCH_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/hutch}/kernels
kernel_table=${BASH_SOURCE[0]%/*}/kernels

# kernel_names WHEN: of the rows whose kind is like it
kernel_names() {
	awk -v w="$1" '!/^#/ && NF && $7 ~ w { print $1 }' "$kernel_table"
}

# kernel_row NAME: name arch debian suite package console when qemu kernel_dir
kernel_row() {
	while read -r name arch debian suite package console when qemu; do
		[ "$name" = "$1" ] || continue
		kernel_dir=$kernel_cache/$name
		return
	done <"$kernel_table"
	die "no kernel '$1' in $kernel_table; there are: $(kernel_names . | tr '\n' ' ')"
}

# kernel_machine INITRD [WORDS]: the command that boots it, as $machine. Its console is the standard streams'; a reset ends it.
# Without WORDS the command line is empty.
kernel_machine() {
	local words=${2:+console=$console $2}
	read -ra machine <<<"$qemu"
	# On a busy machine the kernel's test of its timer sees none, and panics.
	[ "$arch" != x86_64 ] || words=${words:+no_timer_check $words}
	machine+=(-accel tcg -display none -no-reboot -kernel "$kernel_dir/vmlinuz" -initrd "$1" -append "$words")
}

# arch_folder O ARCH: where hutch and its tools for a machine are built: here, or as `make cross` does it
arch_folder() {
	case $2 in
	"$(uname -m)") echo "$1" ;;
	*) echo "$1/cross/$2" ;;
	esac
}

# arch_build O ARCH: hutch, the tools of the tests and the userland, for another machine than this
arch_build() {
	local folder cc tests
	folder=$(arch_folder "$1" "$2") tests=$(realpath "${BASH_SOURCE[0]%/*}/..")
	[ "$folder" != "$1" ] || return 0
	mkdir -p "$folder"
	folder=$(realpath "$folder") cc="$tests/cross/cc $2"
	# toybox takes one word for a compiler.
	printf '#!/bin/sh\nexec %s "$@"\n' "$cc" >"$folder/cc.new"
	chmod 755 "$folder/cc.new"
	cmp -s "$folder/cc.new" "$folder/cc" || mv "$folder/cc.new" "$folder/cc"
	{
		"$tests/cross/toolchain.sh" "$2" &&
			make -s -C "$tests/.." O="$folder" CC="$cc" STRIP="$($cc -print-prog-name=strip)" \
				NM="$($cc -print-prog-name=nm)" vm-tools &&
			CC=$folder/cc "$tests/../rootfs/build.sh" "$folder/rootfs"
	} >"$folder.vm.log" 2>&1 || { tail -n 20 "$folder.vm.log"; die "does not build for $2"; }
}
