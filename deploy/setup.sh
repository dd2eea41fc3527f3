#!/bin/sh
# Creates .venv from requirements-dev.txt with Python 3.11, and does so again when that file changes. With two arguments, it
# creates the environment of that name from that file. PYTHON names another interpreter. If two runs start together, one
# waits for the other. After a run that was interrupted, the next run starts anew.
set -eu
cd "$(dirname "$0")/.."

venv=${1:-.venv}
requirements=${2:-requirements-dev.txt}
want=$(sha256sum "$requirements" | cut -c1-16)
stamp="$venv/.made-from-$want"
is_made() { [ -e "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; }
if is_made; then exit 0; fi

is_3_11() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }
python=""
for candidate in ${PYTHON:-} python3.11 /usr/bin/python3.11 python3 /usr/bin/python3 python; do
    if is_3_11 "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 is needed and was not found. Install it (Debian 12: apt-get install python3 python3-venv)," >&2
    echo "or name it: make PYTHON=/path/to/python3.11 ..." >&2
    exit 1
fi

mkdir -p .run
chmod 700 .run
exec 9>.run/setup.lock
flock 9
if is_made; then exit 0; fi

echo "Making $venv with $("$python" --version) (once; about half a minute)"
rm -rf "$venv"
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv with apt-get"
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends python3-venv >/dev/null 2>&1 ||
            { apt-get -qq update && apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends python3-venv >/dev/null; }
    else
        echo "$python cannot make virtual environments. As root: apt-get install python3-venv" >&2
        exit 1
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: -r "$requirements"
touch "$stamp"
