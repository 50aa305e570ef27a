#!/usr/bin/env bash
# Renders a bisection's page as a browser shows it, in light and dark, narrow and wide, and checks that it isn't blank.
# Takes the program and, if the pictures are to be kept, a folder for them. Skipped where there is no headless Chromium.
set -euo pipefail
browser=""
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then browser=$name; break; fi
done
if [ -z "$browser" ]; then echo "skipped: no chromium on this machine"; exit 0; fi

moelint=$(realpath "${1:-target/debug/moelint}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${2:-$work/pictures}
mkdir -p "$out" "$work/repo/configs" "$work/home"
out=$(realpath "$out")
cd "$work/repo"
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main
for i in $(seq 0 40); do
  sms=16; [ "$i" -ge 23 ] && sms=32
  cat > configs/train.yaml <<EOF
model:
  num_layers: 48
  num_moe_experts: 128
  moe_token_dispatcher_type: flex
  moe_flex_dispatcher_backend: hybridep
  moe_flex_dispatcher_num_sms: $sms
  moe_router_topk: $((2 + 2 * (i / 9)))
EOF
  echo "$i" > step.txt
  git add -A
  git commit -qm "Step $i <b>of the run</b>"
done
good=$(git rev-list --max-parents=0 main)
printf '#!/bin/sh\n! grep -q "num_sms: 32" "$MOELINT_CONFIG"\n' > "$work/probe.sh"
chmod +x "$work/probe.sh"
"$moelint" bisect commits --good "$good" --bad main configs/train.yaml --symptom hang --deterministic -q --color never \
  --format html --output-file "$work/page.html" -- "$work/probe.sh"
grep -q 'num_<wbr>sms' "$work/page.html"

# a window can't be as narrow as a phone, a frame can
shoot() { # scheme width
  printf '<!DOCTYPE html><body style="margin:0"><iframe src="page-%s.html" style="border:0;width:%spx;height:2000px"></iframe>' \
    "$1" "$2" > "$work/frame.html"
  HOME="$work/home" timeout 90 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
    --user-data-dir="$work/home/profile" --window-size="$(($2 < 520 ? 520 : $2)),2000" \
    --screenshot="$out/report-$1-$2.png" "file://$work/frame.html" >/dev/null 2>&1 ||
    { echo "the browser failed on $1 $2"; exit 1; }
  # a page without a picture on it packs to next to nothing
  size=$(wc -c < "$out/report-$1-$2.png")
  [ "$size" -gt 30000 ] || { echo "report-$1-$2.png is blank: $size bytes"; exit 1; }
}
cp "$work/page.html" "$work/page-light.html"
sed 's/@media screen and (prefers-color-scheme: dark)/@media screen/' "$work/page.html" > "$work/page-dark.html"
for scheme in light dark; do
  for width in 360 1280; do shoot "$scheme" "$width"; done
done
echo "ok: 4 pictures of the report$([ -n "${2:-}" ] && echo " in $out")"
