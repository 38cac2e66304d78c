#!/bin/sh
# The example, from nothing to deployed: validate → plan → apply → an empty plan. Needs no key and no network.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R assistants.yaml rehearsal.yaml prompts functions knowledge "$folder"
cd "$folder"

say() { printf '\n$ %s\n' "$*"; "$@"; }

say deployer validate
say export DEPLOYER_ACCOUNT=embedded
say deployer plan
say deployer apply --yes
say deployer plan --exit-code
say deployer outputs
printf '\n$ %s\n' 'echo "3x + 11 = 14를 풀어줘" | deployer chat assistant/math-tutor --script rehearsal.yaml'
echo "3x + 11 = 14를 풀어줘" | deployer chat assistant/math-tutor --script rehearsal.yaml
printf '\nThis was a copy in a temporary folder, which is gone. The same in this one: .venv/bin/deployer apply --account embedded\n'
