// Counts what moves without anybody having done something. Pages do not see it: it is
// there before they are.
(() => {
  const shifts = [];
  const add = (entries) => {
    for (const entry of entries) {
      // A page that comes in parts on a busy machine may move a sign by some pixels; up to
      // 0.1 is what https://web.dev/articles/cls calls good.
      if (entry.hadRecentInput || entry.value < 0.01) continue;
      // What comes into sight has not moved; what it moves is named as well.
      const sources = (entry.sources || []).filter((source) => source.previousRect.width > 0 && source.previousRect.height > 0);
      if (entry.sources && entry.sources.length && !sources.length) continue;
      const moved = sources.map((source) => {
        const element = source.node && (source.node.nodeType === 1 ? source.node : source.node.parentElement);
        const box = (r) => `${Math.round(r.x)},${Math.round(r.y)} ${Math.round(r.width)}x${Math.round(r.height)}`;
        const name = element ? element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") + (element.classList.length ? "." + [...element.classList].join(".") : "") : "something";
        return `${name} from ${box(source.previousRect)} to ${box(source.currentRect)}`;
      });
      shifts.push(`${entry.value.toFixed(4)}: ${moved.join("; ")}`);
    }
  };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  const take = () => {
    add(observer.takeRecords());
    return shifts.splice(0);
  };
  Object.defineProperty(window, "browsertest", { value: { take } });
})();
