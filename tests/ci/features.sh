#!/usr/bin/env bash
# `runtime` compiles without features, with each one alone, and with all, and without warnings.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Any output is a warning or an error. Flags of the compiler would rebuild all dependencies.
check() {
    echo "-- runtime $*"
    local log status=0
    log=$(cargo check --quiet --color never -p runtime --no-default-features "$@" 2>&1) || status=$?
    if [[ -n $log ]]; then
        printf '%s\n' "$log"
        status=1
    fi
    return "$status"
}

features=$(sed -n '/^\[features\]/,/^\[dep/s/^\([a-z][a-z0-9-]*\) *=.*/\1/p' runtime/Cargo.toml)
[[ -n $features ]] || { echo "no features found in runtime/Cargo.toml"; exit 1; }

check
for feature in $features; do
    check --features "$feature"
done
check --all-features
