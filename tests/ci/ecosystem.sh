#!/usr/bin/env bash
# Libraries written for Tokio run on this runtime: axum, tower-http, hyper, hyper-util, reqwest,
# tokio-util, tokio-stream and tokio-test. `compat/ecosystem/run.sh` runs more, with real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

(
    cd compat/ecosystem
    cargo fmt --all --check
    cargo clippy --quiet --package ecosystem-http --package ecosystem-tools --all-targets -- -D warnings
)
bash compat/ecosystem/run.sh tools http
