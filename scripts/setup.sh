# Sourced by ./check and ./demo from the project's root: makes the environment they run in.
#
#   set_up_environment            what hashlens needs to run
#   set_up_environment dev,bench  that, and these extras
#
# Nothing is installed twice: a stamp in the environment remembers what it was made from.
# HASHLENS_VENV names another folder for it than .venv.

venv="${HASHLENS_VENV:-.venv}"
python="$venv/bin/python"
export PIP_DISABLE_PIP_VERSION_CHECK=1

# A pyenv shim is on PATH also where the version behind it is not selected: run it, do not look.
find_python() {
  local name
  for name in python3.13 python3.12 python3.11 python3 python; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
    then
      echo "$name"
      return
    fi
  done
  echo "hashlens needs Python 3.11, 3.12 or 3.13 on PATH. Got none of them." >&2
  return 1
}

make_environment() {
  local base
  base="$(find_python)" || return 1
  echo "   a new environment in $venv, with $("$base" --version)"
  "$base" -m venv --clear "$venv"
}

# uv installs in seconds what takes pip minutes; where it cannot be had, pip does the work.
install_project() {
  local wanted=(-e "$1" -c constraints.txt) uv=uv
  if ! command -v uv >/dev/null 2>&1; then
    uv="$venv/bin/uv"
    [ -x "$uv" ] || "$python" -m pip install --quiet uv || true
  fi
  if "$uv" pip install --python "$python" --quiet "${wanted[@]}"; then
    return
  fi
  echo "   uv could not do it; pip does, which takes longer"
  "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip --upgrade >/dev/null
  "$python" -m pip install --quiet "${wanted[@]}"
}

set_up_environment() {
  local extras="${1:-}" stamp="$venv/hashlens-stamp" sources found=""
  if ! "$python" -c '' 2>/dev/null; then
    make_environment || return 1
  fi
  sources="$("$python" -c 'import hashlib, pathlib, sys
files = map(pathlib.Path, ("pyproject.toml", "constraints.txt"))
what = [f.read_bytes() for f in files] + [str((pathlib.Path.cwd(), sys.version)).encode()]
print(hashlib.sha256(b"".join(what)).hexdigest())')"
  [ -f "$stamp" ] && found="$(cat "$stamp")"
  # What ./check installed is enough for ./demo too, but not the other way round.
  if [ "$found" = "$sources [$extras]" ]; then return; fi
  if [ -z "$extras" ] && [ "${found% \[*}" = "$sources" ]; then return; fi
  echo "   installing hashlens${extras:+ with the extras $extras}; the first time takes some minutes"
  rm -f "$stamp"
  install_project ".${extras:+[$extras]}" || return 1
  echo "$sources [$extras]" >"$stamp"
}
