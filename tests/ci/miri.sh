#!/usr/bin/env bash
# The unsafe code under Miri: aliasing, leaks, data races, uninitialised memory. Not part of
# .ci/run: it needs a nightly compiler with Miri, and takes some minutes.
#
# Usage: tests/ci/miri.sh [PART_OF_A_NAME...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "SKIPPED: there is no Miri here; \`rustup component add miri rust-src --toolchain nightly\`"
    exit 0
fi

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/miri"
export MIRIFLAGS="${MIRIFLAGS:--Zmiri-disable-isolation}"

# What has unsafe code and no system calls that Miri does not know.
base=(wait_list waker_cell trace)
executor=(task:: scheduler::ring sync::oneshot sync::mpsc::queue sync::once_cell watchdog::stack::question)
if (($# > 0)); then
    base=("$@")
    executor=("$@")
fi
cargo +nightly miri test -p runtime-base --lib -- "${base[@]}"
cargo +nightly miri test -p runtime --lib -- "${executor[@]}"
