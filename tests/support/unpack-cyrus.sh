#!/usr/bin/env bash
# Unpacks Debian's Cyrus IMAP into a folder, once:
#
#     tests/support/unpack-cyrus.sh FOLDER
#
# Debian refuses to install it beside Dovecot; unpacked, its programs run from any folder, as any account.
set -euo pipefail

PACKAGES=(cyrus-imapd cyrus-common libical3 libxapian30 libpcre3 sasl2-bin libsasl2-modules libsasl2-modules-db)

fail() { printf 'unpack-cyrus.sh: %s\n' "$*" >&2; exit 1; }

[ $# -eq 1 ] || fail "usage: unpack-cyrus.sh FOLDER"
mkdir -p "$1"
# Several test programs may want it at the same time.
exec 9>"$1/.lock"
flock 9
[ ! -e "$1/root/complete" ] || exit 0
command -v apt-get >/dev/null || fail "apt-get is not here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get download -q "${PACKAGES[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null && apt-get download -q "${PACKAGES[@]}"; } ||
  fail "the packages cannot be fetched: ${PACKAGES[*]}"
rm -rf "$1/root"
for package in *.deb; do dpkg -x "$package" "$1/root"; done
chmod -R a+rX "$1"
touch "$1/root/complete"
