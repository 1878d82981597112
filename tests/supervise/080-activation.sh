#!/bin/bash
# Sockets that are held, and services that wait for a connection, a mount or a path.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

"$T/probe" lo
talk() {
	timeout 8 "$T/probe" talk "$@" 2>&1
}

claim "start=demand: armed and no process until somebody connects, and that one is served"
service tcp "exec=/bin/probe stamp tcp serve 0" "listen=tcp 127.0.0.1:7001" start=demand
service unix "exec=/bin/probe stamp unix serve 0" "listen=unix $T/sock" start=demand
up
await tcp armed
await unix armed
same "processes" "$(pgrep -P "$sup" | wc -l)" 0
same "answer" "$(talk tcp 7001)" "served 0"
same "answer" "$(talk unix "$T/sock")" "served 0"
await tcp up
await unix up
same "starts" "$(stamps '^tcp') $(stamps '^unix')" "1 1"
same "answer" "$(talk tcp 7001)" "served 0"

claim "a socket file has the mode that was asked for, 600 otherwise, and is gone with the supervisor"
same "mode" "$(stat -c '%F %a' "$T/sock")" "socket 600"
service wide "exec=/bin/probe serve 0" "listen=unix $T/wide mode=666"
ask reload
await wide up
same "mode" "$(stat -c '%F %a' "$T/wide")" "socket 666"
down
[ ! -e "$T/sock" ] || note "the socket file is there still"

claim "hutch start starts what waits for a connection, hutch stop stops it, and its socket is held on"
clean
service tcp "exec=/bin/probe stamp tcp serve 0" "listen=tcp 127.0.0.1:7001" start=demand
up
await tcp armed
tell start tcp
await tcp up
same "answer" "$(talk tcp 7001)" "served 0"
down

claim "a service that ends after its work is armed again and called again"
clean
service inetd "exec=/bin/probe stamp inetd serve 1" "listen=tcp 127.0.0.1:7001" start=demand "restart-delay=20ms" restart-reset=0ms
up
await inetd armed
for i in 1 2 3; do
	same "answer $i" "$(talk tcp 7001)" "served 0"
	stamped_by '^inetd' $i
done
await inetd armed
same "runs" "$(stamps '^inetd')" 3
down

claim "who connects while the service is down is not refused but served by the next one"
clean
service slow "exec=/bin/probe stamp slow serve 1 exit 1" "listen=tcp 127.0.0.1:7001" "restart-delay=400ms 400ms"
up
await slow up
for i in 1 2 3; do
	same "answer $i" "$(talk tcp 7001)" "served 0"
done
for gap in $(gaps '^slow'); do within "gap" "$gap" 400 700; done
tell restart slow
same "answer over a restart" "$(talk tcp 7001)" "served 0"
down

claim "LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID: right with and without init, inside and outside of a PID namespace"
for keys in "init=yes" "init=no" "ns.pid=host"; do
	clean
	# shellcheck disable=SC2086
	service two "exec=/bin/probe env LISTEN_FDS env LISTEN_FDNAMES listenpid - serve 0" \
		"listen=tcp 127.0.0.1:7001 name=first" "listen=unix $T/sock name=second" "listen=tcp [::1]:7002" $keys
	up
	stamped_by '^pid' 1
	same "with $keys" "$(cut -d ' ' -f 1,2 "$S/stamps" | sed 's/ [0-9]*$//' | tr '\n' ' ')" \
		"LISTEN_FDS=3 LISTEN_FDNAMES=first:second:unknown pid right "
	same "answers with $keys" "$(talk tcp 7001) $(talk unix "$T/sock")" "served 0 served 1"
	down
done

claim "the payload gets its sockets and no other descriptor of the supervisor's"
clean
service two "exec=/bin/probe stamp two serve 0" "listen=tcp 127.0.0.1:7001" "ready=fd 9"
service other "exec=/bin/probe stamp other forever -" "listen=tcp 127.0.0.1:7002"
sed -i 's/stamp two serve/stamp two ready 9 serve/' "$D/two.conf"
up
await two up
await other up
for name in two other; do
	pid=$(get $name pid)
	for child in $(pgrep -P "$pid") ""; do [ -n "$child" ] && pid=$child; done
	# shellcheck disable=SC2012 # numbers
	same "descriptors of $name" "$(ls "/proc/$pid/fd" | sort -n | tr '\n' ' ')" \
		"$([ $name = two ] && echo '0 1 2 3 9 ' || echo '0 1 2 3 ')"
done
down

claim "a port that somebody else has: told with the address, tried again, up when it is free"
clean
service net "exec=/bin/probe serve 0" "listen=tcp 127.0.0.1:7001" "restart-delay=50ms 100ms"
service free "exec=/bin/probe forever -"
python3 -c '
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 7001)); s.listen()
print("bound", flush=True); time.sleep(1)' >"$T/bound" &
until_true grep -q bound "$T/bound"
up
await free up
await net delayed
like "why" "$(get net why)" "*listen=tcp 127.0.0.1:7001: Address*in use*"
await net up
same "answer" "$(talk tcp 7001)" "served 0"
down

claim "a socket file of a dead one is replaced, one that is answered at and other files are left alone"
clean
python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()' "$T/dead"
python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
print("bound", flush=True); time.sleep(3)' "$T/alive" >"$T/bound" &
other=$!
until_true grep -q bound "$T/bound"
echo precious >"$T/file"
service dead "exec=/bin/probe serve 0" "listen=unix $T/dead"
service alive "exec=/bin/probe serve 0" "listen=unix $T/alive" "restart-delay=5s"
service file "exec=/bin/probe serve 0" "listen=unix $T/file" "restart-delay=5s"
up
await dead up
same "answer" "$(talk unix "$T/dead")" "served 0"
await alive delayed
await file delayed
down
same "file" "$(cat "$T/file")" precious
[ -S "$T/alive" ] || note "somebody's socket was removed"
kill $other 2>/dev/null
wait $other 2>/dev/null

claim "on-mount: armed until a mount appears that matches, up while it is there, down when it goes"
clean
mkdir -p "$T/media/a" "$T/media/b" "$T/other"
service disk "exec=/bin/probe stamp disk trap disk-end forever -" "on-mount=$T/media/*"
up
await disk armed
mount -t tmpfs x "$T/other"
nap 0.2
same "another mount" "$(get disk state)" armed
mount -t tmpfs x "$T/media/a"
await disk up
mount -t tmpfs x "$T/media/b"
umount "$T/media/a"
nap 0.2
same "a second one is there still" "$(get disk state) $(stamps '^disk ')" "up 1"
umount "$T/media/b"
await disk armed
same "asked to end" "$(stamps '^disk-end 15')" 1
mount -t tmpfs x "$T/media/b"
await disk up
umount "$T/media/b" "$T/other"
await disk armed

claim "on-mount: while the mount is there its end is followed by a restart; stopped by hand it stays down"
service disk "exec=/bin/probe stamp crash sleep 50 exit 1" "on-mount=$T/media/*" "restart-delay=20ms 20ms"
ask reload
mount -t tmpfs x "$T/media/a"
stamped_by '^crash' 3
tell stop disk
tell wait disk down 5s
umount "$T/media/a"
mount -t tmpfs x "$T/media/a"
nap 0.3
same "state" "$(get disk state)" down
umount "$T/media/a"
down

claim "on-path: up while the path exists, also where directories on the way come and go"
clean
service path "exec=/bin/probe stamp path forever -" "on-path=$T/way/to/it"
up
await path armed
mkdir -p "$T/way/to"
nap 0.1
same "half of the way" "$(get path state)" armed
: >"$T/way/to/it"
await path up
rm "$T/way/to/it"
await path armed
: >"$T/way/to/it"
await path up
mv "$T/way" "$T/away"
await path armed
mv "$T/away" "$T/way"
await path up
rm -r "$T/way"
await path armed
down

claim "on-path that is there at boot is up at once; a symbolic link counts by itself"
clean
echo >"$T/there"
ln -s "$T/target" "$T/link"
service now "exec=/bin/probe forever -" "on-path=$T/there"
service link "exec=/bin/probe forever -" "on-path=$T/link"
up
await now up
await link up
rm "$T/link"
await link armed
down
