#!/usr/bin/env bash
# Make the environment VENV from the lock of a flavour, in this repository: `make env`.
#
#   envs/make_env.sh FLAVOUR [VENV]           cpu or gpu; default: .venv
#
#   PYTHON=/path/to/python    the one to take; else that of VENV, else the newest that is found
#   HTCONDOR=1                with Snakemake's plugin for HTCondor, from now on
#
# What an interrupted one has finished is not done again. VENV is made anew when it is of the other
# flavour or Python, or when the repository was moved: its programs hold their place.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
flavour=$1 venv=${2:-.venv}
VERSIONS="3.13 3.12 3.11" # those of pyproject.toml, the newest first
COMPILES="3.13"           # those for which a locked package has no wheel (wasserstein)
SMALL=1000000             # kB; with less a failure is put down to the disk

fail() {
    echo "make env: $1" >&2
    exit 1
}
step() { printf '%4d s  %s\n' "$SECONDS" "$1"; }
about() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null; }
fits() { [[ " $VERSIONS " == *" $(about "$1") "* ]]; }
lacks() { # prints what a Python of ours needs from its system, if anything is not there
    local version include
    version=$(about "$1")
    "$1" -c 'import ensurepip, venv' > /dev/null 2>&1 ||
        echo "$1 cannot make virtual environments: install its venv package (Debian: python$version-venv)"
    [[ " $COMPILES " == *" $version "* ]] || return 0
    include=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2> /dev/null) || return 0
    [ -e "$include/Python.h" ] ||
        echo "$1 has no headers (Python.h): install its development package (Debian: python$version-dev)"
}

failed() { # a step, with what may be behind it
    local free
    free=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "$free" -ge $SMALL ] || fail "no space: $((free / 1024)) MB are free in $PWD; then the same command goes on"
    fail "$1; the same command goes on from there"
}

choose() { # prints the Python to take
    local known=${VERSIONS// /, } python lacking= missing
    if [ "${PYTHON:-}" ]; then
        command -v "$PYTHON" > /dev/null || fail "PYTHON: there is no $PYTHON"
        fits "$PYTHON" || fail "PYTHON: $PYTHON is $("$PYTHON" -V 2>&1 | head -n 1), boostflow needs one of $known"
        lacking=$(lacks "$PYTHON" | head -n 1)
        [ -z "$lacking" ] || fail "$lacking"
        command -v "$PYTHON"
        return
    fi
    while read -r python; do
        fits "$python" || continue # among them those that pyenv has, but does not run here
        missing=$(lacks "$python" | head -n 1)
        if [ -z "$missing" ]; then
            echo "$python"
            return
        fi
        lacking=${lacking:-$missing}
    done < <(PATH=$PATH:${HOME:-}/.local/bin type -aP $(printf 'python%s ' $VERSIONS) python3)
    [ -z "$lacking" ] || fail "$lacking"
    fail "found no Python of $known: \`uv python install ${VERSIONS%% *}\`, or your system's package, then make env PYTHON=/path/to/python${VERSIONS%% *}"
}

usable() { # whether VENV is what is asked for, as far as it goes
    [ "$(cat "$venv/.flavour" 2> /dev/null)" = "$flavour" ] &&
        [ "$(cat "$venv/.place" 2> /dev/null)" = "$PWD" ] &&
        fits "$venv/bin/python" && "$venv/bin/python" -m pip --version > /dev/null 2>&1 &&
        { [ -z "${PYTHON:-}" ] || [ "$(about "$PYTHON")" = "$(about "$venv/bin/python")" ]; }
}

cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}
for folder in . "$cache"; do
    mkdir -p "$folder" 2> /dev/null && [ -w "$folder" ] || fail \
        "cannot write to $(cd "$folder" 2> /dev/null && pwd || echo "$folder"); XDG_CACHE_HOME names another folder for caches"
done
envs/build_horovod.sh check
if usable; then
    rm -f "$venv"/.ready*
    step "going on with $("$venv/bin/python" -V) in $venv"
else
    python=$(choose)
    step "$("$python" -V) ($python) in $venv"
    rm -rf "$venv"
    "$python" -m venv "$venv" || failed "the virtual environment could not be made"
    echo "$flavour" > "$venv/.flavour"
    pwd > "$venv/.place"
fi
bin=$venv/bin
step "uv"
"$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    -r envs/bootstrap.lock || failed "uv could not be installed (no network?)"
step "the locked packages ($flavour): minutes of download the first time"
# A package that was being unpacked at an interruption looks like one that is there.
again=$([ ! -e "$venv/.unpacking" ] || echo --reinstall)
touch "$venv/.unpacking"
"$bin/uv" pip sync --quiet $again --compile-bytecode --python "$bin/python" --require-hashes \
    "envs/$flavour.lock" || failed "the locked packages could not be installed (no network?)"
rm "$venv/.unpacking"
[ -z "${HTCONDOR:-}" ] || touch "$venv/.htcondor"
if [ -e "$venv/.htcondor" ]; then
    step "the plugin for HTCondor"
    "$bin/uv" pip install --quiet --no-deps --python "$bin/python" --require-hashes \
        -r envs/htcondor.lock || failed "the plugin for HTCondor could not be installed (no network?)"
fi
step "Horovod"
envs/build_horovod.sh "$bin/python" || failed "Horovod could not be installed"
step "boostflow"
"$bin/uv" pip install --quiet --python "$bin/python" --no-deps --no-build-isolation --editable . ||
    failed "boostflow could not be installed"
touch "$venv/.ready-$flavour"
step "done: $venv is ready"
