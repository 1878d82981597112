#!/bin/bash
# Runs the services of configs/services under a supervisor, and talks to each with
# its own client. TAP.
#
#   tests/services/run.sh OUT HUTCH        with SOAK=1: the server is killed 100 times
#
# All of it happens on the machine that machine.sh made, in namespaces of mounts,
# processes and network that go with this script: no file, port or process of this
# machine is touched, and the profiles keep their paths and ports.
# shellcheck disable=SC2016,SC2086,SC2317 # shells inside expand; our own paths have no blanks; ok() calls
set -uo pipefail
export LC_ALL=C

if [ $# -ne 2 ]; then
	echo "usage: tests/services/run.sh OUT HUTCH" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(realpath "$1") hutch=$(realpath "$2")

if [ -z "${SERVICES_WORK-}" ]; then
	skip=
	[ "$(id -u)" = 0 ] || skip="needs root"
	[ "$skip" ] || why=$("$here/tests/services/machine.sh" "$out" 2>&1) || skip=$(echo "${why:-no machine}" | tail -n 1)
	if [ "$skip" ]; then
		printf 'ok 1 - services # SKIP %s\n1..1\n' "$skip"
		exit
	fi
	SERVICES_WORK=$(mktemp -d) || exit 1
	export SERVICES_WORK
	trap 'rmdir "$SERVICES_WORK"' EXIT
	timeout 300 unshare --mount --net --pid --fork --kill-child --propagation private bash "$0" "$@" &
	trap 'kill $!' INT TERM
	wait $!
	exit $?
fi

# --- on the other machine --------------------------------------------------------

# shellcheck source=tests/services/overlay.sh
. "$here/tests/services/overlay.sh"
enter() {
	local new=$SERVICES_WORK/root
	overlay_make "$SERVICES_WORK" "$out/machine.tar" && mount -t proc proc "$new/proc" || return
	mkdir -p "$new/tmp/tests" && mount --rbind "$here" "$new/tmp/tests" || return
	install -m 755 "$hutch" "$new/usr/local/sbin/hutch"
	cd "$new" && pivot_root . . && umount -l . && cd /tmp && busybox ip link set lo up
}
if ! enter; then
	printf 'not ok 1 - a machine of our own\n1..1\n'
	exit 1
fi
here=/tmp/tests hutch=/usr/local/sbin/hutch work=/tmp/work conf=/etc/hutch
pgbin=$(echo /usr/lib/postgresql/*/bin) # one, or the test says so
pgversion=$(echo "$pgbin" | tr -dc 0-9)
mkdir $work $conf

n=0 bad=0
# ok TEXT COMMAND...: passes when the command does
ok() {
	local text=$1
	shift
	n=$((n + 1))
	if "$@" >$work/said 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		bad=$((bad + 1))
		tail -n 5 $work/said | cut -c1-200 | sed 's/^/# /'
		[ -z "${service-}" ] || timeout 5 $hutch logs -n 8 "$service" 2>&1 | cut -c1-200 | sed "s/^/# $service: /"
	fi
}
not() { ! "$@"; }
is() { [ "$1" = "$2" ] || { printf '%s\n' "$1" && false; }; }
# says TEXT COMMAND...: what the command prints is exactly this
says() { is "$("${@:2}" 2>&1)" "$1"; }
# soon COMMAND...: within ten seconds the command succeeds
soon() {
	local end=$((SECONDS + 10))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
# field NAME KEY: of the status of a service
field() { timeout 5 $hutch status --json "$1" | jq -r "(if type == \"array\" then .[0] else . end).$2 // empty"; }
# payload NAME: the pid of its program, whose parent is the small init inside
payload() {
	local init
	init=$(field "$1" pid)
	[ "$init" ] && pgrep -o -P "$init"
}
logged() { timeout 5 $hutch logs "$1" | grep -q -- "$2"; }

# boxed USER CAPS PATH...: the service is up, with this user, exactly these
# capabilities (as in CapBnd) and namespaces of its own; its root is read-only and
# has none of the paths. Sets pid.
boxed() {
	local user=$1 caps=$2 path ns
	shift 2
	ok "$service: is up" timeout 20 $hutch wait "$service" up 15s
	ok "$service: has a program" soon payload "$service"
	pid=$(payload "$service") || return
	ok "$service: runs as $user" is "$(stat -c %U "/proc/$pid")" "$user"
	ok "$service: has just the capabilities it needs, and gains none" \
		is "$(sed -n 's/^\(CapPrm\|CapBnd\|NoNewPrivs\):[\t0]*//p' "/proc/$pid/status" | tr '\n' ' ')" \
		"${caps#0} ${caps#0} 1 "
	for ns in mnt ipc pid uts; do
		not test "/proc/$pid/ns/$ns" -ef /proc/self/ns/$ns || ns=
		[ "$ns" ] || break
	done
	ok "$service: sees its own mounts, IPC, processes and host name" test "$ns"
	ok "$service: its root is read-only" grep -q '^[0-9]* [0-9]* [^ ]* / / ro' "/proc/$pid/mountinfo"
	for path; do
		ok "$service: there is no $path" not test -e "/proc/$pid/root$path"
	done
	ok "$service: is as its profile says" timeout 10 $hutch verify "$service"
}

# again: it is started again, and is ready then
again() {
	ok "$service: is stopped to be started again" timeout 10 $hutch restart "$service"
	ok "$service: is up again" timeout 30 $hutch wait "$service" up 20s
}

# stops TEXT: it ends when it is asked to, well in time, and the log has the text
stops() {
	local start=$SECONDS
	ok "$service: stops" timeout 20 $hutch stop "$service"
	ok "$service: is down" timeout 20 $hutch wait "$service" down 15s
	ok "$service: went by itself" test $((SECONDS - start)) -lt 4
	[ -z "$1" ] || ok "$service: and said so in its log" soon logged "$service" "$1"
}

# --- what a person would set up ----------------------------------------------------

for name in dnsmasq dropbear nginx mosquitto httpd; do
	cp $here/configs/services/$name.conf $conf/
done
# The clock of this machine is not ours to set. The port is nginx's.
sed -i 's/ -p 80 / -p 8080 /' $conf/httpd.conf
sed 's/^caps=sys_time /caps=/; s/chronyd -d/chronyd -x -d/' $here/configs/services/chrony.conf >$conf/chrony.conf
sed "s,postgresql/15,postgresql/$pgversion,g" $here/configs/services/postgresql.conf >$conf/postgresql.conf

mkdir -p /etc/dnsmasq.d
printf 'no-resolv\naddress=/box.test/192.0.2.7\n' >/etc/dnsmasq.d/test.conf

mkdir -m 700 /var/lib/hutch-dropbear
mount -t tmpfs -o mode=0755 home /home
useradd -m -s /bin/bash alice && mkdir -m 700 /home/alice/.ssh && chmod 700 /home/alice
dropbearkey -t ed25519 -f $work/key >$work/said 2>&1
dropbearkey -t ed25519 -f $work/other >>$work/said 2>&1
dropbearconvert dropbear openssh $work/key $work/key.openssh >>$work/said 2>&1
dropbearkey -y -f $work/key | grep ^ssh >/home/alice/.ssh/authorized_keys
chown -R alice: /home/alice

mount -t tmpfs -o mode=0755 www /var/www
mkdir /var/www/html
echo "a page" >/var/www/html/index.html

printf 'local stratum 10\nallow 127.0.0.1\n' >/etc/chrony/conf.d/test.conf
install -d -o _chrony -g _chrony -m 750 /var/lib/hutch-chrony

# A cluster of our own, whatever this machine has.
for dir in /etc/postgresql /var/lib/postgresql; do
	mount -t tmpfs -o mode=0755 postgresql $dir
	chown postgres: $dir
done
install -d -o postgres -g postgres -m 2775 /run/postgresql
pg_createcluster "$pgversion" main -- --no-sync >$work/said 2>&1 || cat $work/said

# Two servers that differ in nothing but what they are bound to: their profiles say it.
# Each data directory is the root of a file system, and so has the same inode number.
for twin in one two; do
	mkdir -p /srv/$twin/{data,run}
	mount -t tmpfs -o mode=0700,uid=postgres,gid=postgres $twin /srv/$twin/data
	cp -a "/var/lib/postgresql/$pgversion/main/." /srv/$twin/data/
	chown postgres: /srv/$twin/{data,run}
	sed "s,^bind=\(/var/lib/postgresql.*/main\),bind=/srv/$twin/data \1,
		s,^bind=/run/postgresql,bind=/srv/$twin/run /run/postgresql,
		/^exec=/s,\$, -c listen_addresses= -c shared_memory_type=sysv -c fsync=off," \
		$conf/postgresql.conf >$conf/$twin.conf
	echo "restart-delay=10ms 10ms" >>$conf/$twin.conf
done

segments() { ipcs -m | grep -c ^0x; }
segments_before=$(segments)

service=
$hutch supervise $conf >$work/supervisor 2>&1 &
supervisor=$!
ok "the supervisor answers" soon timeout 5 $hutch status

# --- each with its client -----------------------------------------------------------

service=dnsmasq
boxed dnsmasq 400 /bin/sh /home /etc/shadow
ok "dnsmasq: a name by UDP" says 192.0.2.7 dig +short +time=2 @127.0.0.1 box.test
ok "dnsmasq: and by TCP" says 192.0.2.7 dig +short +time=2 +tcp @127.0.0.1 box.test
ok "dnsmasq: its log is kept" soon logged dnsmasq "started, version"
stops "exiting on receipt of SIGTERM"

service=dropbear
boxed root 4c1 /etc/shadow /root /var
login() { timeout 10 dbclient -y -i "$1" alice@127.0.0.1 "$2" </dev/null 2>>$work/dbclient; }
ok "dropbear: a login with the key" says alice login $work/key 'id -un'
ok "dropbear: what is written at home is there" says mine login $work/key 'echo mine >~/file && cat ~/file'
ok "dropbear: and belongs to the user" is "$(stat -c %U /home/alice/file)" alice
ok "dropbear: nothing else can be written" says 1 login $work/key 'touch /usr/x /etc/x /x 2>/dev/null; echo $?'
ok "dropbear: and the processes of others cannot be seen" says 1 login $work/key 'ls -d /proc/[0-9]*/exe | cut -d/ -f3 | xargs -n 1 ps -o user= -p | sort -u | wc -l'
ok "dropbear: no login with another key" not login $work/other true
ssh_tty() {
	timeout 10 ssh -tt -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
		-i $work/key.openssh alice@127.0.0.1 "$@" </dev/null | tr -d '\r'
}
ok "dropbear: a terminal for OpenSSH's client" says "a terminal" ssh_tty 'test -t 0 && echo a terminal >/dev/tty'
ok "dropbear: the host's key is kept" test -s /var/lib/hutch-dropbear/dropbear_ed25519_host_key
ok "dropbear: logins are in the log" soon logged dropbear "Pubkey auth succeeded for 'alice'"
stops "Terminated by signal"

service=nginx
boxed www-data 400 /bin/sh /home /etc/shadow
ok "nginx: a page" says "a page" curl -sS -m 5 http://127.0.0.1/
ok "nginx: none that is not there" says 404 curl -sS -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1/none
ok "nginx: nobody in it is root" is "$(pgrep -U 0 nginx)" ""
ok "nginx: its visitors are in the log" soon logged nginx '"GET / HTTP/1.1" 200'
# A page that is being read when it is asked to stop is read to its end.
head -c 24m /dev/zero >/var/www/html/large
curl -sS -m 20 --limit-rate 10m -o $work/large http://127.0.0.1/large &
reader=$!
sleep 0.3
stops ""
wait $reader
ok "nginx: served its last visitor to the end" is "$(stat -c %s $work/large)" 25165824

service=httpd
boxed www-data 400 /usr/bin/sh /home /etc/shadow
ok "httpd: a page" says "a page" curl -sS -m 5 http://127.0.0.1:8080/
ok "httpd: its visitors are in the log" soon logged httpd 'response:200'
stops ""

service=mosquitto
boxed mosquitto 0 /bin/sh /home /etc/shadow
mosquitto_sub -t news -C 1 -W 10 >$work/news &
subscriber=$!
ok "mosquitto: somebody subscribes" soon logged mosquitto "New client connected"
ok "mosquitto: a message" mosquitto_pub -t news -m hello
wait $subscriber
ok "mosquitto: has come" is "$(cat $work/news)" hello
ok "mosquitto: a message that is kept" mosquitto_pub -t kept -m still -r
again
ok "mosquitto: when it says that it is ready, it is" says still mosquitto_sub -t kept -C 1 -W 5
stops terminating
ok "mosquitto: what stays belongs to it" is "$(stat -c %U /var/lib/mosquitto/mosquitto.db)" mosquitto

service=chrony
boxed _chrony 400 /bin/sh /home /etc/shadow
ok "chrony: chronyc asks by its socket" soon chronyc -n -h /var/lib/hutch-chrony/chronyd.sock tracking
ok "chrony: and from anywhere on the machine" chronyc -n -h 127.0.0.1 tracking
measure() { timeout 15 chronyd -Q -t 8 'server 127.0.0.1 iburst' 'pidfile /tmp/work/chrony.pid' 'cmdport 0' 2>&1; }
offset() { measure | grep 'clock wrong by -\?0\.000'; }
ok "chrony: a client gets the time, to a millisecond" offset
stops "chronyd exiting"

service=postgresql
boxed postgres 0 /bin/sh /home /etc/shadow
# sql NAME TEXT: one connection
sql() {
	local at=/srv/$1/run
	[ "$1" != postgresql ] || at=/run/postgresql
	PGCONNECT_TIMEOUT=5 timeout 10 setpriv --reuid postgres --regid postgres --clear-groups \
		psql -h "$at" -XAtqc "$2"
}
ok "postgresql: a table" sql postgresql 'create table t (n int); insert into t select generate_series(1, 1000)'
ok "postgresql: a round trip" says 500500 sql postgresql 'select sum(n) from t'
again
ok "postgresql: when it says that it is ready, it is" says 1000 sql postgresql 'select count(*) from t'
# A client that stays would make it wait for ever, were the signal not INT.
sql postgresql 'select pg_sleep(9)' >$work/sleep 2>&1 &
soon sql postgresql "select 1 / count(*) from pg_stat_activity where query like '%pg_sleep(9)'" >$work/said 2>&1
stops "database system is shut down"

# --- two that would take the same key ------------------------------------------------

service=one
for name in one two; do
	ok "$name: is up" timeout 20 $hutch wait $name up 15s
	ok "$name: a table" soon sql $name 'create table if not exists t (n int)'
done
key() { nsenter -t "$(field "$1" pid)" -i ipcs -m | sed -n 's/^\(0x[0-9a-f]*\) .*/\1/p' | head -n 1; }
keys="$(key one) $(key two)"
ok "twins: both have taken the same System V key ($keys)" test "${keys% *}" = "${keys#* }" -a "$keys" != " "
ok "twins: of which this machine sees nothing" is "$(segments)" "$segments_before"

# One session of two lasts all the time, and one row a moment goes through it.
touch $work/go
(
	written=0
	while [ -e $work/go ]; do
		echo "insert into t values ($((++written)));"
		sleep 0.02
	done
	echo $written >$work/written
) | setpriv --reuid postgres --regid postgres --clear-groups \
	psql -h /srv/two/run -Xq -v ON_ERROR_STOP=1 >$work/session 2>&1 &
session=$!
two=$(payload two)
rounds=${SOAK:+100}
rounds=${rounds:-10} errors=0 lost=0
for ((i = 1; i <= rounds; i++)); do
	soon sql one "insert into t values ($i)" >$work/said 2>&1 || lost=$((lost + 1))
	# The server itself, or all of its sandbox.
	if [ $((i % 2)) = 1 ]; then victim=$(payload one); else victim=$(field one pid); fi
	kill -KILL "$victim" || lost=$((lost + 1))
	sql two 'select 1' >$work/said 2>&1 || errors=$((errors + 1))
done
rm $work/go
wait $session
status=$?
ok "twins: one was killed $rounds times and came back each time" is $lost 0
ok "twins: with all that was ever committed" soon says $rounds sql one 'select count(*) from t'
ok "twins: the supervisor has counted" is "$(field one restarts)" $rounds
ok "twins: two never noticed: no connection failed" is $errors 0
ok "twins: nor did its session end" is "$status $(cat $work/session)" "0 "
ok "twins: in which nothing was lost" says "$(cat $work/written)" sql two 'select count(*) from t'
ok "twins: two is the server that it was" is "$(payload two)" "$two"
ok "twins: and was never started again" is "$(field two restarts)" 0
ok "twins: no segment is left on this machine" is "$(segments)" "$segments_before"
ok "twins: the sandboxes that died left no namespace" is "$(lsns -nt ipc -o NS | sort -u | wc -l)" 3

# --- the end -------------------------------------------------------------------------

service=
ok "the supervisor ends" timeout 20 $hutch shutdown
wait $supervisor
ok "with status 0" is $? 0
ok "no process of a service is left" not pgrep -x 'dnsmasq|dropbear|nginx|mosquitto|chronyd|postgres|busybox'
ok "and nothing stays registered" is "$(find /run/hutch -mindepth 1 ! -name control)" ""
ok "no segment is left on this machine" is "$(segments)" "$segments_before"
echo "1..$n"
exit $((bad > 0))
