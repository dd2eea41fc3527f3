#!/bin/sh
# Pins every requirement with its hashes, for Python 3.11. The lock files contain no address of a package index.
set -eu
cd "$(dirname "$0")/.."
rm -rf .run/lock-tools
.venv/bin/python -m venv .run/lock-tools
.run/lock-tools/bin/python -m pip install -qq --disable-pip-version-check pip-tools
export CUSTOM_COMPILE_COMMAND='make lock'
for name in requirements requirements-dev tests/bench/peers/requirements; do
    .run/lock-tools/bin/python -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file "$name.txt" "$name.in"
done
rm -rf .run/lock-tools
