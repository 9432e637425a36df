#!/usr/bin/env bash
# Everything that must hold before a change is accepted, in one command: bash tests/run.sh
#
# On a Debian 12 with Rust it installs, by apt, the servers that the tests start (Dovecot, Postfix, PostgreSQL) and
# that are missing. It starts no system service: the tests run servers of their own, on free loopback ports, in
# temporary folders. It must be root for that (Postfix's master is), and goes on with sudo otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PACKAGES=(dovecot-imapd dovecot-lmtpd dovecot-sieve postfix postgresql postgresql-client)
# What the systemd unit may score at most, in tenths (systemd-analyze security).
MAX_EXPOSURE=15

current=start
say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'tests/run.sh: %s\n' "$*" >&2; exit 1; }

# step NAME COMMAND…: runs the command and says how long it took.
step() {
  local start=$SECONDS
  current=$1
  shift
  say "$current"
  # Not `"$@" || …`: in such a list bash would go on after a command that fails inside a function.
  "$@"
  printf -- '--- %s: %d s\n' "$current" $((SECONDS - start))
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

POLICY=/usr/sbin/policy-rc.d
policy_kept=
policy_ours=
restore_policy() {
  if [ -n "$policy_ours" ]; then
    rm -f "$POLICY"
    policy_ours=
  fi
  if [ -n "$policy_kept" ]; then
    mv "$policy_kept" "$POLICY"
    policy_kept=
  fi
}

# Whatever ends this program, the machine is as it was, and the step that failed is named.
finish() {
  local code=$?
  restore_policy
  [ "$code" -eq 0 ] || printf 'tests/run.sh: "%s" failed, after %d s in all\n' "$current" $SECONDS >&2
}
trap finish EXIT

install_missing() {
  local package missing=()
  command -v cc >/dev/null || PACKAGES+=(gcc libc6-dev)
  for package in "${PACKAGES[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "nothing is missing"
    return
  fi
  command -v apt-get >/dev/null || fail "these Debian packages are missing, and there is no apt-get: ${missing[*]}"
  echo "installing: ${missing[*]}"
  # Debian starts what it installs, unless this program says no.
  if [ -e "$POLICY" ]; then
    policy_kept=$POLICY.before-vigie
    mv "$POLICY" "$policy_kept"
  fi
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  policy_ours=yes
  chmod 755 "$POLICY"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  # Otherwise Postfix asks what kind of mail server this machine is.
  apt-get install -y -q --no-install-recommends debconf >/dev/null
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt-get install -y -q --no-install-recommends "${missing[@]}"
  restore_policy
  # Nor at the next boot: they came for the tests alone.
  if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
      case $package in
        dovecot-imapd) systemctl disable -q dovecot.service dovecot.socket 2>/dev/null || true ;;
        postfix | postgresql) systemctl disable -q "$package.service" 2>/dev/null || true ;;
      esac
    done
  fi
}

run_tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --no-fail-fast
    # nextest leaves out the examples in the documentation.
    cargo test --locked --doc
  else
    cargo test --locked --no-fail-fast
  fi
}

check_unit() {
  local folder said
  command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not here: the unit is not checked"; return; }
  folder=$(mktemp -d)
  # verify wants the program of ExecStart to exist, and says 0 even on a key that it does not know.
  sed 's#^ExecStart=/usr/bin/vigie#ExecStart=/bin/true#' deploy/vigie.service >"$folder/vigie.service"
  said=$(systemd-analyze verify --man=no "$folder/vigie.service" 2>&1) || true
  if [ -z "$said" ]; then
    said=$(systemd-analyze security --offline=true --threshold=$MAX_EXPOSURE "$folder/vigie.service" 2>&1) && said=
  fi
  rm -r "$folder"
  [ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
  said=$(systemd-sysusers --dry-run "$PWD/deploy/vigie.sysusers" 2>&1 >/dev/null) || { printf '%s\n' "$said"; return 1; }
  echo "deploy/vigie.service: no complaint, exposure at most $MAX_EXPOSURE tenths"
}

check_scripts() {
  local scripts
  mapfile -t scripts < <(find . -path ./target -prune -o -path ./.git -prune -o -name '*.sh' -print; echo .ci/run)
  for script in "${scripts[@]}"; do bash -n "$script"; done
  if command -v shellcheck >/dev/null; then
    shellcheck "${scripts[@]}"
  else
    echo "shellcheck is not here: the ${#scripts[@]} scripts were only parsed"
  fi
}

if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "Postfix's master must be root: run this as root"
  say "Postfix's master must be root: going on with sudo"
  exec sudo --preserve-env=HOME,PATH,CARGO_HOME,RUSTUP_HOME,CARGO_TARGET_DIR env "PATH=$PATH" bash tests/run.sh "$@"
fi
command -v cargo >/dev/null || fail "cargo is missing: install Rust, https://rustup.rs"
cargo fmt --version >/dev/null 2>&1 || fail "rustfmt is missing: rustup component add rustfmt"
cargo clippy --version >/dev/null 2>&1 || fail "clippy is missing: rustup component add clippy"

step "servers for the tests" install_missing
# What else wants the servers (tests/bench.sh) asks for them alone.
[ "${1:-}" != --servers ] || exit 0
step "format" cargo fmt --check
step "scripts" check_scripts
step "systemd unit" check_unit
step "lints" cargo clippy --locked --all-targets -- -D warnings
step "tests" run_tests
say "all is well, after $SECONDS s"
