#!/usr/bin/env bash
# `runtime` compiles without warnings for the systems that the tests do not run on. A target whose
# standard library is not installed and cannot be had is skipped, and said to be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

targets=(
    x86_64-pc-windows-gnu
    aarch64-apple-darwin
    x86_64-unknown-freebsd
    aarch64-unknown-linux-gnu
)

# The compiler knows where the library of a target is, or would be.
installed() {
    local library
    library=$(rustc --print target-libdir --target "$1" 2>/dev/null) &&
        compgen -G "$library/libstd-*" >/dev/null
}

# Any output is a warning or an error. Flags of the compiler would rebuild all dependencies.
check() {
    local log status=0
    log=$(cargo check --quiet --color never -p runtime --target "$1" 2>&1) || status=$?
    if [[ -n $log ]]; then
        printf '%s\n' "$log"
        status=1
    fi
    return "$status"
}

# A network that swallows everything is a reason to skip.
limit=()
if command -v timeout >/dev/null; then
    limit=(timeout 60s)
fi

status=0 checked=0
for target in "${targets[@]}"; do
    if ! installed "$target"; then
        if ! command -v rustup >/dev/null; then
            echo "-- $target SKIPPED: not installed, and there is no rustup"
            continue
        fi
        if ! log=$(${limit[@]+"${limit[@]}"} rustup target add "$target" 2>&1); then
            echo "-- $target SKIPPED: $(grep -m 1 ^error: <<<"$log" || tail -n 1 <<<"$log")"
            continue
        fi
    fi
    echo "-- $target"
    checked=$((checked + 1))
    check "$target" || status=1
done
echo "$checked of ${#targets[@]} targets checked"
exit "$status"
