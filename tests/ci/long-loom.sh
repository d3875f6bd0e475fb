#!/usr/bin/env bash
# The models one preemption deeper, with half an hour for each. For the night, not for every change.
#
# Usage: tests/ci/long-loom.sh [PART_OF_A_NAME...]
set -euo pipefail

export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-4}"
export LOOM_PROFILE=long-loom LOOM_LIMIT=1800s
exec bash "$(dirname "${BASH_SOURCE[0]}")/loom.sh" "$@"
