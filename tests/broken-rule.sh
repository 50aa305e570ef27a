#!/usr/bin/env bash
# A rule file with a mistake must fail the build, naming file, line, column and the nearest right name.
# Works on a copy of what the build script reads, so that the checkout stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r Cargo.toml Cargo.lock build.rs src lints benches "$copy"/
rule=lints/rules/shared-experts/shared-overlap-dispatcher.yaml
target=${CARGO_TARGET_DIR:-$PWD/target}/broken-rule

attempt() { # what, sed expression, expected pieces…
  local what=$1 edit=$2 output
  shift 2
  sed "$edit" "$rule" > "$copy/$rule"
  if cmp -s "$rule" "$copy/$rule"; then echo "the edit for $what changed nothing"; exit 1; fi
  if output=$(cd "$copy" && CARGO_TARGET_DIR="$target" cargo check --locked --lib 2>&1); then
    echo "a rule with a wrong $what was built"; exit 1
  fi
  for piece in "$rule:" "$@"; do
    if ! grep -qF -- "$piece" <<<"$output"; then
      echo "wrong $what: the error does not say '$piece':"; grep -F "cargo::error" <<<"$output" || echo "$output"; exit 1
    fi
  done
  grep -m1 -F "error: moelint" <<<"$output"
}

attempt field 's/moe_token_dispatcher_type != "alltoall"/moe_token_dispacher_type != "alltoall"/' \
  'unknown field `moe_token_dispacher_type`' 'did you mean `moe_token_dispatcher_type`?'
attempt function 's/has(moe_shared_expert_intermediate_size)/haz(moe_shared_expert_intermediate_size)/' \
  'unknown function `haz`' 'did you mean `has`?'
attempt release 's/releases: "<0.18"/releases: "<0.81"/' 'unknown megatron-core release `0.81`' 'expected one of 0.12'
attempt choice 's/!= "alltoall"/!= "altoall"/' 'unknown value of moe_token_dispatcher_type `altoall`' 'did you mean `alltoall`?'
attempt key 's/^severity:/severty:/' 'unknown field `severty`' "$rule:"
echo "5 wrong rule files, 5 refusals"
