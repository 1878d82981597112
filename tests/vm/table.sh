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
