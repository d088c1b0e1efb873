#!/usr/bin/env bash
# Installs what tests need and a new Debian or Ubuntu machine lacks: real packet rules, and with `--cluster` also
# what the nodes of the end-to-end cluster are made of. Without these packages, or without root, `npm run demo` and
# `npm test` say so and go over loopback; `npm run e2e` says what is missing and ends.
set -euo pipefail

packages=(iproute2 iptables conntrack procps)
if [ "${1:-}" = --cluster ]; then
  # etcd: the API server's store. containerd, runc, CNI plugins: what kubelet runs pods with. dnsmasq: Azure's names.
  # postgresql: what an application with a password logs in to.
  packages+=(etcd-server etcd-client containerd runc containernetworking-plugins dnsmasq-base util-linux postgresql)
fi
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "nothing to install"
  exit 0
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# No service of these packages is to start: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
