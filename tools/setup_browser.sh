#!/bin/sh
# Makes .aid/chromium, the browser that the tests of the public pages use: one that is on the PATH, or the one that
# AID_CHROMIUM names, or Debian's package, or, where there is none (Ubuntu's is a stub), the build of playwright.
# Installing takes root.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .aid

works() {
    [ -n "$1" ] && [ -x "$1" ] && "$1" --no-sandbox --version 2>/dev/null | grep -qiE 'chrom(e|ium)[^0-9]*[0-9]'
}

found() {
    for candidate in "${AID_CHROMIUM:-}" "$(command -v chromium || true)" "$(command -v google-chrome || true)" \
        "$(command -v chromium-browser || true)"; do
        if works "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

of_playwright() {
    .venv/bin/python - <<'EOF'
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
EOF
}

browser=$(found)
if [ -z "$browser" ]; then
    echo "准备浏览器 (setting up a browser) …" >&2
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 || true
        browser=$(found)
    fi
fi
if [ -z "$browser" ]; then
    if [ "$(id -u)" = 0 ]; then
        .venv/bin/playwright install --with-deps chromium >&2 || true
    else
        .venv/bin/playwright install chromium >&2 || true
    fi
    browser=$(of_playwright)
fi
if ! works "$browser"; then
    echo "没有浏览器 (no browser): 请先安装 chromium，或用 AID_CHROMIUM 指明它在哪里" >&2
    exit 1
fi
ln -sf "$browser" .aid/chromium
