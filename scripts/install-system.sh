#!/usr/bin/env bash
# Installs what the tests with real packet rules need and a new Debian or Ubuntu machine lacks.
# Without these packages, or without root, `npm run demo` and the tests say so and go over loopback.
set -euo pipefail

packages=(iproute2 iptables conntrack procps)
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
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
