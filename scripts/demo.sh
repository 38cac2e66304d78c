#!/bin/sh
# The example, from nothing to deployed: validate → plan → apply → an empty plan. Needs no key and no network.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R assistants.yaml prompts functions knowledge "$folder"
cd "$folder"

say() { printf '\n$ %s\n' "$*"; "$@"; }

say deployer validate
say export DEPLOYER_ACCOUNT=embedded
say deployer plan
say deployer apply --yes
say deployer plan --exit-code
say deployer outputs
