#!/usr/bin/env bash
# Makes a Debian sid chroot with Godot 4 in the folder given (stable Debian has Godot 3 only), once; about 700 MB.
# Exit status 3, with one line that says why, where it cannot be had.
set -euo pipefail
root=$1
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

skip() { echo "skipped: $1" >&2; exit 3; }

[ -e "$root/.ready" ] && exit 0
[ "$(id -u)" = 0 ] || skip "a chroot needs root"
command -v apt-get >/dev/null || skip "debootstrap needs Debian"
if ! command -v debootstrap >/dev/null; then
  apt-get update -qq && apt-get install -qq -y --no-install-recommends debootstrap >/dev/null || skip "debootstrap cannot be installed"
fi
rm -rf "$root"
mkdir -p "$root"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
debootstrap --variant=minbase sid "$root" "$mirror" >"$log" 2>&1 || { tail -5 "$log" >&2; skip "debootstrap of Debian sid failed"; }
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io" # it may be lost with the machine
# no service may start in there
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
[ -e /etc/resolv.conf ] && cp -L /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get install -qq -y --no-install-recommends godot ca-certificates >"$log" 2>&1 \
  || { tail -5 "$log" >&2; skip "Godot cannot be installed in the chroot"; }
chroot "$root" apt-get clean
touch "$root/.ready"
