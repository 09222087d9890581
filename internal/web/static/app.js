// What makes pages live. Every page works without it.
"use strict";

// stream opens an address of events, and opens it again whatever happened to it: a browser
// gives up by itself if a proxy answers in place of an agent that is away. While the
// connection is lost the page says so. Listen gets every source, and may stop them all.
function stream(address, listen) {
  let source = null, again = 0, lost = 0, wait = 1000;
  const stale = (yes) => {
    if (yes && lost) return;
    clearTimeout(lost);
    lost = yes ? setTimeout(() => document.documentElement.toggleAttribute("data-stale", true), 3000) : 0;
    if (!yes) document.documentElement.removeAttribute("data-stale");
  };
  const close = () => {
    clearTimeout(again);
    if (source) source.close();
    source = null;
  };
  const stop = () => {
    close();
    stale(false);
  };
  const open = () => {
    if (source) return;
    source = new EventSource(address());
    source.addEventListener("open", () => {
      wait = 1000;
      stale(false);
    });
    source.addEventListener("error", () => {
      if (!source) return;
      stale(true);
      if (source.readyState !== EventSource.CLOSED) return; // the browser comes again
      close();
      again = setTimeout(open, wait);
      wait = Math.min(30000, wait * 2);
    });
    listen(source, stop);
  };
  open();
  return { open, close: stop };
}

// live keeps the page up to date: the events of the address in data-live hold
// elements that take the places of those with the same ids.
function live(root) {
  let events = null;
  let ended = false;
  const close = () => {
    if (events) events.close();
    events = null;
  };
  const open = () => {
    if (events || ended) return;
    events = stream(() => root.dataset.live, (source, stop) => {
      source.addEventListener("patch", (event) => patch(event.data));
      source.addEventListener("end", () => {
        ended = true;
        stop();
        root.dispatchEvent(new CustomEvent("live-end", { bubbles: true }));
      });
    });
  };
  // Browsers have six connections to a host without HTTP/2, which pages that nobody
  // looks at would use up. What they have missed comes first when they are seen again.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => { if (!document.hidden) open(); });
  if (!document.hidden) open();
}

// While somebody presses a button it must not go: there would be no click.
let pressed = false;
const later = [];
addEventListener("pointerdown", () => { pressed = true; }, true);
for (const name of ["pointerup", "pointercancel"]) {
  addEventListener(name, () => setTimeout(() => {
    pressed = false;
    later.splice(0).forEach(patch);
  }), true);
}

// patch puts elements in the places of those with the same ids, and leaves what
// somebody has opened, typed or focused as it is.
function patch(html) {
  if (pressed) return later.push(html);
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const fresh of [...template.content.children]) {
    const old = document.getElementById(fresh.id);
    // What is wrong with what somebody has typed stays until it is sent again.
    if (!old || "typed" in old.dataset) continue;
    keep(old, fresh);
    prepare(fresh);
    tick(fresh);
    if (old.outerHTML === fresh.outerHTML) continue;
    const focus = old.contains(document.activeElement) ? document.activeElement : null;
    if (focus && focus.matches("input, textarea, select")) continue;
    const index = focus ? focusable(old).indexOf(focus) : -1;
    const name = focus && focus.id;
    old.replaceWith(fresh);
    if (focus) {
      // What is above it may have gone.
      const all = focusable(fresh), same = (e) => e && e.tagName === focus.tagName && e.textContent === focus.textContent;
      const again = (name && document.getElementById(name)) || (same(all[index]) ? all[index] : all.find(same) || all[index]);
      if (again) again.focus({ preventScroll: true });
    }
  }
}

// keep gives an element what somebody has opened and typed in the one that it replaces.
function keep(old, fresh) {
  if (old.matches("details")) fresh.open = old.open;
  for (const one of old.querySelectorAll("details[id], input[id], textarea[id], select[id]")) {
    const twin = fresh.querySelector("#" + CSS.escape(one.id));
    if (!twin) continue;
    if (one.matches("details")) twin.open = one.open;
    else if (one.matches("[type=file]")) continue;
    else if (one.matches("[type=checkbox], [type=radio]")) twin.checked = one.checked;
    else if (one.matches("select") || one.value !== one.defaultValue) twin.value = one.value;
  }
}

function focusable(element) {
  return [...element.querySelectorAll("a[href], button, summary, [tabindex]")];
}

// rough and ago are in the words of words.go.
function rough(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function ago(seconds) {
  if (seconds < 0) return "in " + rough(-seconds);
  return seconds < 10 ? "just now" : rough(seconds) + " ago";
}

function duration(seconds) {
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
}

// The agent's clock and the reader's may differ; what the agent says counts.
const ahead = Date.now() - Date.parse(document.documentElement.dataset.now || new Date().toISOString());

function tick(root) {
  const now = Date.now() - ahead;
  for (const time of root.querySelectorAll("time")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    const text = "since" in time.dataset ? duration(seconds) : time.matches(".when") ? ago(seconds) : time.textContent;
    if (time.textContent !== text) time.textContent = text;
  }
}

// prepare shows what is of use only with a script.
function prepare(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy || button.closest(".copy").querySelector("code").textContent;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll("button")) setTimeout(() => { button.disabled = true; });
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form button:disabled")) button.disabled = false;
});

// What takes long says so, and for how long it has.
document.addEventListener("submit", (event) => {
  const progress = event.target.querySelector("[data-progress]");
  if (!progress) return;
  const time = progress.querySelector("time");
  time.dateTime = time.dataset.since = new Date(Date.now() - ahead).toISOString();
  time.textContent = duration(0);
  progress.hidden = false;
});
addEventListener("pageshow", () => {
  for (const progress of document.querySelectorAll("[data-progress]")) progress.hidden = true;
});

// The page's own entry in the menu may be out of sight where the menu is scrolled.
const entry = document.querySelector(".menu [aria-current]");
if (entry) entry.parentElement.scrollLeft = entry.offsetLeft + entry.offsetWidth - entry.parentElement.offsetLeft - entry.parentElement.clientWidth;

prepare(document);
for (const root of document.querySelectorAll("[data-live]")) live(root);
tick(document);
setInterval(() => tick(document), 1000);
