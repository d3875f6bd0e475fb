#!/usr/bin/env bash
# The documentation builds without a warning: every public item has one, every link leads somewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export RUSTDOCFLAGS="-D warnings -D missing_docs"
cargo doc --workspace --no-deps --all-features
