#!/usr/bin/env bash
# Installs Debian packages that are missing, by apt, and leaves no service of theirs running:
#
#     deploy/install-test-servers.sh PACKAGE…
#
# The demonstration, the tests and the measurements start servers of their own, on free loopback ports, in temporary
# folders; from the packages they need the programs alone. Must be root, when something is missing.
set -euo pipefail

# How long another installation on this machine is waited for, in seconds.
LOCK_SECONDS=300
POLICY=/usr/sbin/policy-rc.d

fail() { printf 'install-test-servers.sh: %s\n' "$*" >&2; exit 1; }
is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

policy_kept=
policy_ours=
# Whatever ends this program, the machine's own policy is back.
restore_policy() {
  if [ -n "$policy_ours" ]; then rm -f "$POLICY"; policy_ours=; fi
  if [ -n "$policy_kept" ]; then mv "$policy_kept" "$POLICY"; policy_kept=; fi
}
trap restore_policy EXIT

# Debian starts what it installs, unless this program says no.
forbid_services() {
  if [ -e "$POLICY" ]; then
    policy_kept=$POLICY.before-vigie
    mv "$POLICY" "$policy_kept"
  fi
  policy_ours=yes
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}

find_missing() {
  local package
  missing=()
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
}

apt() { apt-get -q -o DPkg::Lock::Timeout=$LOCK_SECONDS "$@" </dev/null; }

install_missing() {
  echo "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  forbid_services
  apt update
  # Otherwise Postfix asks what kind of mail server this machine is.
  apt install -y --no-install-recommends debconf >/dev/null
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt install -y --no-install-recommends "${missing[@]}"
  restore_policy
}

# Nor at the next boot.
disable_services() {
  local package
  [ -d /run/systemd/system ] || return 0
  for package in "$@"; do
    case $package in
      dovecot-imapd) systemctl disable -q dovecot.service dovecot.socket 2>/dev/null || true ;;
      postfix | postgresql) systemctl disable -q "$package.service" 2>/dev/null || true ;;
    esac
  done
}

[ $# -gt 0 ] || fail "which packages?"
command -v dpkg-query >/dev/null || fail "this is no Debian: install by hand what stands for: $*"
find_missing "$@"
if [ ${#missing[@]} -eq 0 ]; then
  echo "nothing is missing"
  exit 0
fi
[ "$(id -u)" -eq 0 ] || fail "these packages are missing, and only root can install them: ${missing[*]}"
# Two installations at the same time would each restore what the other forbade.
exec 9>/run/lock/vigie-install.lock
flock -w "$LOCK_SECONDS" 9 || fail "another installation has not ended within $LOCK_SECONDS s"
find_missing "$@"
if [ ${#missing[@]} -gt 0 ]; then
  install_missing
  disable_services "${missing[@]}"
fi
