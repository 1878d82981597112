#!/bin/bash
# boot.module=: real modules into real kernels, with what they need, packed or not, and what is wrong with others.
# on: 5\.10|6\.1|6\.12|7
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

modules softdog vxlan dummy
lib=("$T"/modules/lib/modules/*) version=${lib[0]##*/}
packed() {	# NAME PROGRAM SUFFIX: as the distribution might have it
	local file
	file=$(find "${lib[0]}" -name "$1.ko")
	"$2" -c "$file" >"$file.$3" && rm "$file"
	sed -i "s/\b$1\.ko\b/&.$3/" "${lib[0]}/modules.dep"	# not every depmod knows all of them
}
packed softdog gzip gz
packed dummy xz xz
gz=$(find "${lib[0]}" -name softdog.ko.gz)
head -c 3000 "$gz" >"${lib[0]}/kernel/cut.ko.gz"
head -c 3000 /dev/urandom >"${lib[0]}/kernel/foreign.ko"
printf 'kernel/%s:\n' cut.ko.gz foreign.ko lost.ko >>"${lib[0]}/modules.dep"
printf 'alias harbour softdog\n' >>"${lib[0]}/modules.alias"

claim "modules are loaded in the order of init.conf, before the services, with their options"
printf '%s\n' "boot.module=no-such" "boot.module=cut" "boot.module=foreign" "boot.module=lost" "boot.module=ext4" \
	"boot.module=vxlan" "boot.module=softdog soft_margin=33" "boot.module=harbour" "boot.module=softdog soft_margin=44" \
	"boot.module=dummy numdummies=3" | write /etc/hutch/init.conf
boot
shell
told=$(grep '^hutch: boot.module' <<<"$shown")
run "cat /proc/modules"
have=$(cut -d ' ' -f 1 <<<"$text" | tr '\n' ' ')
run "dmesg | grep softdog"
like "an option of a module packed by gzip" "$text" "*soft_margin=33 sec*"

claim "those that a module needs come with it"
for name in vxlan udp_tunnel ip6_udp_tunnel; do like "$name" " $have" "* $name *"; done

claim "packed by xz: the kernel unpacks it, or it is told that it does not"
if [[ " $have" == *" dummy "* ]]; then
	run "ls /sys/class/net"
	for n in 0 1 2; do like "its devices" "$text" "*dummy$n*"; done
	unlike "what is told" "$told" "*dummy*"
else
	like "what is told" "$told" "*dummy.ko.xz: this kernel does not unpack .xz, store it unpacked*"
fi

claim "what is built in, or another name of one that is loaded, is no error; options that come too late are"
unlike "told" "$told" "*ext4*"
unlike "told" "$told" "*harbour*"
like "told" "$told" "*softdog.ko.gz: it is loaded already, its options come too late*"

claim "a module that is not there, damaged, or not for this kernel is told, and the others are loaded"
like "no-such" "$told" "*module no-such: it is not in /lib/modules/$version*"
like "cut" "$told" "*module kernel/cut.ko.gz: the file is damaged*"
like "foreign" "$told" "*module kernel/foreign.ko: it is not made for this kernel*"
like "lost" "$told" "*boot.module: /lib/modules/$version/kernel/lost.ko: No such file*"
off
