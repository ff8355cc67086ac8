"use strict";
// What the pages of a session share: asking the server, saying what went wrong, and looking at a
// payment until it differs from what the page shows. Then the page loads anew: the server draws
// every state, so there is one place that knows how it looks.
const page = document.getElementById("page");
const up = page.dataset.up;

// Shows one of the hidden questions of the page instead of all else, which can't act any more.
const ask = (name, answered) => {
  page.classList.add("stopped");
  const asking = document.getElementById(name);
  asking.hidden = false;
  asking.querySelector("button").onclick = answered;
};

// Whose the pages of this tab are, and of this browser: a foreign server of the same host can change
// our cookie, but neither of these. A page of somebody else's is not used before that was said.
const HOLDER = "payment.holder";
const keep = (holder) => {
  sessionStorage.setItem(HOLDER, holder);
  localStorage.setItem(HOLDER, holder);
};
const arrive = () => {
  const { holder } = page.dataset;
  const before = sessionStorage.getItem(HOLDER) ?? localStorage.getItem(HOLDER) ?? holder;
  if (before === holder) {
    keep(holder);
    return true;
  }
  ask("arrived", () => {
    keep(holder);
    location.reload();
  });
  return false;
};

// Every question names the session that the page was drawn for. When the browser is in another by
// now, the server does nothing, and neither does the page from then on.
const post = async (path, content, tries = 8) => {
  const reply = await fetch(up + path, {
    method: "POST",
    cache: "no-store",
    headers: { "Content-Type": "application/json", "X-Payment-Web": page.dataset.session || "enter" },
    body: JSON.stringify(content),
  });
  // Nothing was done, as many wait for a slow provider: nobody has to press anew.
  if (reply.status === 503 && reply.headers.has("Retry-After") && tries > 1) {
    await new Promise((go) => setTimeout(go, 1000 * reply.headers.get("Retry-After")));
    return post(path, content, tries - 1);
  }
  const envelope = await reply.json();
  if (envelope.errCode === "e.pay.session" && page.dataset.session) {
    ask("moved", () => location.replace(location.pathname));
  }
  return envelope;
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
    if (page.classList.contains("stopped")) return;
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
      else if (clock.dataset.then === "load" && !page.classList.contains("stopped")) location.replace(location.pathname);
    };
    tick();
  }
};

// Whoever leaves takes the token's life along: no copy of the link opens anything any more.
const leave = document.getElementById("leave");
if (leave) {
  leave.addEventListener("click", () => alone(async () => {
    const envelope = await post("ajax/logout", {});
    if (envelope.ok) {
      sessionStorage.removeItem(HOLDER);
      localStorage.removeItem(HOLDER);
      location.replace(location.pathname);
    } else {
      say(envelope.errCode);
    }
  }));
}
