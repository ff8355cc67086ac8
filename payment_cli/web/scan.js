// The till: an amount or an order first, then the customer's code, then what became of it.
(() => {
  if (!arrive()) return;

  const toFen = (text) => {
    const found = /^(\d{1,9})(?:[.,](\d{1,2}))?$/.exec(text.trim());
    return found ? Number(found[1]) * 100 + Number((found[2] || "").padEnd(2, "0")) : 0;
  };

  const open = async (wanted) => {
    const envelope = await post("ajax/create", wanted);
    if (envelope.ok) location.assign(up + "scan/" + envelope.data.payment.id);
    else say(envelope.errCode);
  };

  const due = document.getElementById("due");
  if (due) {
    due.addEventListener("submit", (event) => {
      event.preventDefault();
      const order = due.elements.order.value.trim();
      const fee = toFen(due.elements.amount.value);
      if (!order && !fee) {
        say("bad amount");
        due.elements.amount.focus();
        return;
      }
      alone(() => open(order ? { or_id: order } : { fee, brief: due.elements.brief.value }));
    });
  }

  for (const again of document.querySelectorAll("[data-create]")) {
    again.addEventListener("click", () => alone(() => open(JSON.parse(again.dataset.create))));
  }

  const scan = document.getElementById("scan");
  if (scan) {
    const field = scan.elements.code;
    const send = (code) => alone(async () => {
      field.value = "";
      const wanted = { id: page.dataset.payment, args: { auth_code: code } };
      const envelope = await post("ajax/send", wanted);
      if (envelope.ok || isNews(envelope.data)) {
        location.replace(up + "scan/" + envelope.data.id);
        return;
      }
      say(envelope.errCode);
      field.focus();
    });
    scan.addEventListener("submit", (event) => {
      event.preventDefault();
      const code = field.value.replace(/\s/g, "");
      if (code) send(code);
    });
    // A scanner types wherever the focus is; what it types belongs here.
    document.addEventListener("keydown", (event) => {
      const isTyping = event.key.length === 1 && !event.ctrlKey && !event.metaKey;
      if (isTyping && document.activeElement !== field) field.focus();
    });
    useCamera(send);
  }

  // The camera, where the browser itself can read codes.
  async function useCamera(found) {
    const button = document.getElementById("camera");
    if (!window.BarcodeDetector || !navigator.mediaDevices) return;
    const formats = await window.BarcodeDetector.getSupportedFormats();
    button.hidden = formats.length === 0;
    button.addEventListener("click", async () => {
      const video = document.getElementById("seen");
      try {
        video.srcObject = await navigator.mediaDevices.getUserMedia({
          video: { facingMode: "environment" },
        });
        await video.play();
      } catch {
        say("no camera");
        return;
      }
      video.hidden = false;
      button.hidden = true;
      const detector = new window.BarcodeDetector();
      const search = async () => {
        const codes = await detector.detect(video).catch(() => []);
        const code = codes.map((seen) => seen.rawValue).find((text) => /^\d{16,24}$/.test(text));
        if (!code) {
          setTimeout(search, 150);
          return;
        }
        for (const track of video.srcObject.getTracks()) track.stop();
        video.hidden = true;
        button.hidden = false;
        found(code);
      };
      search();
    });
  }

  countDown();
  watch();
})();
