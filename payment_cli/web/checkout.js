// The checkout page: a press on a way to pay sends the payment, then the page shows it.
(() => {
  if (!arrive()) return;

  // Opens the provider's page beside this one, in the click that chose it. A browser that blocks
  // that shows the button, which is the same link (html.py: draw_button says why it is so).
  const openLink = (payment) => {
    if (payment.type !== "LINK" || !payment.data) return;
    const link = document.createElement("a");
    link.href = payment.data;
    link.target = "_blank";
    link.rel = "noopener";
    link.referrerPolicy = "strict-origin";
    document.body.append(link);
    link.click();
    link.remove();
  };

  for (const way of document.querySelectorAll("[data-pay]")) {
    way.addEventListener("click", () => alone(async () => {
      way.classList.add("chosen");
      const wanted = { or_id: page.dataset.order, pay_tp: way.dataset.pay };
      const envelope = await post("ajax/send", wanted);
      if (envelope.ok) openLink(envelope.data);
      if (envelope.ok || isNews(envelope.data)) {
        location.replace(location.pathname);
        return;
      }
      way.classList.remove("chosen");
      say(envelope.errCode);
    }));
  }

  // Inside WeChat its own window takes the payment; what it says is not believed, but asked about.
  const inside = document.querySelector("[data-jsapi]");
  if (inside) {
    const pay = () => {
      const parameters = JSON.parse(inside.dataset.jsapi);
      window.WeixinJSBridge.invoke("getBrandWCPayRequest", parameters, () => look());
    };
    inside.addEventListener("click", () => {
      if (window.WeixinJSBridge) pay();
    });
    if (window.WeixinJSBridge) pay();
    else document.addEventListener("WeixinJSBridgeReady", pay, { once: true });
  }

  countDown();
  watch();
})();
