(width) => {
  const problems = [];
  const most = 15;
  const root = document.documentElement;
  const short = (s) => { s = s.replace(/\s+/g, " ").trim(); return s.length > 60 ? s.slice(0, 60) + "…" : s; };
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") +
    (e.classList.length ? "." + [...e.classList].join(".") : "") + ` “${short(e.value || e.textContent || "")}”`;
  const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
  const at = (r) => `${Math.round(r.left)},${Math.round(r.top)} ${Math.round(r.right - r.left)}x${Math.round(r.bottom - r.top)}`;
  const styles = new Map();
  const style = (e) => { if (!styles.has(e)) styles.set(e, getComputedStyle(e)); return styles.get(e); };

  if (root.clientWidth > width || root.clientWidth < width - 20) problems.push(`the page is laid out for ${root.clientWidth} pixels`);

  // What of a box is not clipped by what it is in.
  const clip = (r, e) => {
    let box = { left: r.left, top: r.top, right: r.right, bottom: r.bottom };
    for (; e && e !== document.body && e !== root; e = e.parentElement) {
      const s = style(e);
      if (s.overflowX === "visible" && s.overflowY === "visible") continue;
      const o = e.getBoundingClientRect();
      box = { left: Math.max(box.left, o.left), top: Math.max(box.top, o.top), right: Math.min(box.right, o.right), bottom: Math.min(box.bottom, o.bottom) };
    }
    return box;
  };
  // Dialogs and menus lie on the rest by intent.
  const layer = (e) => {
    for (; e && e !== root; e = e.parentElement) if (e.matches("dialog, [popover]") || style(e).position === "fixed") return e;
    return root;
  };

  const boxes = [];
  const add = (e, node, r, text) => {
    const box = clip(r, e);
    if (box.right - box.left < 2 || box.bottom - box.top < 2) return;
    boxes.push({ e, node, text, layer: layer(e), ...box });
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || !e || e.closest("script, style, template, noscript, option, title") || !seen(e)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) add(e, node, r, `“${short(node.data)}”`);
    const picture = e.closest("svg");
    if (picture) {
      const r = range.getBoundingClientRect(), o = picture.getBoundingClientRect();
      if (r.left < o.left - 1 || r.right > o.right + 1 || r.top < o.top - 2 || r.bottom > o.bottom + 2) problems.push(`“${short(node.data)}” is cut by its picture`);
    }
  }
  for (const e of document.querySelectorAll("input, select, textarea")) if (e.type !== "hidden" && seen(e)) add(e, e, e.getBoundingClientRect(), name(e));

  boxes.sort((a, b) => a.top - b.top);
  let pairs = 0;
  for (let i = 0; i < boxes.length && pairs < most; i++) {
    const a = boxes[i];
    for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom; j++) {
      const b = boxes[j];
      if (a.node === b.node || a.layer !== b.layer) continue;
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // The boxes of two lines may touch by the room for accents.
      if (x <= 1.5 || y <= 0.3 * Math.min(a.bottom - a.top, b.bottom - b.top)) continue;
      problems.push(`${a.text} (${at(a)}) and ${b.text} (${at(b)}) lie on each other`);
      if (++pairs === most) break;
    }
  }

  let wide = 0;
  if (root.scrollWidth > root.clientWidth + 1) {
    problems.push(`the page is ${root.scrollWidth} pixels wide in ${root.clientWidth}`);
  }
  for (const e of document.body.querySelectorAll("*")) {
    const s = style(e);
    if (!(e instanceof HTMLElement) || s.display === "none" || s.display === "inline") continue;
    const r = e.getBoundingClientRect();
    if (r.width > 1 && wide < most && seen(e)) {
      const box = clip(r, e.parentElement);
      if (box.right > root.clientWidth + 1 && box.right - box.left > 1 && box.bottom > box.top) { problems.push(`${name(e)} (${at(r)}) stands out to the right`); wide++; }
      if (r.left < -1 && r.right > 1 && box.left < -1) { problems.push(`${name(e)} (${at(r)}) stands out to the left`); wide++; }
    }
    const hides = (v) => v === "hidden" || v === "clip";
    if (e.clientWidth <= 1 || e.clientHeight <= 1 || e.matches("input, select, textarea") || !e.textContent.trim() || !seen(e)) continue;
    const titled = e.closest("[title]") || e.querySelector("[title]") || e.closest("[aria-label]");
    if (hides(s.overflowX) && e.scrollWidth > e.clientWidth + 1) {
      if (s.textOverflow !== "ellipsis") problems.push(`${name(e)} (${at(r)}) is cut at the right without a sign`);
      else if (!titled) problems.push(`${name(e)} (${at(r)}) is cut, and no title has all of it`);
    }
    if (hides(s.overflowY) && e.scrollHeight > e.clientHeight + 3 && s.webkitLineClamp === "none" && s.whiteSpace !== "nowrap") problems.push(`${name(e)} (${at(r)}) is cut at the bottom`);
    if (problems.length > 60) break;
  }
  return problems;
}
