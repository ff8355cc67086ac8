#!/bin/sh
# A payment from end to end on this machine: created, sent to a gateway over HTTP with real
# signatures, shown as a QR code, paid, called back, verified, marked OK, its script run.
# Needs `pay` and `payment` on the PATH; makes a tree in a temporary folder and removes it.
set -eu

PAYMENT_ROOT=$(mktemp -d "${TMPDIR:-/tmp}/payment-demo.XXXXXX")
PAYMENT_DOMAIN=teahouse
export PAYMENT_ROOT PAYMENT_DOMAIN
log="$PAYMENT_ROOT.log"
sandbox='' shop=''

finish() {
    status=$?
    trap - EXIT INT TERM
    for pid in $sandbox $shop; do kill "$pid" 2>/dev/null || :; done
    wait 2>/dev/null || :
    if [ "$status" -ne 0 ] && [ -f "$log" ]; then cat "$log" >&2; fi
    rm -rf "$PAYMENT_ROOT" "$log"
    exit "$status"
}
trap finish EXIT INT TERM

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { # until the line "$1" appears in the log, at most 30 s
    n=0
    until grep -q "$1" "$log" 2>/dev/null; do
        n=$((n + 1)); [ "$n" -lt 300 ] || { echo "no '$1' within 30 s" >&2; exit 1; }
        sleep 0.1
    done
}

step '1. A merchant, and a sandbox that plays WeChat Pay and Alipay on 127.0.0.1'
show payment store init "$PAYMENT_DOMAIN"
gateway_port=$(free_port); shop_port=$(free_port)
pay sandbox init --port "$gateway_port" --notify "http://127.0.0.1:$shop_port/pay/re" -c >/dev/null
mkdir -p "$PAYMENT_ROOT/home/$PAYMENT_DOMAIN/.payment/callback"
cat >"$PAYMENT_ROOT/home/$PAYMENT_DOMAIN/.payment/callback/thanks" <<'SCRIPT'
echo "${brief}: ${fee} fen arrived, trade ${trade_no}"
SCRIPT
pay sandbox serve --port "$gateway_port" >>"$log" 2>&1 & sandbox=$!
payment serve --port "$shop_port" >>"$log" 2>&1 & shop=$!
wait_for 'sandbox at'; wait_for 'serving'

step '2. Create a payment of 23.00 yuan'
id=$(pay create -br 'Two pots of tea' -fee 2300 -bu walnut:45g67q:Li -callback thanks | field id)
show pay get "$id" -e '^(id|brief|fee|cur|st|buyer_nm)$'

step '3. Send it: one signed HTTP request, one verified answer'
show pay send "$id" wx.qrcode sandbox -c
pay get "$id" -V -e '^re_obj$' | python3 -c '
import sys, qrcode
code = qrcode.QRCode(border=2); code.add_data(sys.stdin.read().strip()); code.print_ascii()'

step '4. The payer scans the code and pays; the gateway calls back until it is acknowledged'
printf '$ pay sandbox scan %s\n' "$id"
pay sandbox scan "$id" -c >/dev/null
show pay watch "$id" --exit-status -c
n=0
until [ "$(pay get "$id" -V -e '^apply_st$')" = done ]; do
    n=$((n + 1)); [ "$n" -lt 100 ] || { echo 'the script did not run' >&2; exit 1; }
    sleep 0.2
done

step '5. Every step is in the tree'
show pay get "$id" -e '^(st|trade_no|paid_fee|payer|close_at|apply_st|apply_code|apply_re)$'
show ls "$PAYMENT_ROOT/var/payment"
show tail -n 32 "$PAYMENT_ROOT/var/payment/$id.json"
show payment fsck

step '6. And what is refused: a callback with a forged signature changes nothing'
id=$(pay create -br 'A tea pot' -fee 12000 -bu walnut:45g67q:Li | field id)
pay send "$id" wx.qrcode sandbox -c >/dev/null
show pay sandbox misbehave bad-signature --where notice --sticky -c
printf '$ pay sandbox scan %s\n' "$id"
pay sandbox scan "$id" -c | python3 -c '
import json, sys
for delivery in json.load(sys.stdin)["notification"]["deliveries"]: print(json.dumps(delivery))'
show pay get "$id" -e '^(st|trade_no|paid_fee)$' -c
[ "$(pay get "$id" -V -e '^st$')" = WAIT ] || { echo 'a forged callback was believed' >&2; exit 1; }
printf 'The gateway itself is asked, and its answer is signed:\n'
show pay check "$id" -c

step 'Done: paid, verified, recorded.'
