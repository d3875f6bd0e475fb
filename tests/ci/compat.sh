#!/usr/bin/env bash
# The crate named `tokio` in `compat`: every public item of Tokio is there, its macros work, every
# feature of Tokio exists, and `check-patched.sh` tells which projects it is linked into.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../compat"

# The workspace has a `target` of its own, where the variable does not say otherwise.
echo "-- format, clippy, documentation"
cargo fmt --all --check
cargo clippy --quiet --workspace --all-targets --features tokio/taskdump -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace --features tokio/taskdump

echo "-- the shim's own tests"
cargo test --quiet --package tokio

echo "-- each feature of Tokio, and code for \`--cfg tokio_unstable\`"
while read -r feature; do
    [[ $feature == "#"* ]] || cargo check --quiet --package tokio --no-default-features --features "$feature"
done <api/facts/features.txt
cargo rustc --quiet --package tokio --features full,taskdump --profile check -- --cfg tokio_unstable

echo "-- every public item"
cargo run --quiet --package api-check

echo "-- check-patched.sh"
bash tests/check-patched.sh
