# shellcheck shell=bash
# What machine.sh runs on the copy: installs its arguments, and starts nothing.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
# The tests make their own clusters.
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/services.conf
apt=(apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root)
"${apt[@]}" update
exec "${apt[@]}" -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io \
	install -y --no-install-recommends "$@" </dev/null
