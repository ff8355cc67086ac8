"use strict";
// What the pages of a session share: asking the server, saying what went wrong, and looking at a
// payment until it differs from what the page shows. Then the page loads anew: the server draws
// every state, so there is one place that knows how it looks.
const page = document.getElementById("page");
const up = page.dataset.up;

const post = async (path, content) => {
  const reply = await fetch(up + path, {
    method: "POST",
    cache: "no-store",
    headers: { "Content-Type": "application/json", "X-Payment-Web": "1" },
    body: JSON.stringify(content),
  });
  return reply.json();
};

const say = (code) => {
  const note = document.getElementById("note");
  const said = JSON.parse(page.dataset.said);
  note.textContent = said[code] || said["e.pay.error"];
  note.hidden = false;
};

const isNews = (state) => Boolean(state) && JSON.stringify(state) !== shown;
const shown = JSON.stringify(JSON.parse(page.dataset.view));

// Does `act`, with everything that can be pressed locked meanwhile; no two acts at once.
const alone = async (act) => {
  if (page.classList.contains("busy")) return;
  page.classList.add("busy");
  try {
    await act();
  } catch {
    say("offline");
  }
  page.classList.remove("busy");
};

const look = async () => {
  const envelope = await post("ajax/check", { id: page.dataset.payment });
  if (isNews(envelope.data) || envelope.errCode === "e.pay.untrusted") {
    location.replace(location.pathname);
  }
  return envelope.ok;
};

const watch = () => {
  const pace = Number(page.dataset.poll);
  if (!pace) return;
  const slowest = 30000;
  let wait = pace;
  let timer = 0;
  const again = async () => {
    clearTimeout(timer);
    try {
      wait = (await look()) ? pace : Math.min(wait * 2, slowest);
    } catch {
      wait = Math.min(wait * 2, slowest);
    }
    timer = setTimeout(again, wait);
  };
  // A phone that comes back from the payment app should not show an old state for seconds.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) again();
  });
  timer = setTimeout(again, wait);
};

// Counts the times of the page down; at the end of one the server may have news.
const countDown = () => {
  for (const clock of document.querySelectorAll("[data-left]")) {
    const end = performance.now() + Number(clock.dataset.left);
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      clock.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
      if (left > 0) setTimeout(tick, 500);
      else if (clock.dataset.then === "load") location.replace(location.pathname);
    };
    tick();
  }
};
