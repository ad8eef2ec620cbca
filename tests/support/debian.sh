#!/usr/bin/env bash
# README's commands in a userland of Debian 13, where little is as on a developer's machine: a user
# who is not root, umask 077, LANG=C, spaces and umlauts in the path, a HOME that cannot be written
# and is another file system, XDG_CACHE_HOME elsewhere. Not in CI: it takes minutes and a network.
#
#   tests/support/debian.sh check          says in one line what is missing, if anything is
#   tests/support/debian.sh ROOT [NAME=PATH ...]
#
# ROOT is the folder of the userland, made by debootstrap unless it is there. NAME=PATH: a folder or
# file of this machine that the userland sees at NAME, such as /etc/pip.conf, or /etc/ssl/certs where
# a network has a certificate of its own. Its caches stay, so the second time is a warm one. RUN=1
# also runs config/test.yaml. Each step says how long it took.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PACKAGES=ca-certificates,git,make,g++,python3-venv,python3-dev,openssh-client
FOLDER="/work/boost flow ü"

check() {
    local missing=() program
    for program in debootstrap chroot unshare git; do
        PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || missing+=("$program")
    done
    [ "$(id -u)" = 0 ] || missing+=("root")
    [ ${#missing[@]} = 0 ] && ! unshare --mount true 2> /dev/null && missing+=("CAP_SYS_ADMIN")
    [ ${#missing[@]} = 0 ] && return
    echo "the userland of Debian 13 needs ${missing[*]}"
    exit 1
}

step() { # a title and a command of the user in FOLDER
    local start=$SECONDS title=$1
    shift
    echo "+ $title"
    # setpriv, not su: no shell of a login may set another umask or language.
    chroot "$ROOT" setpriv --reuid=user --regid=user --clear-groups env -i HOME=/home/user \
        XDG_CACHE_HOME=/work/cache LANG=C PATH=/usr/local/bin:/usr/bin:/bin TERM=dumb "${PASSED[@]}" \
        sh -c 'umask 077; cd "$0"; exec "$@"' "$FOLDER" "$@"
    echo "  $((SECONDS - start)) s"
}

inside() { # in a mount namespace of its own: nothing of it is left at the end
    local pair
    mount --make-rprivate /
    for pair in "$@"; do
        mkdir -p "$(dirname "$ROOT${pair%%=*}")"
        if [ -d "${pair#*=}" ]; then mkdir -p "$ROOT${pair%%=*}"; else touch "$ROOT${pair%%=*}"; fi
        mount --bind "${pair#*=}" "$ROOT${pair%%=*}"
    done
    mount --bind /dev "$ROOT/dev"
    mount -t proc proc "$ROOT/proc"
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/home"
    mkdir "$ROOT/home/user"
    chroot "$ROOT" chown user: /home/user
    mount -o remount,ro "$ROOT/home"
    step "make env" make env
    step "make dry-run, nothing to install" make dry-run CONFIG=config/test.yaml
    step "horovodrun -np 2" .venv/bin/horovodrun -np 2 --gloo .venv/bin/python -c \
        'import horovod.tensorflow as hvd; hvd.init(); print(hvd.rank(), "of", hvd.size())'
    step "tests" .venv/bin/python -m pytest -q -p no:cacheprovider tests/unit/test_config.py
    [ -z "${RUN:-}" ] || step "make run" make run CONFIG=config/test.yaml
    mv "$ROOT$FOLDER" "$ROOT/work/moved"
    FOLDER=/work/moved step "make dry-run in the clone that was moved" make dry-run
}

make_root() {
    local start=$SECONDS
    if [ ! -e "$ROOT/usr/bin/g++" ]; then
        echo "+ debootstrap"
        debootstrap --variant=minbase --include=$PACKAGES trixie "$ROOT" > "$ROOT.log" ||
            { tail -n 5 "$ROOT.log" >&2 && exit 1; }
        echo "  $((SECONDS - start)) s"
    fi
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    chroot "$ROOT" id user > /dev/null 2>&1 || chroot "$ROOT" useradd --no-create-home user
    rm -rf "${ROOT:?}$FOLDER" "$ROOT/work/moved"
    mkdir -p "$ROOT/work/cache"
    git clone --quiet "$here" "$ROOT$FOLDER"
    chroot "$ROOT" chown -R user: "$FOLDER"
    chroot "$ROOT" chown user: /work /work/cache
}

check
[ "${1:-}" != check ] || exit 0
ROOT=$1
shift
mkdir -p "$ROOT"
ROOT=$(readlink -f "$ROOT")
mapfile -t PASSED < <(env | grep -E '^(PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|UV_|SSL_CERT|https?_proxy)' || :)
make_root
# The functions go with it: the rest is done where its mounts are its own.
export -f inside step
export ROOT FOLDER RUN
exec unshare --mount bash -euc "$(declare -p PASSED); inside \"\$@\"" inside "$@"
