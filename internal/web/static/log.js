// The log of a call: parts of a long one come and go as they are scrolled to, lines can be
// linked to, and what is added appears. Without this script the log is read page by page.
"use strict";

(() => {
  const log = document.getElementById("log");
  const button = document.getElementById("follow");
  if (!log) return beside();

  const inOrder = log.dataset.view === "order";
  const windowed = inOrder && "lines" in log.dataset;
  const page = Number(log.dataset.page || 0);
  let total = Number(log.dataset.total || 0);
  let following = false;

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  async function part(address) {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(`${address} gives ${answer.status}`);
    return parse(await answer.text());
  }

  // Two attempts side by side have the lines of steps that are unfolded. Their numbers lead
  // to the log of the attempt alone, as both may have the same.
  function beside() {
    const unfold = async (step) => {
      if (!step.dataset.load || "filled" in step.dataset) return;
      step.dataset.filled = "";
      const place = step.querySelector(":scope > .lines");
      const order = place.querySelector(".wait a");
      try {
        const lines = await part(step.dataset.load);
        for (const line of lines.querySelectorAll(".l")) {
          const number = line.querySelector("a.n"), to = new URL(order.href);
          to.searchParams.delete("step");
          to.searchParams.set("line", number.textContent);
          to.hash = line.id;
          number.href = to.href;
          line.removeAttribute("id");
        }
        for (const earlier of lines.querySelectorAll(".earlier a")) delete earlier.dataset.load;
        place.replaceChildren(lines);
      } catch (error) {
        delete step.dataset.filled;
        console.warn(error);
      }
    };
    // Nothing is filled in before somebody asks for it, as that would move the page.
    document.addEventListener("click", (event) => {
      const link = event.target.closest(".wait a"), summary = event.target.closest("summary");
      if (!link && !summary || event.ctrlKey || event.metaKey) return;
      if (link) event.preventDefault();
      unfold((link || summary).closest("details"));
    });
  }

  // Marked lines: #L120 or #L120-L140.

  function marked() {
    const m = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
    if (!m) return null;
    const [from, to] = [Number(m[1]), Number(m[2] || m[1])];
    return { from: Math.min(from, to), to: Math.max(from, to) };
  }

  function mark() {
    const range = marked();
    for (const line of log.querySelectorAll(".l")) {
      const n = Number(line.id.slice(1));
      line.classList.toggle("marked", !!range && n >= range.from && n <= range.to);
    }
  }

  async function show() {
    const range = marked();
    if (!range) return mark();
    if (windowed) await fill(chunkOf(range.from));
    const line = document.getElementById("L" + range.from);
    mark();
    if (line) {
      for (let up = line.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
      following = false;
      line.scrollIntoView({ block: "center" });
    } else if (!inOrder) {
      // Lines of steps that are folded are not here.
      const to = new URL(location.href);
      to.searchParams.set("view", "order");
      to.searchParams.set("line", range.from);
      location.replace(to);
    }
  }

  log.addEventListener("click", (event) => {
    const number = event.target.closest("a.n");
    if (!number || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const n = Number(number.textContent), range = marked();
    let hash = "#L" + n;
    if (event.shiftKey && range && range.from !== n) hash = `#L${Math.min(range.from, n)}-L${Math.max(range.from, n)}`;
    history.replaceState(null, "", hash);
    getSelection().removeAllRanges();
    mark();
  });
  addEventListener("hashchange", show);

  // Parts of the log in order. Each has the height of its lines, whether they are there or
  // not, so that nothing moves.

  const chunks = new Map();
  let height = 20;
  const near = windowed && new IntersectionObserver((entries) => {
    for (const e of entries) {
      if (e.isIntersecting) fill(e.target);
      else empty(e.target);
    }
  }, { rootMargin: "2000px 0px" });

  const firstOf = (n) => Math.floor((Math.max(n, 1) - 1) / page) * page + 1;
  const chunkOf = (n) => chunks.get(firstOf(Math.min(n, Math.max(total, 1))));
  const sizeOf = (chunk) => Math.max(0, Math.min(page, total - Number(chunk.dataset.first) + 1));

  function stretch(chunk) {
    chunk.style.height = sizeOf(chunk) * height + "px";
  }

  function addChunk(first) {
    const chunk = document.createElement("div");
    chunk.className = "chunk";
    chunk.dataset.first = first;
    chunks.set(first, chunk);
    return chunk;
  }

  async function fill(chunk) {
    if (!chunk || chunk.loading || "filled" in chunk.dataset) return chunk && chunk.loading;
    chunk.loading = (async () => {
      try {
        // What is added meanwhile may be in the answer or not.
        let lines;
        for (let tries = 3; tries > 0; tries--) {
          lines = await part(`${log.dataset.lines}&first=${chunk.dataset.first}`);
          if (lines.children.length >= sizeOf(chunk)) break;
        }
        chunk.replaceChildren(lines);
        chunk.dataset.filled = "";
        mark();
      } catch (error) {
        console.warn(error);
      } finally {
        chunk.loading = null;
      }
    })();
    return chunk.loading;
  }

  function empty(chunk) {
    if (chunk.contains(document.activeElement) || chunk.contains(getSelection().anchorNode)) return;
    chunk.replaceChildren();
    delete chunk.dataset.filled;
  }

  function divide() {
    const given = log.querySelector(".chunk");
    const first = Number(given.dataset.first);
    const line = given.querySelector(".l");
    if (line) height = line.getBoundingClientRect().height;
    given.dataset.filled = "";
    chunks.set(first, given);
    const before = [], after = [];
    for (let n = 1; n <= total; n += page) {
      if (n !== first) (n < first ? before : after).push(addChunk(n));
    }
    const at = given.getBoundingClientRect().top;
    given.before(...before);
    given.after(...after);
    chunks.forEach(stretch);
    scrollBy(0, given.getBoundingClientRect().top - at);
    for (const pager of document.querySelectorAll(".pager")) pager.hidden = true;
    chunks.forEach((chunk) => near.observe(chunk));
  }

  function appendInOrder(rows) {
    for (const row of [...rows.children]) {
      const n = Number(row.id.slice(1));
      if (n <= total) continue;
      let chunk = chunks.get(firstOf(n));
      if (!chunk) {
        chunk = addChunk(firstOf(n));
        chunk.dataset.filled = "";
        log.append(chunk);
        near.observe(chunk);
      }
      total = n;
      if ("filled" in chunk.dataset) chunk.append(row);
      stretch(chunk);
    }
    mark();
  }

  // The log by step: lines of a step are asked for when it is unfolded.

  const stepKept = 2000;

  document.addEventListener("toggle", async (event) => {
    const step = event.target;
    if (!step.open || !step.dataset.load || "filled" in step.dataset) return;
    step.dataset.filled = "";
    const lines = step.querySelector(":scope > .lines");
    try {
      lines.replaceChildren(await part(step.dataset.load));
      mark();
    } catch (error) {
      delete step.dataset.filled;
      console.warn(error);
    }
  }, true);

  document.addEventListener("click", async (event) => {
    const link = event.target.closest(".earlier a[data-load]");
    if (!link) return;
    event.preventDefault();
    const line = link.closest(".lines").querySelector(".l");
    const lines = await part(link.dataset.load);
    const at = line ? line.getBoundingClientRect().top : 0;
    link.closest(".earlier").replaceWith(lines);
    if (line) scrollBy(0, line.getBoundingClientRect().top - at);
  });

  function appendBySteps(news) {
    for (const one of [...news.children]) {
      if (one.dataset.into) {
        const lines = document.getElementById(one.dataset.into);
        const step = lines && lines.closest("details");
        if (!lines || step && !("filled" in step.dataset)) continue;
        lines.append(...one.children);
        while (lines.children.length > stepKept) lines.firstElementChild.remove();
      } else if ("step" in one.dataset) {
        if (document.getElementById(one.id)) continue;
        const around = document.getElementById(one.dataset.in || "s-parts") || document.getElementById("s-parts");
        around.append(one);
      } else {
        const old = document.getElementById(one.id);
        if (old) old.replaceWith(one);
      }
    }
  }

  // Following keeps the end in sight until the reader scrolls away from it.

  const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
  const toEnd = () => scrollTo(0, document.documentElement.scrollHeight);

  function noteFollowing() {
    if (button) button.hidden = following || !("follow" in log.dataset);
  }

  function follow() {
    // A source that the script opens again knows no Last-Event-ID, so the address says
    // what is to come.
    let next = 0;
    const address = () => {
      const to = new URL(log.dataset.follow, location.href);
      if (next) to.searchParams.set("first", next);
      return to.href;
    };
    const events = stream(address, (source, stop) => {
      source.addEventListener("rows", (event) => {
        next = Number(event.lastEventId) + 1;
        const news = parse(event.data);
        if (windowed) appendInOrder(news);
        else appendBySteps(news);
        if (following) toEnd();
      });
      source.addEventListener("patch", (event) => patch(event.data));
      source.addEventListener("end", () => {
        stop();
        delete log.dataset.follow;
        noteFollowing();
        log.dispatchEvent(new CustomEvent("live-end", { bubbles: true }));
      });
    });
    addEventListener("pagehide", () => events.close());
    addEventListener("pageshow", (event) => { if (event.persisted && "follow" in log.dataset) events.open(); });
    addEventListener("scroll", () => {
      following = atEnd();
      noteFollowing();
    }, { passive: true });
    if (button) {
      button.addEventListener("click", () => {
        following = true;
        toEnd();
        noteFollowing();
      });
    }
    following = !marked() && (inOrder || atEnd());
    if (following) toEnd();
    noteFollowing();
  }

  if (windowed) divide();
  show();
  if ("follow" in log.dataset) follow();
})();
