"use strict";
// Asks for the payment's state until it differs from what this page shows, then loads it anew:
// the server draws every state, so there is one place that knows how it looks.
(() => {
  const page = document.getElementById("payment");
  const pace = Number(page.dataset.poll);
  if (!pace) return;
  const key = location.pathname.split("/").pop();
  const shown = JSON.stringify(JSON.parse(page.dataset.view));
  const slowest = 30000;
  let wait = pace;
  let timer = 0;

  const ask = async () => {
    clearTimeout(timer);
    try {
      const reply = await fetch("ajax/get?key=" + key, { cache: "no-store" });
      const envelope = await reply.json();
      if (envelope.ok && JSON.stringify(envelope.data) !== shown) {
        location.reload();
        return;
      }
      wait = envelope.ok ? pace : Math.min(wait * 2, slowest);
    } catch {
      wait = Math.min(wait * 2, slowest);
    }
    timer = setTimeout(ask, wait);
  };

  // A phone that comes back from the payment app should not show an old state for seconds.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
  });
  timer = setTimeout(ask, wait);
})();
