#!/usr/bin/env bash
# The tests and the examples of the documentation: the README's second command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo test --workspace
