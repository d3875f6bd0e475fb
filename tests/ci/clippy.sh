#!/usr/bin/env bash
# Neither the compiler nor clippy has a remark, in any target of any package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo clippy --workspace --all-targets --all-features -- -D warnings
