#!/usr/bin/env bash
# `check-patched.sh` says what is the matter with projects that have one thing wrong each, and changes
# nothing in them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compat=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# A package with dependencies and whatever else stands in its manifest.
package() { # FOLDER NAME REST
    mkdir -p "$1/src"
    printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n%b\n' "$2" "$3" >"$1/Cargo.toml"
    printf '' >"$1/src/lib.rs"
}

expect() { # STATUS SENTENCE FOLDER
    local status=0 said before after
    before=$(cat "$3/Cargo.lock" 2>/dev/null || echo none)
    said=$("$compat/check-patched.sh" "$3") || status=$?
    after=$(cat "$3/Cargo.lock" 2>/dev/null || echo none)
    if [[ $status != "$1" || $said != $2 || $said == *$'\n'* || $before != "$after" ]]; then
        printf 'FAILED: %s\n  expected %s: %s\n  got %s: %s\n' "$3" "$1" "$2" "$status" "$said"
        [[ $before == "$after" ]] || echo '  and the lock file changed'
        failed=1
    else
        echo "ok: $said"
    fi
}

patch="\n[patch.crates-io]\ntokio = { path = \"$compat/tokio\" }"
tokio='\n[dependencies]\ntokio = { version = "1", features = ["full"] }'

cd "$scratch"
package patched patched "[workspace]$tokio$patch"
expect 0 'Patched: *1.54.1*' patched

package unpatched unpatched "[workspace]$tokio"
expect 1 'NOT patched: */unpatched/Cargo.toml has no patch for tokio; add *' unpatched

package without without '[workspace]'
expect 1 'NOT patched: nothing in *' without

package members/inner inner "$tokio$patch"
printf '[workspace]\nresolver = "2"\nmembers = ["inner"]\n' >members/Cargo.toml
expect 1 'NOT patched: the patch is in the manifest of a member, *move it to */members/Cargo.toml.' members
expect 1 'NOT patched: the patch is in the manifest of a member, *move it to */members/Cargo.toml.' members/inner

# A lock file from before the patch.
package locked locked "[workspace]$tokio"
(cd locked && cargo update --quiet --package tokio --precise 1.52.0)
printf '%b\n' "$patch" >>locked/Cargo.toml
expect 1 'NOT patched: the lock file still pins Tokio 1.52.0; run `cargo update -p tokio --precise 1.54.1` *' locked
(cd locked && cargo update --quiet --package tokio --precise 1.54.1)
expect 0 'Patched: *' locked

# A Tokio that does not exist yet.
package future future "[workspace]\n[dependencies]\nasks = { path = \"asks\" }$patch"
package future/asks asks '\n[dependencies]\ntokio = "1.9999"'
expect 1 'NOT patched: `asks` asks for a Tokio newer than the shim, which is 1.54.1; *' future

# A shim older than what exists.
cp -r "$compat/tokio" old-shim
sed -i "s|^version = .*|version = \"1.40.0\"|; s|^runtime = { workspace = true,|runtime = { path = \"$compat/../runtime\",|; s|\.\./\.\./runtime|$compat/../runtime|; /^\[lints\]/,\$d" old-shim/Cargo.toml
echo '[workspace]' >>old-shim/Cargo.toml
package newer newer "[workspace]\n[dependencies]\nasks = { path = \"asks\" }\n[patch.crates-io]\ntokio = { path = \"../old-shim\" }"
package newer/asks asks '\n[dependencies]\ntokio = "1.50"'
expect 1 'NOT patched: `asks` asks for a Tokio newer than the shim, which is 1.40.0; *' newer

# A shim without a feature that somebody asks for.
sed -i 's/"1.40.0"/"1.54.1"/; /^taskdump/d' old-shim/Cargo.toml
package lacks lacks "[workspace]\n[dependencies]\ntokio = { version = \"1\", features = [\"taskdump\"] }\n[patch.crates-io]\ntokio = { path = \"../old-shim\" }"
expect 1 'NOT patched: `lacks` asks for the feature `taskdump`, which the shim 1.54.1 does not have; *' lacks

# One that the patch cannot reach.
package two two "[workspace]$tokio\nold = { package = \"tokio\", version = \"0.2\" }$patch"
expect 1 'NOT patched throughout: there are two tokios, the shim and v0.2.*, which `two` asks for; *' two

mkdir empty
expect 2 'There is no Cargo.toml in *' empty
package broken broken '[workspace]\n[dependencies]\nnothing = { path = "nowhere" }'
expect 2 'Cargo cannot resolve the project in *' broken

exit "$failed"
