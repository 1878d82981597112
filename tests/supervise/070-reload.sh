#!/bin/bash
# Another set of profiles, while everything runs.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

says() {	# the reload's words, in any order
	same "reload" "$(sort <<<"$text")" "$(printf '%s\n' "$@" | sort)"
}

"$T/probe" lo
service kept "exec=/bin/probe stamp kept forever -" "# a comment"
service old "exec=/bin/probe trap old-end forever -"
service change "exec=/bin/probe stamp one forever -"
service idle "exec=/bin/probe forever -" start=manual
up
await change up
await kept up
await old up
pid=$(get kept pid)

claim "added, removed and changed are told; what is the same keeps its process"
rm "$D/old.conf"
service new "exec=/bin/probe stamp new forever -"
service change "exec=/bin/probe stamp two forever -"
ask reload
same "status" "$status" 0
says added=new removed=old changed=change
await new up
await change up
stamped_by '^two' 1
stamped_by '^old-end 15' 1
same "pid" "$(get kept pid) $(get kept restarts)" "$pid 0"
old_gone() { ! "$H" status 2>&1 | grep -q '^old '; }
until_true old_gone
like "the old one" "$("$H" status old 2>&1)" "*no service named old*"

claim "the words of a comment change nothing"
sed -i 's/^# .*/# another comment, and a longer one/' "$D/kept.conf"
ask reload
says ""
same "pid" "$(get kept pid)" "$pid"

claim "HUP does the same"
service hup "exec=/bin/probe forever -"
kill -HUP "$sup"
await hup up
same "pid" "$(get kept pid)" "$pid"

claim "a broken profile refuses everything and says file, line and reason"
service broken "exec=/bin/probe forever -" "restart=sometimes"
line=$(grep -n sometimes "$D/broken.conf" | cut -d : -f 1)
rm "$D/new.conf"
service kept "exec=/bin/probe stamp other forever -"
ask reload
like "text" "$text" "hutch: nothing was changed?*broken.conf:$line*restart*sometimes*"
nap 0.2
same "kept" "$(get kept pid)" "$pid"
same "new" "$(get new state)" up
same "broken" "$(get broken state)" ""

claim "the profile repaired: the whole set comes"
service broken "exec=/bin/probe forever -"
service kept "exec=/bin/probe stamp kept forever -" "# a comment"
service new "exec=/bin/probe stamp new forever -"
ask reload
says added=broken
await broken up
same "pid" "$(get kept pid)" "$pid"

claim "a profile that a changed one includes counts as changed too"
printf '%s\n' "env=X=1" >"$T/common"
service inc "include=$T/common" "exec=/bin/probe env X forever -"
ask reload
says added=inc
stamped_by '^X=1' 1
printf '%s\n' "env=X=2" >"$T/common"
ask reload
says changed=inc
stamped_by '^X=2' 1

claim "what was stopped by hand and what is manual stays down when it changes"
tell stop broken
tell wait broken down 5s
service broken "exec=/bin/probe stamp broken forever -"
service idle "exec=/bin/probe stamp idle forever -" start=manual
ask reload
says changed=broken changed=idle
nap 0.2
same "states" "$(get broken state) $(get idle state)" "down down"
tell start idle
stamped_by '^idle' 1

claim "removed and back again at once: it runs again"
service back "exec=/bin/probe ignore 15 stamp back forever -" stop-timeout=500ms
ask reload
stamped_by '^back' 1
cp "$D/back.conf" "$T/back.conf"
rm "$D/back.conf"
ask reload
says removed=back
cp "$T/back.conf" "$D/"
ask reload
stamped_by '^back' 2
await back up

claim "sockets survive: one that stays in the profile is the same one, one that goes is closed"
service net "exec=/bin/probe serve 0" "listen=tcp 127.0.0.1:7001" "listen=tcp 127.0.0.1:7002"
ask reload
await net up
inode() {
	awk -v p="$(printf %04X "$1")" '$2 ~ ":" p "$" && $4 == "0A" { print $10 }' /proc/net/tcp
}
same "answer" "$("$T/probe" talk tcp 7001)" "served 0"
before=$(inode 7001)
service net "exec=/bin/probe sleep 100 serve 0" "listen=tcp 127.0.0.1:7003" "listen=tcp 127.0.0.1:7001"
ask reload
says changed=net
same "answer" "$("$T/probe" talk tcp 7001)" "served 1"
same "inode" "$(inode 7001)" "$before"
same "answer" "$("$T/probe" talk tcp 7003)" "served 0"
same "the one that went" "$(inode 7002)" ""

claim "needs and after follow the new set"
service net "exec=/bin/probe forever -" needs=base
service base "exec=/bin/probe ready 3 forever -" "ready=fd 3"
ask reload
says changed=net added=base
await net up
await base up
tell stop base
tell wait net down 5s

claim "twenty reloads in a row, each with a change: the last one counts, memory is given back"
before=$(awk '/VmRSS/ { print $2 }' "/proc/$sup/status")
for i in {1..20}; do
	service change "exec=/bin/probe stamp change-$i forever -"
	ask reload
	says changed=change
done
stamped_by '^change-20' 1
within "growth in KiB" $(($(awk '/VmRSS/ { print $2 }' "/proc/$sup/status") - before)) -4000 1200

claim "two at once: both see what was written before"
service two "exec=/bin/probe forever -"
"$H" reload >"$T/first" 2>&1 &
first=$!
ask reload
wait $first
like "both" "$(cat "$T/first") $text" "*added=two*"
await two up

claim "all that is wrong with all profiles is told at once"
for name in x y z; do service $name "exec=/bin/probe forever -" nice=99 restart=often needs=nobody; done
service w "exec=/bin/probe forever -" needs=nobody
ask reload
same "status" "$status" 1
for name in x y z; do
	like "$name" "$text" "*$name.conf:*: nice is*"
	like "$name" "$text" "*$name.conf:*: restart is*"
done
like "order" "$text" "*w.conf:*: needs a service that there is not: nobody*"
for i in {1..60}; do service "many$i" "exec=/bin/probe forever -" nice=99 restart=often user= umask=9; done
ask reload
like "many" "$text" "hutch: nothing was changed?*and [0-9]* more"
same "pid" "$(get kept pid)" "$pid"
rm "$D"/many* "$D"/[w-z].conf

claim "the directory is gone: told, nothing changes; back again: fine"
mv "$D" "$T/elsewhere"
ask reload
like "text" "$text" "*No such file or directory*"
same "pid" "$(get kept pid)" "$pid"
mv "$T/elsewhere" "$D"
ask reload
same "status" "$status" 0
same "pid" "$(get kept pid)" "$pid"
down

claim "boot.good in init.conf is no privilege of PID 1: a profile that is wrong at the start gives way to the last good one"
rm -f "$D"/*.conf
service a "exec=/bin/probe stamp a forever -"
echo "boot.good=$T/good" >"$D/init.conf"
up
until_true 5 test -s "$T/good"
down
echo nice=99 >>"$D/a.conf"
up
await a up
same "a" "$(get a profile)" last-good
like "said" "$(cat "$T/said.err")" "*a.conf:*: nice is*"
down
rm "$D/init.conf"
up
same "not asked for" "$(get a state) $(get a profile)" "down null"
down
