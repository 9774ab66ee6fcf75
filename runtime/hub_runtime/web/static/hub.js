"use strict";
// Keeps a page as the server has it: says how old times are, replaces parts that changed, says when the line is lost.
// A page is live when its body has data-stream (address of server-sent events) and data-listen (their names).
(() => {
  const QUIET = 30_000, STALE = 60_000, PAUSE = 1_000, RETRY = 3_000, GRACE = 2_000;
  const body = document.body;
  const skew = body.dataset.now ? Date.parse(body.dataset.now) - Date.now() : 0;
  let seen = Date.now(); // when the server was last heard
  let tried = seen; // when the stream was last opened
  let fresh = seen; // when the page was last as the server has it

  function ago(seconds) {
    if (seconds < 10) return "just now";
    if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  }

  function tellTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const when = Date.parse(time.dateTime);
      const text = ago((Date.now() + skew - when) / 1000);
      time.title ||= new Date(when).toLocaleString();
      if (time.textContent !== text) time.textContent = text;
    }
  }

  function say(state) {
    const line = document.getElementById("line"), lost = document.getElementById("lost");
    if (body.dataset.line !== state) {
      body.dataset.line = state;
      line.hidden = false;
      line.textContent = line.dataset[state];
      lost.hidden = state === "live";
    }
    if (state !== "live") {
      const text = lost.dataset[state].replace("{when}", ago((Date.now() - fresh) / 1000));
      if (lost.textContent !== text) lost.textContent = text;
    }
  }

  // A server that is being replaced is away for a moment; that is nothing to speak of.
  let doubts = 0;
  function doubt() {
    doubts ||= setTimeout(() => { doubts = 0; if (body.dataset.line !== "ended") say("lost"); }, GRACE);
  }

  function heard() {
    seen = Date.now();
    clearTimeout(doubts);
    doubts = 0;
  }

  // A frame that is replaced stays until the next one has loaded, so that nothing flickers.
  function exchange(old, next) {
    const coming = successor(old);
    if (coming?.dataset.version === next.dataset.version) return coming;
    coming?.remove();
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const put = () => {
      old.remove();
      next.id = old.id;
      next.classList.remove("coming");
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    };
    const frame = next.querySelector("iframe"), box = old.getBoundingClientRect();
    old.after(next);
    if (frame && box.bottom > 0 && box.top < innerHeight) {
      next.classList.add("coming");
      next.dataset.coming = old.id; // no id is there twice
      next.removeAttribute("id");
      frame.loading = "eager";
      frame.addEventListener("load", put, { once: true });
    } else put();
    return next;
  }

  function successor(part) {
    const next = part.nextElementSibling;
    return next?.dataset.coming === part.id ? next : null;
  }

  function merge(here, there) {
    const wanted = [...there.children];
    const ids = new Set(wanted.map((part) => part.id));
    for (const part of [...here.children]) if (!ids.has(part.id || part.dataset.coming)) part.remove();
    let last = null;
    for (const part of wanted) {
      const old = document.getElementById(part.id);
      const place = last ? last.nextElementSibling : here.firstElementChild;
      if (old && old !== place) here.insertBefore(old, place); // rare: a frame that moves loads again
      if (!old) last = here.insertBefore(part, place);
      else if (old.dataset.version !== part.dataset.version) last = exchange(old, part);
      else {
        successor(old)?.remove();
        last = old;
      }
    }
  }

  async function refresh() {
    const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      source?.close();
      return say("ended");
    }
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (page.documentElement.dataset.look !== document.documentElement.dataset.look) return location.reload();
    document.title = page.title;
    for (const there of page.querySelectorAll("[data-parts]")) {
      const here = document.getElementById(there.id);
      if (here) merge(here, there);
    }
    heard();
    fresh = seen;
    tellTimes();
    say("live");
  }

  let source = null, busy = false, due = false;
  async function want() {
    due = true;
    if (busy) return;
    busy = true;
    while (due) {
      due = false;
      await refresh().catch(doubt);
      await new Promise((resume) => setTimeout(resume, PAUSE)); // a class that saves all the time is one refresh a second
    }
    busy = false;
  }

  function connect() {
    source?.close();
    tried = Date.now();
    source = new EventSource(body.dataset.stream);
    source.addEventListener("open", () => { heard(); want(); });
    source.addEventListener("ping", () => {
      heard();
      if (body.dataset.line === "lost" || seen - fresh > STALE) want(); // who falls silent makes no event
    });
    for (const name of body.dataset.listen.split(" ")) source.addEventListener(name, () => { heard(); want(); });
    source.addEventListener("error", () => {
      doubt();
      if (source.readyState !== EventSource.CLOSED || body.dataset.line === "ended") return;
      setTimeout(connect, RETRY); // refused: a browser itself does not try again
      want();
    });
  }

  setInterval(() => {
    tellTimes();
    if (!body.dataset.stream || body.dataset.line === "ended") return;
    const quiet = Date.now() - seen > QUIET;
    if (quiet || body.dataset.line === "lost") say("lost");
    if (quiet && Date.now() - tried > QUIET) connect();
  }, 5_000);
  tellTimes();
  if (body.dataset.stream) {
    connect();
    addEventListener("offline", () => say("lost"));
    addEventListener("online", connect);
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (shown) => { if (shown.persisted) connect(); });
  }
})();
