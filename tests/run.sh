#!/usr/bin/env bash
# Everything that must hold before a change is accepted, in one command: bash tests/run.sh
#
# On a Debian 12 with Rust it installs, by apt, the servers that the tests start (Dovecot, Postfix, PostgreSQL) and
# that are missing. It starts no system service: the tests run servers of their own, on free loopback ports, in
# temporary folders. It must be root for that (Postfix's master is), and goes on with sudo otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PACKAGES=(dovecot-imapd dovecot-lmtpd dovecot-sieve postfix postgresql postgresql-client qpdf poppler-utils)
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

# The step that failed is named.
finish() {
  local code=$?
  [ "$code" -eq 0 ] || printf 'tests/run.sh: "%s" failed, after %d s in all\n' "$current" $SECONDS >&2
}
trap finish EXIT

install_missing() {
  command -v cc >/dev/null || PACKAGES+=(gcc libc6-dev)
  deploy/install-test-servers.sh "${PACKAGES[@]}"
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
