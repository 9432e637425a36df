#!/usr/bin/env bash
# Figures side by side with a peer or a limit in the same run: bash tests/bench.sh
#
# Builds the program as it ships, installs by apt what is missing of the servers and peers (Dovecot, Postfix, isync),
# and starts its own, on free loopback ports. Nothing is asserted: the figures are for people to read.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "tests/bench.sh: Postfix's master must be root: run this as root" >&2; exit 1; }
  exec sudo --preserve-env=HOME,PATH,CARGO_HOME,RUSTUP_HOME,CARGO_TARGET_DIR env "PATH=$PATH" bash tests/bench.sh
fi
bash tests/run.sh --servers
# The peer that copies a mailbox.
deploy/install-test-servers.sh isync
cargo bench --locked --bench figures
cargo bench --locked --bench mailboxes
cargo bench --locked --bench latency
# A whole year of a prefecture, without any server. It is one caller and one thread of SQLite's that hand each statement to
# each other: on one processor the hand-over costs a fraction of what waking another one does, on virtual machines above all.
cargo bench --locked --bench year --no-run
taskset --cpu-list 0 cargo bench --locked --bench year
# Ten years of one préfecture on both engines; the store is made once, in some minutes, and kept in target/tmp.
exec cargo bench --locked --bench decade
