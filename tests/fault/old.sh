#!/bin/bash
# hutch on kernels that lack something, by a filter that refuses calls: what is chosen
# instead, and what is said where nothing can be.
#
#   tests/fault/old.sh DIRECTORY HUTCH      DIRECTORY has enosys and payload
#
# The wish of a check is what the payload must be able to do, or the exact words.
set -u

dir=$(cd "$1" && pwd)
hutch=$(cd "$(dirname "$2")" && pwd)/${2##*/}
old=(openat2 clone3 open_tree move_mount mount_setattr close_range statmount fsopen)
count=0

if [ "$(id -u)" -ne 0 ]; then
	echo "ok 1 - # skip mounting in a namespace of its own needs root"
	exit 0
fi
if [ "${3-}" != inside ]; then
	exec unshare --mount --propagation private "$0" "$dir" "$hutch" inside
fi
mount -t tmpfs none /run && mkdir -p /run/w/{src/sub,root/{bin,dev,etc,home,media,mnt,proc,srv,sys,tmp}} || exit 1
mount -t tmpfs sub /run/w/src/sub && mount --make-rshared /run || exit 1
cp "$dir/payload" /run/w/root/bin/payload
cp "$hutch" "$dir/enosys" /run/w/
echo text >/run/w/src/file
echo secret >/run/w/root/etc/secret
chmod 755 /run/w /run/w/root /run/w/root/*

result() {	# STATUS NAME [DETAIL]
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		printf 'not ok %d - %s\n' "$count" "$2"
		printf '%s\n' "${3-}" | sed 's/^/# /'
	fi
}

launch() {	# CALL... -- ARG...: hutch run with these arguments on a kernel without these calls
	local without=()
	while [ "$1" != -- ]; do
		without+=("$1")
		shift
	done
	shift
	timeout 10 /run/w/enosys "${without[@]}" -- /run/w/hutch run root=/run/w/root "$@" -- /bin/payload 2>&1
}

runs() {	# NAME CALLS [ARG]...: the payload runs and ends as it does
	local name=$1 calls text status
	read -ra calls <<<"$2"
	shift 2
	text=$(launch "${calls[@]}" -- "$@")
	status=$?
	text=${text//$'\r'/}
	[ $status -eq 7 ] && [ "$text" = PAYLOAD-RAN ]
	result $? "$name" "$status: $text"
}

says() {	# NAME CALLS WORDS [ARG]...: it ends with 125 and these words
	local name=$1 calls words=$3 text status
	read -ra calls <<<"$2"
	shift 3
	text=$(launch "${calls[@]}" -- "$@")
	status=$?
	[ $status -eq 125 ] && [[ $text == *"$words"* ]]
	result $? "$name" "$status: $text"
}

all=${old[*]}
for call in openat2 clone3 open_tree move_mount mount_setattr close_range statmount memfd_create pidfd_open; do
	runs "without $call" $call propagation=slave "bind=/run/w/src /mnt slave rec"
done
runs "without all of them" "$all"
runs "old: binds" "$all" "bind=/run/w/src /mnt" "bind=/run/w/src /srv rw rec" "bind=/run/w/src/file /etc/secret" "bind=/none /none optional"
for word in private slave unbindable slave+shared; do
	runs "old: root $word" "$all" "propagation=$word"
	runs "old: bind $word" "$all" "bind=/run/w/src /mnt rec $word"
done
runs "old: tmpfs" "$all" "tmpfs=/tmp ro size=1m" "dir=/tmp/d" "symlink=d /tmp/l"
runs "old: file" "$all" 'file=/etc/secret "new"'
runs "old: overlay" "$all" root-mode=overlay "overlay=/run/w/src /mnt"
runs "old: masks" "$all" mask=/etc/secret mask=/srv
runs "old: device" "$all" "device=/dev/zero /dev/nought"
runs "old: device, writable" "$all" "device=/dev/zero /dev/nought rw"
runs "old: tty" "$all" tty=yes
runs "old: sealed" "$all" caps=all
runs "old: no init" "$all" init=no
says "old: group with /dev/shm" "$all" "a group shares /dev/shm on Linux 5.2 or newer only" "ipc=group old"
runs "old: group" "$all" "ipc=group old" shm=private
says "old: shared" "$all" "a mount is shared with the host only on Linux 5.12 or newer" "bind=/run/w/src /mnt shared"

# An ordinary user.
text=$(cd / && timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups /run/w/enosys "${old[@]}" -- \
	/run/w/hutch run root=/run/w/root "bind=/run/w/src /mnt rec" -- /bin/payload 2>&1)
[ $? -eq 7 ]
result $? "old: rootless" "$text"
for limit in enosys zero; do
	if [ $limit = enosys ]; then
		text=$(cd / && timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups /run/w/enosys userns -- \
			/run/w/hutch run root=/run/w/root -- /bin/payload 2>&1)
		status=$?
		want="the limit of namespaces is reached: user.max_*_namespaces"
	else
		# The limit counts in the user namespace where it is written, so in one to throw away.
		# shellcheck disable=SC2016
		text=$(cd / && timeout 10 unshare --user --map-root-user --mount sh -c '
			echo 0 >/proc/sys/user/max_user_namespaces &&
			exec setpriv --bounding-set -all --inh-caps -all --ambient-caps -all -- sh -c "exec /run/w/hutch run root=/run/w/root -- /bin/payload"' 2>&1)
		status=$?
		want="this kernel has no user namespace (CONFIG_USER_NS, user.max_user_namespaces), which an ordinary user needs"
	fi
	[ $status -eq 125 ] && [[ $text == *"$want"* ]]
	result $? "rootless without user namespaces ($limit)" "$status: $text"
done
text=$(cd / && timeout 10 unshare --user --map-root-user --mount sh -c '
	echo 0 >/proc/sys/user/max_user_namespaces && exec /run/w/hutch run root=/run/w/root caps=all -- /bin/payload' 2>&1)
status=$?
[ $status -eq 125 ] && [[ $text == *"a payload with sys_admin needs a sealed root, and that a user namespace, which this kernel does not give"* ]]
result $? "sys_admin without user namespaces" "$status: $text"
says "sealed without user namespaces" userns "user.max_user_namespaces" caps=all
runs "privileged without user namespaces" userns
echo "1..$count"
