#!/bin/sh
# setup.sh [TOOL...]: has .venv as requirements-dev.lock says and the TOOLs (fpcalc, ffmpeg, buildah ...) on the machine.
# As root on Debian or Ubuntu it installs what is missing; elsewhere one line says what to install. When nothing
# changed since the last time it takes some milliseconds. Everything the installers say goes to .cache/setup.log.
set -eu
cd -P "$(dirname "$0")/.."
# `make` and an activated .venv put it first; what is looked for here is the machine's.
while [ "${PATH#"$PWD/.venv/bin:"}" != "$PATH" ]; do PATH=${PATH#"$PWD/.venv/bin:"}; done

log=.cache/setup.log
stamp=.venv/.made-from
export UV_PYTHON_DOWNLOADS=never
export PIP_DISABLE_PIP_VERSION_CHECK=1

# uv and pip bring certificates of their own; a company's are only in the system's bundle.
bundle=/etc/ssl/certs/ca-certificates.crt
[ -n "${SSL_CERT_FILE:-}" ] || [ ! -e $bundle ] || export SSL_CERT_FILE=$bundle
[ -z "${SSL_CERT_FILE:-}" ] || export PIP_CERT="${PIP_CERT:-$SSL_CERT_FILE}"

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# quietly WHAT COMMAND...: the command's output is only shown, in short, when it fails.
quietly() {
  what=$1; shift
  "$@" >>"$log" 2>&1 || { tail -n 3 "$log" >&2; fail "$what failed; all it said is in $log"; }
}

is_good_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for python in python3 python3.14 python3.13 python3.12 python3.11; do
    if is_good_python "$python"; then echo "$python"; return; fi
  done
  return 1
}

has_uv() { uv --version >/dev/null 2>&1; }

# Debian keeps ensurepip, and so pip, out of its python3; without it venv makes nothing.
can_make_environment() { has_uv || "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# The Debian packages that are missing, one a line.
missing_packages() {
  if [ -n "$needs_python" ]; then
    if python=$(find_python); then
      can_make_environment "$python" || echo "$python-venv"
    else
      echo python3
      echo python3-venv
    fi
  fi
  for tool in "$@"; do
    command -v "$tool" >/dev/null || case $tool in
      fpcalc) echo libchromaprint-tools ;;
      buildah) echo "buildah netavark" ;; # trixie's needs it, and only recommends it
      *) echo "$tool" ;;
    esac
  done
}

brew_names() {
  for package in "$@"; do
    case $package in
      libchromaprint-tools) printf ' chromaprint' ;;
      python3*-venv) ;;
      *) printf ' %s' "$package" ;;
    esac
  done
}

install_packages() {
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    brew=$(brew_names "$@")
    fail "Missing on this machine; as root: apt-get install $*${brew:+   (macOS: brew install$brew)}"
  fi
  say "Installing $* ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update >>"$log" 2>&1 || true # a broken third-party list need not matter; install says what does
  quietly "apt-get install $*" apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
}

# The commands in .venv/bin name the folder they were made in: after a move they are of no use.
is_good_environment() { is_good_python .venv/bin/python && grep -qsF "$PWD/.venv" .venv/bin/activate; }

make_environment() {
  say "Making .venv from requirements-dev.lock ..."
  if ! is_good_environment; then
    if has_uv; then
      quietly "uv venv" uv venv --clear --python "$python" .venv
    else
      quietly "$python -m venv" "$python" -m venv --clear .venv
      awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements-dev.lock >.cache/uv.txt
      quietly "pip install uv" .venv/bin/python -m pip install --require-hashes -r .cache/uv.txt
    fi
  fi
  if [ -x .venv/bin/uv ]; then uv=.venv/bin/uv; else uv=uv; fi
  quietly "uv pip sync" "$uv" pip sync --python .venv/bin/python --require-hashes requirements-dev.lock
  # The build backend comes from the lock too.
  quietly "uv pip install -e ." "$uv" pip install --python .venv/bin/python --no-deps --no-build-isolation -e .
  echo "$wanted" >"$stamp"
}

mkdir -p .cache
wanted=$(cat requirements-dev.lock pyproject.toml scripts/setup.sh | cksum)
needs_python=
[ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && is_good_environment || needs_python=yes
if [ -n "$needs_python" ] && ! find_python >/dev/null && command -v python3 >/dev/null; then
  fail "Python 3.11 or newer is needed, python3 is $(python3 -c 'import platform; print(platform.python_version())')." \
    "Install it: apt-get install python3.11 python3.11-venv   (macOS: brew install python3)"
fi

packages=$(missing_packages "$@")
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
if [ -n "$needs_python" ]; then
  python=$(find_python)
  make_environment
fi
