#!/usr/bin/env bash
# The test suites of libraries that were written for Tokio, as their authors published them, with the
# shim in Tokio's place. Some twenty minutes on two cores; needs crates.io.
#
#     bash tests/ci/long-suites.sh [LIBRARY...]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

root=$PWD
work=$root/target/suites
export CARGO_TARGET_DIR=$work/target

# library, version, arguments of `cargo test`
suites=(
    "async-compat 0.2.6"
    "hyper 1.12.0 --features full --lib"
    # One of its tests asks the internet for a name.
    "hyper-util 0.1.21 --all-features -- --skip test_socks_v5_with_locally_resolved_domain_works"
    "moka 0.12.16 --features future"
    "quinn 0.11.12"
    "tokio-stream 0.1.19 --all-features"
    "tokio-test 0.4.6 --all-features"
    "tokio-util 0.7.20 --all-features"
    "tower 0.5.3 --all-features"
    "warp 0.4.3 --all-features"
)

# The folder into which cargo has put the source of a library.
source_of() {
    local library=$1 version=$2 folder=$work/fetch
    mkdir -p "$folder/src"
    : >"$folder/src/lib.rs"
    cat >"$folder/Cargo.toml" <<END
[package]
name = "fetch"
edition = "2024"

[dependencies]
$library = "=$version"

[workspace]
END
    rm -f "$folder/Cargo.lock"
    cargo metadata --quiet --format-version 1 --manifest-path "$folder/Cargo.toml" |
        grep -o "\"manifest_path\":\"[^\"]*/$library-$version/Cargo.toml\"" |
        head -n 1 | sed 's/.*:"//; s/\/Cargo.toml"$//'
}

failed=0
for suite in "${suites[@]}"; do
    read -r library version arguments <<<"$suite"
    if (($# > 0)) && [[ " $* " != *" $library "* ]]; then
        continue
    fi
    echo "== $library $version"
    from=$(source_of "$library" "$version")
    if [[ -z $from ]]; then
        echo "cargo does not find it"
        failed=$((failed + 1))
        continue
    fi
    folder=$work/$library
    rm -rf "$folder"
    cp -r "$from" "$folder"
    rm -f "$folder/Cargo.lock"
    cat >>"$folder/Cargo.toml" <<END

[patch.crates-io]
tokio = { path = "$root/compat/tokio" }

[workspace]
END
    # The arguments are words.
    # shellcheck disable=SC2086
    (cd "$folder" && cargo test --no-fail-fast $arguments) >"$work/$library.log" 2>&1
    status=$?
    passed=$(grep -c '^test .* ok$' "$work/$library.log")
    if grep -q 'was not used in the crate graph' "$work/$library.log"; then
        failed=$((failed + 1))
        echo "the shim does not fit: it ran on Tokio itself"
    elif ((status == 0 && passed > 0)); then
        echo "$passed passed"
    else
        failed=$((failed + 1))
        grep -E '^test .* FAILED$|^error' "$work/$library.log" | head -n 20
        echo "FAILED with status $status, $passed passed; see $work/$library.log"
    fi
done
((failed == 0))
