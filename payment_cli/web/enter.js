// The way in: the token is behind the # of the link, where no server, log or Referer sees it. It is
// taken out of the address at once and exchanged for a cookie that no script can read. Where that
// would take the browser out of another session, or a foreign page may have led here, the person
// before it is asked.
(() => {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);

  const show = (where, place) => {
    const line = document.getElementById(where);
    line.hidden = !place;
    if (!place) return;
    line.querySelector("b").textContent = place.title;
    line.querySelector("span").textContent = page.dataset[place.role];
  };

  const enter = async (wanted) => {
    const envelope = await post("session", { token: decodeURIComponent(token), ...wanted });
    if (envelope.ok) {
      keep(envelope.data.holder);
      location.replace(up + page.dataset.to);
    } else if (envelope.errCode === "e.pay.session") {
      const { at, to } = envelope.data;
      show("at", at);
      show("to", to);
      ask("ask", () => alone(() => enter({ leaves: at ? at.session : "" })));
    } else {
      say(envelope.errCode);
    }
  };

  alone(async () => {
    if (token) await enter({ asks: page.dataset.asks === "1" });
    else say("no link");
  });
})();
