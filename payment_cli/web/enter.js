// The way in: the token is behind the # of the link, where no server, log or Referer sees it. It is
// taken out of the address at once and exchanged for a cookie that no script can read.
(() => {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  alone(async () => {
    if (!token) {
      say("no link");
      return;
    }
    const envelope = await post("session", { token: decodeURIComponent(token) });
    if (envelope.ok) location.replace(up + page.dataset.to);
    else say(envelope.errCode);
  });
})();
