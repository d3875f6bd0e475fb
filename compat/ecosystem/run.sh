#!/usr/bin/env bash
# Builds the programs of this folder, which use libraries written for Tokio, and runs them on this
# runtime:
#
#     compat/ecosystem/run.sh [--real-tokio] [PACKAGE...]
#
# With `--real-tokio` the same files run on the real Tokio, from a copy of the manifest that lacks
# the patch. Without a PACKAGE all of them run. The databases are started by `services.sh`, which
# wants root and Debian; set REDIS_URL, POSTGRES_URL and AMQP_URL to use servers that run already.
# What is skipped is said at the end, and why. The status is 0 if nothing failed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/target}

real=
if [[ ${1:-} == --real-tokio ]]; then
    real=1
    shift
fi
packages=("$@")
if ((${#packages[@]} == 0)); then
    packages=(tools http secure watching websocket grpc databases)
fi
for package in "${packages[@]}"; do
    [[ -f $here/$package/Cargo.toml ]] || { echo "there is no package $package here"; exit 2; }
done

if [[ -n $real ]]; then
    # The copy always lies in the same place: its packages need not be built anew each time.
    project=$CARGO_TARGET_DIR/real-tokio
    mkdir -p "$project"
    for package in databases grpc http secure tools watching websocket; do
        rm -rf "${project:?}/$package"
        cp -pR "$here/$package" "$project/$package"
    done
    sed '/^# The one line/,$d' "$here/Cargo.toml" >"$project/Cargo.toml"
    # The same versions of everything but Tokio.
    cp "$here/Cargo.lock" "$project/Cargo.lock"
    answer=$(bash "$here/../check-patched.sh" "$project")
    if [[ $answer != "NOT patched:"*"has no patch"* ]]; then
        echo "FAILED: the copy is not linked with the real Tokio: $answer"
        exit 1
    fi
    echo "The real Tokio: $(cd "$project" && cargo tree -q --depth 0 --prefix none -p tokio)"
else
    project=$here
    bash "$here/../check-patched.sh" "$project" || exit 1
fi

# Starts what a program needs, or says why it is not there.
skipped=()
services=()
for package in "${packages[@]}"; do
    [[ $package == databases ]] || continue
    for service in redis postgres rabbitmq; do
        variable=${service^^}_URL
        [[ $service == rabbitmq ]] && variable=AMQP_URL
        if [[ -n ${!variable:-} ]]; then
            continue
        elif [[ $(id -u) != 0 || ! -x $(command -v apt-get) ]]; then
            skipped+=("databases with $service: $variable is not set, and services.sh needs root and apt-get to start a server")
        elif ! said=$("$here/services.sh" install "$service" 2>&1 >/dev/null); then
            skipped+=("databases with $service: it could not be installed (${said//$'\n'/; })")
        else
            services+=("$service")
        fi
    done
done

failed=0 summary=()
for package in "${packages[@]}"; do
    command=(cargo test --quiet --no-fail-fast --package "ecosystem-$package")
    echo "== $package"
    start=$SECONDS
    (
        cd "$project" || exit
        if [[ $package == watching ]]; then
            # Without it console-subscriber refuses to start on a Tokio that has no spans of its own.
            export RUSTFLAGS="${RUSTFLAGS:-} --cfg console_without_tokio_unstable"
        fi
        if [[ $package == databases && ${#services[@]} -gt 0 ]]; then
            state=$(mktemp -d)
            chmod 755 "$state"
            "${command[@]}" --no-run && SERVICES_DIR=$state/services "$here/services.sh" run "${services[@]}" -- "${command[@]}"
            status=$?
            rm -rf "$state"
            exit "$status"
        fi
        "${command[@]}"
    ) </dev/null
    status=$?
    verdict=passed
    if [[ $package == databases && ${#skipped[@]} == 3 ]]; then
        verdict="built, and not run"
    fi
    if ((status != 0)); then
        verdict="FAILED with status $status"
        failed=$((failed + 1))
    fi
    summary+=("$(printf '%-10s %4d s  %s' "$package" $((SECONDS - start)) "$verdict")")
done

echo
printf '%s\n' "${summary[@]}"
if ((${#skipped[@]} > 0)); then
    printf 'SKIPPED: %s\n' "${skipped[@]}"
fi
((failed == 0))
