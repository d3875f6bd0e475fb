#!/usr/bin/env bash
# A file of 1 GiB written, copied and compared. For the night, not for every change: it needs 3 GiB in
# the directory for temporary files.
#
# Usage: tests/ci/long-fs.sh [MEBIBYTES]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export FS_TEST_MEBIBYTES="${1:-1024}"
cargo test --release -p tests --test fs -- --exact a_large_file_is_written_copied_and_compared
