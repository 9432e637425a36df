#!/usr/bin/env bash
# Figures side by side with a peer or a limit in the same run: bash tests/bench.sh
#
# Builds the program as it ships, installs by apt what is missing of the servers and peers (Dovecot, Postfix, isync),
# and starts its own, on free loopback ports. Nothing is asserted: the figures are for people to read.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tests/run.sh --servers
if ! command -v mbsync >/dev/null; then
  echo "installing isync, the peer that copies a mailbox"
  apt-get install -y -q --no-install-recommends isync
fi
exec cargo bench --bench figures
