#!/bin/sh
# vendor.sh [FOLDER]: copies what scripts/vendor/package.json names from its npm package into the page's static/vendor/
# (or FOLDER), with its licence. npm holds the package to the hash in package-lock.json.
set -eu
cd -P "$(dirname "$0")"

target=${1:-../../functions/audiodup/pages/static/vendor}
command -v npm >/dev/null || { echo "npm is missing; it comes with Node.js (as root: apt-get install npm)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp package.json package-lock.json "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --silent
cp "$work/node_modules/wavesurfer.js/dist/wavesurfer.esm.js" "$target/wavesurfer.esm.js"
cp "$work/node_modules/wavesurfer.js/LICENSE" "$target/wavesurfer.LICENSE"
