#!/usr/bin/env bash
# Says in one sentence whether the project in DIR is linked with this runtime where it says `tokio`:
#
#     compat/check-patched.sh DIR
#
# The status is 0 if so, 1 if not, and 2 if it cannot be told. Nothing in DIR is changed.
set -uo pipefail

say() { # STATUS SENTENCE
    printf '%s\n' "$2"
    exit "$1"
}

[[ $# == 1 ]] || say 2 "usage: $0 DIR"
[[ -f $1/Cargo.toml ]] || say 2 "There is no Cargo.toml in $1."
dir=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shim_version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/tokio/Cargo.toml" | head -n 1)

cd "$dir" || exit 2
manifest=$(cargo locate-project --workspace --message-format plain 2>/dev/null) ||
    say 2 "Cargo finds no project in $dir."
root=$(dirname "$manifest")

# cargo writes the lock file when it resolves; what was there comes back at the end.
kept=$(mktemp -d)
[[ -f $root/Cargo.lock ]] && cp -p "$root/Cargo.lock" "$kept/Cargo.lock"
restore() {
    if [[ -f $kept/Cargo.lock ]]; then
        cmp -s "$kept/Cargo.lock" "$root/Cargo.lock" || cp -p "$kept/Cargo.lock" "$root/Cargo.lock"
    else
        rm -f "$root/Cargo.lock"
    fi
    rm -rf "$kept"
}
trap restore EXIT

# Every tokio in the tree, one a line: `tokio v1.2.3`, and where it is from if that is no registry.
tokios() {
    cargo tree --color never --workspace --target all --edges all --prefix none --format '{p}' \
        2>"$kept/errors" >"$kept/tree" || return
    sed -n 's/ (\*)$//; /^tokio v/p' "$kept/tree" | sort -u
}

# Which of them is the shim: the one that stands on this runtime.
is_shim() { # LINE
    local version=${1#tokio v} below
    [[ $1 == *"("* ]] || return
    below=$(cargo tree --color never --target all --prefix none --depth 1 --format '{p}' \
        --package "tokio@${version%% *}" 2>/dev/null)
    [[ $'\n'$below == *$'\n'"runtime v"* ]]
}

# The packages that ask for this tokio, by name.
who_asks_for() { # VERSION
    cargo tree --color never --workspace --target all --prefix none --format '{p}' \
        --depth 1 --invert "tokio@$1" 2>/dev/null |
        sed -n '2,$s/^\([^ ]*\) v.*/`\1`/p' | sort -u | head -n 3 | paste -sd , | sed 's/,/, /g'
}

# From a message of cargo's resolver: who asks for what the shim does not have.
who_asks() {
    sed -n 's/^[ .]*required by package `\([^ `]*\) .*/`\1`/p' "$kept/errors" | head -n 1
}

# Why the resolver cannot use the shim.
refused() {
    local who feature
    who=$(who_asks)
    feature=$(sed -n 's/.*depends on `tokio`.* with feature `\([^`]*\)` but .*/\1/p' "$kept/errors" |
        head -n 1)
    if [[ -n $feature ]]; then
        say 1 "NOT patched: ${who:-a crate} asks for the feature \`$feature\`, which the shim $shim_version does not have; use a newer shim, or do without it."
    fi
    say 1 "NOT patched: ${who:-A crate} asks for a Tokio newer than the shim, which is $shim_version; use a newer shim, or an older version of that crate."
}

if ! found=$(tokios); then
    if grep -q 'failed to select a version for .*`tokio' "$kept/errors"; then
        refused
    fi
    reason=$(sed -n 's/^error: //p' "$kept/errors" | head -n 1)
    say 2 "Cargo cannot resolve the project in $dir: ${reason:-see \`cargo tree\`}."
fi
cp "$kept/errors" "$kept/warnings"
[[ -n $found ]] || say 1 "NOT patched: nothing in $dir depends on tokio."

shim='' others=()
while IFS= read -r line; do
    if is_shim "$line"; then
        shim=$line
    else
        others+=("$line")
    fi
done <<<"$found"

if [[ -n $shim && ${#others[@]} == 0 ]]; then
    say 0 "Patched: all of $dir is linked with this runtime ($shim)."
fi
if [[ -n $shim ]]; then
    other=${others[0]#tokio v}
    say 1 "NOT patched throughout: there are two tokios, the shim and ${others[0]#tokio }, which $(who_asks_for "${other%% *}") asks for; types of one are not those of the other."
fi

# Only the real Tokio. Why?
if grep -q 'patch for the non root package will be ignored' "$kept/warnings"; then
    say 1 "NOT patched: the patch is in the manifest of a member, where cargo ignores it; move it to $manifest."
fi
# What the lock file says of patches that nobody uses; cargo's warning has the same.
patch_version=$(sed -n '/^\[\[patch.unused\]\]/,/^$/p' "$root/Cargo.lock" |
    sed -n '/^name = "tokio"/{n;s/^version = "\(.*\)"/\1/p;}' | head -n 1)
if [[ -z $patch_version ]]; then
    say 1 "NOT patched: $manifest has no patch for tokio; add \`[patch.crates-io]\` and below it \`tokio = { path = \"$here/tokio\" }\`."
fi
# The patch is known and not used. Would it be, if the lock file allowed it?
locked=${others[0]#tokio v}
if cargo update --color never --package "tokio@${locked%% *}" --precise "$patch_version" \
    2>"$kept/errors" >/dev/null; then
    say 1 "NOT patched: the lock file still pins Tokio ${locked%% *}; run \`cargo update -p tokio --precise $patch_version\` in $root."
fi
shim_version=$patch_version
refused
