"use strict";
// Brings the drawn timeline to life: a cursor, zoom, a read-out, and the recording beside it. Everything is readable without.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const lanes = $("lanes"), over = $("over"), overview = $("overview"), readout = $("readout");
  const [hover, cursor] = over.children;
  const draws = [...lanes.querySelectorAll("svg.draw")];
  const length = data.length_s;
  let from = 0, to = length, at = 0, media = null, used = false, away = false;

  const clock = (s) => {
    const t = Math.round(Math.max(0, s) * 10), h = Math.floor(t / 36000);
    const two = (n) => String(n).padStart(2, "0");
    const m = Math.floor(t / 600) % 60, sec = Math.floor(t / 10) % 60;
    return h ? `${h}:${two(m)}:${two(sec)}` : `${m}:${two(sec)}.${t % 10}`;
  };
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
  const make = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const sorted = data.events.map((e, i) => ({ title: e[0], start: e[1], end: e[2], sign: e[3], i })).sort((a, b) => a.start - b.start);

  // A saved page is not beside the service whose links it has.
  if (!location.protocol.startsWith("http")) document.querySelector("nav.links")?.remove();

  // What was measured at a time, in words.
  const near = (t) => {
    const reach = (to - from) / 150;
    return sorted.filter((e) => e.start - reach <= t && t <= Math.max(e.end, e.start) + reach).slice(0, 4);
  };
  const levels = (t) => {
    const step = Math.floor(t / data.step_s), p = (column) => (column[step] >= 0 ? (column[step] / 1000).toFixed(2) : null);
    return data.lanes.map((lane) => {
      const mean = p(lane.mean), high = p(lane.high), low = p(lane.low);
      if (mean === null || mean === undefined) return null;
      const more = low !== null && high !== null && lane.low.length ? ` [${low}–${high}]` : lane.high.length && high ? ` (highest ${high})` : "";
      return [lane.name, mean + more];
    }).filter(Boolean);
  };
  const note = (t) => data.notes[data.note_at[Math.floor(t / data.step_s)] || 0] || "";
  const spoken = (t) => [clock(t), ...levels(t).map((l) => l.join(" ")), note(t), ...near(t).map((e) => e.title)].filter(Boolean).join(", ");
  function read(t) {
    const parts = [make("b", clock(t))];
    for (const [name, value] of levels(t)) {
      const span = make("span", " " + value);
      span.prepend(make("i", name));
      parts.push(span);
    }
    if (note(t)) parts.push(make("i", note(t)));
    for (const e of near(t)) {
      const link = make("a", (e.sign ? "◆ " : "") + e.title);
      link.href = "#e" + e.i;
      parts.push(link);
    }
    readout.replaceChildren(...parts);
  }

  // Drawing: only what is in view changes.
  const x = (t) => ((t - from) / (to - from)) * 100;
  const place = (line, t) => { line.style.left = x(t) + "%"; };
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600];
  function ruler() {
    const svg = $("ruler"), span = to - from, step = steps.find((s) => span / s <= Math.max(4, over.clientWidth / 75)) || span / 6;
    const ns = "http://www.w3.org/2000/svg", parts = [];
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const line = document.createElementNS(ns, "line");
      for (const [k, v] of [["x1", x(t) + "%"], ["x2", x(t) + "%"], ["y1", "60%"], ["y2", "100%"]]) line.setAttribute(k, v);
      parts.push(line);
      if (x(t) > 96) continue;
      const text = document.createElementNS(ns, "text");
      for (const [k, v] of [["x", x(t) + "%"], ["y", "50%"], ["dx", "3"]]) text.setAttribute(k, v);
      text.textContent = clock(t).replace(/\.0$/, "");
      parts.push(text);
    }
    svg.replaceChildren(...parts);
  }
  function draw() {
    for (const svg of draws) {
      const box = svg.viewBox.baseVal;
      svg.setAttribute("viewBox", `${from} ${box.y} ${to - from} ${box.height}`);
    }
    ruler();
    place(cursor, at);
    overview.hidden = to - from >= length;
    overview.firstElementChild.style.marginLeft = (from / length) * 100 + "%";
    overview.firstElementChild.style.width = ((to - from) / length) * 100 + "%";
  }
  function view(start, span) {
    span = clamp(span, Math.min(5, length), length);
    from = clamp(start, 0, length - span);
    to = from + span;
    draw();
  }
  const zoom = (factor, around) => {
    const span = clamp((to - from) * factor, Math.min(5, length), length);
    view(around - ((around - from) / (to - from)) * span, span);
  };
  function go(t, follow) {
    at = clamp(t, 0, length);
    if (at < from || at > to) view(at - (to - from) * 0.2, to - from);
    place(cursor, at);
    over.setAttribute("aria-valuenow", at.toFixed(1));
    over.setAttribute("aria-valuetext", spoken(at));
    if (hover.hidden) read(at);
    if (media && !follow) { media.currentTime = at; dock(true); }
  }

  // Pointer: one finger or button goes there and drags, two fingers zoom.
  const time = (clientX) => {
    const box = over.getBoundingClientRect();
    return from + clamp((clientX - box.left) / box.width, 0, 1) * (to - from);
  };
  const touching = new Map();
  let pinch = null;
  over.addEventListener("pointerdown", (e) => {
    if (e.button) return;
    over.setPointerCapture(e.pointerId);
    touching.set(e.pointerId, e.clientX);
    if (touching.size === 1) go(time(e.clientX));
    else pinch = null;
  });
  over.addEventListener("pointermove", (e) => {
    if (touching.has(e.pointerId)) {
      touching.set(e.pointerId, e.clientX);
      const xs = [...touching.values()];
      if (xs.length === 1) return go(time(e.clientX));
      const apart = Math.max(20, Math.abs(xs[0] - xs[1])), middle = time((xs[0] + xs[1]) / 2);
      if (pinch) zoom(pinch / apart, middle);
      pinch = apart;
    } else if (e.pointerType === "mouse") {
      hover.hidden = false;
      place(hover, time(e.clientX));
      read(time(e.clientX));
    }
  });
  const release = (e) => { touching.delete(e.pointerId); pinch = null; };
  over.addEventListener("pointerup", release);
  over.addEventListener("pointercancel", release);
  over.addEventListener("pointerleave", () => { hover.hidden = true; read(at); });
  over.addEventListener("wheel", (e) => {
    const sideways = Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey;
    if (!sideways && !e.ctrlKey && document.activeElement !== over) return; // the page scrolls
    e.preventDefault();
    if (sideways) view(from + ((e.deltaX || e.deltaY) / over.clientWidth) * (to - from), to - from);
    else zoom(Math.exp(clamp(e.deltaY, -60, 60) * (e.ctrlKey ? 0.01 : 0.004)), time(e.clientX));
  }, { passive: false });

  const jump = (way) => {
    const list = way > 0 ? sorted : [...sorted].reverse();
    const next = list.find((e) => (e.start - at) * way > 0.05);
    if (next) go(next.start);
  };
  const toggle = () => { if (media) (media.paused ? media.play() : media.pause()); };
  const keys = {
    ArrowLeft: (e) => go(at - (e.shiftKey ? 10 : 1)), ArrowRight: (e) => go(at + (e.shiftKey ? 10 : 1)),
    PageUp: () => go(at - 60), PageDown: () => go(at + 60), Home: () => go(0), End: () => go(length),
    "+": () => zoom(0.5, at), "=": () => zoom(0.5, at), "-": () => zoom(2, at), "0": () => view(0, length),
    n: () => jump(1), p: () => jump(-1), " ": toggle,
  };
  over.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    e.preventDefault();
    keys[e.key](e);
  });
  const click = (id, action) => { const b = $(id); if (b) b.addEventListener("click", action); };
  click("in", () => zoom(0.5, at)); click("out", () => zoom(2, at)); click("all", () => view(0, length));
  click("previous", () => jump(-1)); click("following", () => jump(1)); click("play", toggle);

  // The recording.
  const stage = $("stage"), said = $("file-note"), asked = said.textContent;
  const show = (address, words) => {
    const player = document.createElement(data.sound_only ? "audio" : "video");
    player.controls = true;
    player.preload = "metadata";
    player.setAttribute("playsinline", "");
    player.setAttribute("aria-label", "The recording");
    player.addEventListener("loadedmetadata", () => {
      media = player;
      stage.replaceChildren(player);
      stage.hidden = false;
      $("play").hidden = false;
      const off = Math.abs(player.duration - length) > Math.max(3, length * 0.02);
      said.textContent = words + (off ? ` Its length is ${clock(player.duration)}, not ${clock(length)}: it may not be the recording that was analysed.` : "");
      if (at > 0) player.currentTime = at;
    });
    player.addEventListener("error", () => { if (media !== player) said.textContent = address.startsWith("blob:") ? "This file cannot be played here." : asked; });
    const play = (on) => () => { $("play").textContent = on ? "Pause" : "Play"; if (on) { dock(true); follow(); } };
    player.addEventListener("play", play(true));
    player.addEventListener("pause", play(false));
    player.addEventListener("seeked", () => go(player.currentTime, true));
    player.src = address;
  };
  const follow = () => {
    if (!media || media.paused) return;
    go(media.currentTime, true);
    requestAnimationFrame(follow);
  };
  const same = async (file) => {
    if (data.bytes !== null && file.size !== data.bytes) return "This is not the file that was analysed: its size differs.";
    if (!data.sha256 || !self.crypto || !crypto.subtle || file.size > 2 ** 28) return `Playing ${file.name}.`;
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const hex = [...sum].map((b) => b.toString(16).padStart(2, "0")).join("");
    return hex === data.sha256 ? `Playing ${file.name}: the file that was analysed (same sha256).` : "This is not the file that was analysed: its sha256 differs.";
  };
  $("file").addEventListener("change", async (e) => {
    const file = e.target.files[0];
    if (file) show(URL.createObjectURL(file), await same(file));
  });
  if (data.recording) show(data.recording, "Playing the recording beside this page.");
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-t]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey || (!media && data.recording)) return;
    e.preventDefault();
    go(Number(link.dataset.t));
    if (!media) over.focus();
  });
  // A recording in use stays in view, in a corner, when its place is scrolled away.
  function dock(use) {
    used = used || use;
    const docked = used && away && media !== null;
    if (docked && !stage.classList.contains("docked")) stage.style.setProperty("--held", stage.offsetHeight + "px");
    stage.classList.toggle("docked", docked);
  }
  if (self.IntersectionObserver) {
    const watch = ([entry]) => { away = entry.intersectionRatio < 0.35; dock(false); };
    new IntersectionObserver(watch, { threshold: [0, 0.35, 0.7] }).observe(stage);
  }

  // Folded events open when they are linked to, and on paper.
  const unfold = () => {
    const target = location.hash.length > 1 && $(location.hash.slice(1)), folded = target && target.closest("details");
    if (folded) { folded.open = true; target.scrollIntoView({ block: "nearest" }); }
  };
  addEventListener("hashchange", unfold);
  addEventListener("beforeprint", () => { view(0, length); for (const d of document.querySelectorAll("details")) d.open = true; });
  addEventListener("resize", draw);

  over.classList.add("live");
  cursor.hidden = false;
  for (const [k, v] of [["role", "slider"], ["tabindex", "0"], ["aria-label", "Position in the call"], ["aria-valuemin", "0"], ["aria-valuemax", length.toFixed(1)],
    ["aria-description", "Arrows move by a second, with Shift by ten; plus and minus zoom; n and p go to events; space plays"]]) over.setAttribute(k, v);
  $("player").hidden = false;
  go(0, true);
  draw();
  unfold();
})();
