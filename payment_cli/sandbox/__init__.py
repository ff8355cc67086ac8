"""The other side of the wire: WeChat Pay and Alipay, played on 127.0.0.1 with real signatures.

Stands alone. It shares no code with what it tests, or both would share a mistake, so its keys,
clock, errors and JSON are its own. What it plays, strictly, is what the providers' documents say;
where they are silent the module says what was chosen.

    targets.init      merchant and platform keys, and the gateway configs that point here
    server.serve      answer requests until interrupted; server.running_sandbox for tests
    client.scan       the payer: pay, decline, hesitate (also misbehave, ledger, rotate, drain)

Inside: `app` routes a request to `wechat` or `alipay`; these check it, change the `ledger` and
answer, a browser with the `pages` of `cashier`; `tools` lists the ways to place an order; `payer`
is the person with the phone; `notifier` delivers what `notices` writes; `misbehaviour` spoils
either on request, in one of the ways of `kinds`; `control` is the door for `client`.
"""
