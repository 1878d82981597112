#!/bin/bash
# The ways to a root that Linux 7 has beside pivot_root: each one is taken, and shows and keeps the same.
# on: 7
# shellcheck source-path=SCRIPTDIR disable=SC2119 # boot, off and left can do without arguments
. "$(dirname "$0")/lib.sh"

put /bin/enosys "$(arch_folder "$OUT/.." "$arch")/fault/enosys"
put /bin/cross "$(arch_folder "$OUT/.." "$arch")/propagation/cross"
modules overlay
write /etc/hutch/init.conf <<'C'
boot.hostname=hutch
boot.module=overlay
C
PATIENCE=$((PATIENCE + ${VM_TIME:-600} / 2))

# What hides the ways before it, so that a way is taken.
declare -A hide=([empty]='enosys fsopen' [tree]='enosys empty-namespace' [pivot]='enosys tree-namespace empty-namespace')
declare -A words=([empty]="an empty namespace" [tree]="a namespace made of the root's mount" [pivot]=pivot_root)
hutch() { # WAY ARGUMENT...: the command that takes it
	echo "${hide[$1]} -- /bin/hutch ${*:2}"
}

boot
shell
run "mkdir -p /r/bin /r/proc /r/dev /r/sys /r/tmp /r/a /r/b /r/c /r/d /srv/s && cp /bin/probe /r/bin/ && mount -t tmpfs s /srv/s && mount -t tmpfs -o shared s /srv/s &&
mkdir /srv/s/below && mount -t tmpfs below /srv/s/below && mkdir /r/e && >/r/tmp/x && mkdir /srv/s/below/deep"

# Every kind of line that may go either way, and one root of each kind.
mounts="'bind=/srv/s /a slave rec' 'bind=/srv/s /b rw' 'tmpfs=/c shared' 'device=/dev/zero /dev/nought' 'mask=/bin/none optional' hostname=box"
roots=("root=/r" "root=/r root-mode=overlay 'file=/new \"text\"'" "root=/r propagation=slave 'file=/tmp/x \"text\"'" "root=/r dev=host" "root=/r root-mode=rw caps=all" "'root=/r rec' init=no")
new="root=tmpfs 'bind=/bin create' 'bind=/srv/s /s slave create'"

claim "each way is taken where the calls of the ways before it are hidden, and the plan says so"
for way in empty tree pivot; do
	run "$(hutch $way plan root=/r -- /bin/probe)"
	like "$way" "$text" "*steps, ${words[$way]}*"
done
run "$(hutch tree plan root=tmpfs -- /bin/probe)"
like "a new root on 7.0" "$text" "*steps, pivot_root*all of the host's mounts are copied first: the root is made new*"
run "$(hutch tree plan root=/r "'file=/etc/x \"a\"'" -- /bin/probe)"
like "a file on 7.0" "$text" "*steps, pivot_root*all of the host's mounts are copied first: what is staged*"
run "hutch plan root=/r 'overlay=/srv /a' -- /bin/probe"
like "an overlay" "$text" "*steps, pivot_root*all of the host's mounts are copied first: the layers*"

# Ids, devices and groups are numbered by the kernel: what they stand for is compared.
shown() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g; s,/proc/self/fd/[0-9]+,FD,g; s/inode64|size=[0-9k]+,nr_inodes=[0-9]+//g' <<<"$text" | sort
}

claim "a sandbox shows the same mount table whichever way it came to its root"
for root in "${roots[@]}" "$new"; do
	first=''
	for way in pivot empty tree; do
		line="$root $mounts"
		[[ $root != "$new" && $root != *dev=host ]] || line=$root
		run "$(hutch $way run "$line" -- /bin/probe cat /proc/self/mountinfo)"
		[[ $status = 0 && $text == *" / "* ]] || note "$way, $root: $status $text"
		[ -n "$first" ] || first=$(shown)
		same "$way, $root" "$(shown)" "$first"
	done
done

claim "nothing is below the root but what the kernel has there; a payload with all capabilities stays inside"
for line in root=/r "root=/r root-seal=no" "root=/r root-seal=no init=no" "root=/r root-mode=overlay 'file=/new \"text\"' root-seal=no" "$new root-seal=no"; do
	for way in pivot empty tree; do
		says inside "$(hutch $way run "$line caps=all no-new-privs=no" -- /bin/probe escape)"
		run "$(hutch $way run "$line caps=all no-new-privs=no" -- /bin/probe below)"
		# Sealed, all of it stays; else the root can be taken away, and there is a mount with nothing in it.
		if [ "$line" = root=/r ]; then like "$way, $line" "$text" "*mount /dev/pts*file a*"; else same "$way, $line" "$status $text" "0 mount /"; fi
		run "$(hutch $way run "$line caps=all no-new-privs=no" -- /bin/probe depth)"
		same "how deep, $way, $line" "$text" "$([ "$line" = root=/r ] && echo 0 || echo 1)"
	done
done

claim "the words for propagation hold, and what the host mounts later arrives or does not"
for way in empty tree; do
	for word in private slave shared unbindable slave+shared; do
		run "$(hutch $way run "root=/r 'bind=/srv/s /a $word' -- /bin/probe mount /a")"
		same "$way, $word" "${text##* }" "$word"
	done
	[ $way = tree ] || continue	# the other one is what 075 finds here
	run "${hide[$way]} -- cross /bin/hutch new 2 >/run/cross; echo passed \$(grep -c ^ok /run/cross); grep -A 3 '^not' /run/cross | cut -c 1-200"
	like "$way" "$text" "*passed [1-9]*"
	unlike "$way" "$text" "*not ok*"
done

claim "who looks from outside finds it as stated: hutch verify, exec, mount, umount, why"
for way in empty tree pivot; do
	type "$(hutch $way run "--name $way root=/r 'bind=/srv/s /a slave rec' -- /bin/probe sleep 100000 </dev/null >/dev/null 2>&1 &")"
	soon "hutch verify $way"
	like "verify $way" "$text" "*as stated*"
	run "hutch exec $way -- /bin/probe mount /a"
	same "exec $way" "${text##* }" slave
	run "hutch mount $way 'bind=/srv/s/below /d' && hutch verify $way && hutch umount $way /d && hutch verify $way"
	same "mount $way" "$status" 0
done
run "hutch why /srv/s/below"
for way in empty tree pivot; do like "why" "$text" "*$way*"; done
claim_end
off
