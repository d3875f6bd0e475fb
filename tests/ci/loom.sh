#!/usr/bin/env bash
# Explores the interleavings of every lock-free protocol: the models beside the code, under loom.
#
# Usage: tests/ci/loom.sh [PART_OF_A_NAME...]
#
# Each model runs in a process of its own and is ended after its limit (.config/nextest.toml). The
# depth is a preemption bound of 3, or what a model asks for; LOOM_MAX_PREEMPTIONS overrides both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

packages=(runtime-base runtime-timer runtime-net runtime)
# Everything is compiled differently here, so it has a target directory of its own.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/loom"
# Some tests have no model; what only they use is not used here. What the code asserts of its own steps
# is part of a model.
export RUSTFLAGS="--cfg rt_loom -A unused -C debug-assertions"
# loom keeps its stacks small; a panic's backtrace needs none of ours.
export RUST_BACKTRACE=0

selected=()
for package in "${packages[@]}"; do
    selected+=(-p "$package")
done

if cargo nextest --version >/dev/null 2>&1; then
    profile=${LOOM_PROFILE:-loom}
    exec cargo nextest run --cargo-profile release --profile "$profile" --lib "${selected[@]}" \
        ${1+"$@"}
fi

# Without cargo-nextest: list the models and start each by itself.
cargo test --release --lib --no-run "${selected[@]}"
limit=()
if command -v timeout >/dev/null; then
    limit=(timeout --kill-after=5s "${LOOM_LIMIT:-180s}")
fi
passed=0 failed=0
for package in "${packages[@]}"; do
    models=$(cargo test --quiet --release --lib -p "$package" -- --list --format terse "$@" |
        sed -n 's/: test$//p')
    for model in $models; do
        start=$SECONDS
        if log=$(${limit[@]+"${limit[@]}"} cargo test --quiet --release --lib -p "$package" -- \
            --exact "$model" 2>&1); then
            echo "ok      $((SECONDS - start)) s  $package $model"
            passed=$((passed + 1))
        else
            printf '%s\n' "$log"
            echo "FAILED  $((SECONDS - start)) s  $package $model"
            failed=$((failed + 1))
        fi
    done
done
echo "$passed models passed, $failed failed"
((failed == 0 && passed > 0))
