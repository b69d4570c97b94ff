# shellcheck shell=bash
# What the scripts beside this file share. Sourced, never run.

set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Where cargo puts what it builds. Helper programs built for this project live below it, so that
# `make clean` removes every trace and nothing is installed into anyone's home directory.
target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
tools=$target/tools
export CARGO_TARGET_DIR=$target
export PATH=$tools/bin:$PATH

say() { printf '%s\n' "conclave: $*" >&2; }

die() {
  say "$*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The first of the named programs that exists, or nothing.
first_of() {
  local name
  for name in "$@"; do
    if command -v "$name" 2>/dev/null; then return; fi
  done
}

# The version of package $1 that Cargo.lock pins.
locked_version() {
  awk -v want="name = \"$1\"" '
    $0 == want { found = 1; next }
    found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }
  ' Cargo.lock
}
