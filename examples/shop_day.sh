#!/bin/sh
# A day in a shop, from the shell: goods, a discount, a coupon, a basket, an order, its payment by
# QR code, the parcel, an order nobody pays, and the day's figures. Everything runs on this machine.
# Needs `pay` and `payment` on the PATH; makes a tree in a temporary folder and removes it.
set -eu

PAYMENT_ROOT=$(mktemp -d "${TMPDIR:-/tmp}/payment-shop.XXXXXX")
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
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_true() { # try a command until it succeeds, at most 30 s
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1)); [ "$n" -lt 300 ] || { echo "never: $*" >&2; exit 1; }
        sleep 0.1
    done
}
is() { [ "$($1)" = "$2" ] || { echo "'$1' is '$($1)', not '$2'" >&2; exit 1; }; }

step 'Morning: a store, its gateways, its goods'
show payment store init teahouse -c
gateway_port=$(free_port); shop_port=$(free_port)
pay sandbox init --port "$gateway_port" --notify "http://127.0.0.1:$shop_port/pay/re" -c >/dev/null
payment store set sellers '{"wx":"sandbox","zfb":"sandbox"}' -c >/dev/null
pay sandbox serve --port "$gateway_port" >>"$log" 2>&1 & sandbox=$!
payment serve --port "$shop_port" >>"$log" 2>&1 & shop=$!
until_true grep -q 'sandbox at' "$log"; until_true grep -q 'serving' "$log"
payment w add -nm cup-01 --title 'Blue cup' --price 34.50 --stock 20 -c >/dev/null
payment w add -nm pot-01 --title 'Tea pot' --price 120 --stock 5 -c >/dev/null
payment w add -nm set-01 --title 'Tea set' --part cup-01:4 --part pot-01:1 --price 240 -c >/dev/null
show payment w list -bish -t nm,title,price,sku
payment d add --title 'Spring sale' --off 10% --stack -c >/dev/null
coupon=$(payment coupon add --title '20 off 100' --off 20 --thres 100 --owner xiaobai -V -e '^id$')

step 'Noon: Xiaobai fills a basket and orders'
show payment basket it xiaobai cup-01 2
show payment basket it xiaobai set-01
show payment d explain --basket --buyer xiaobai --coupon "$coupon" --table
order=$(payment o create --basket --buyer xiaobai --coupon "$coupon" -pt wx.qrcode -V -e '^id$')
show payment o get "$order" -e '^(ord_status|total|discount|fee)$'
is "payment o get $order -V -e ^fee$" 258.10

step 'He pays: QR code, scan, signed callback'
show payment p pay "$order" -c
payment_id=$(payment o get "$order" -V -e '^pay_id$')
pay sandbox scan "$payment_id" -c >/dev/null
paid() { [ "$(payment o get "$order" -V -e '^ord_status$')" = OK ]; }
until_true paid
emptied() { [ "$(payment basket count xiaobai)" = 0 ]; }
until_true emptied
show payment w list -h -t nm,sku
is "payment coupon get $coupon -V -e ^cpn_stat$" used

step 'Afternoon: the parcel leaves and arrives'
show payment o ship "$order" SF SF1234567 -V -N -e '^ord_status$'
show payment o track "$order" SF1234567 arrived -V -N -e '^ord_status$'
show payment o done "$order" -V -N -e '^ord_status$'

step 'Somebody orders, changes their mind, and the goods are free again'
other=$(payment o create --item cup-01:5 --buyer laoli -pt wx.qrcode -V -e '^id$')
payment p pay "$other" -c >/dev/null
show payment o cancel "$other" -V -N -e '^ord_status$'
is "payment w get cup-01 -V -e ^sku$" 14

step 'Nobody pays for an order: its time passes, and the next tick ends it'
late=$(payment o create --item cup-01:3 --buyer laowang -V -e '^id$')
is "payment w get cup-01 -V -e ^sku$" 11
# Its quarter of an hour is too long for an example: the file is edited, and the edit adopted.
file="$PAYMENT_ROOT/sys/order/ord_teahouse_$late.json"
edited=$(sed 's/"ord_expi": [0-9]*/"ord_expi": 1/' "$file")
printf '%s\n' "$edited" >"$file"
show payment fsck --adopt -c
show payment tick -c
is "payment o get $late -V -e ^ord_status$" CA
is "payment w get cup-01 -V -e ^sku$" 14

step 'Evening: leftovers, figures, and a look at the books'
show payment tick -c
show payment stats --table
show payment o history "$order" -h -t at:time,what,note
show payment fsck -c

step 'Done.'
