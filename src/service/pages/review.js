"use strict";
// The review page. In: what /v1 answers. Out: the list of calls, uploads, one call's report. Text stays text: nothing that
// was sent becomes markup.
(() => {
  const $ = (id) => document.getElementById(id);
  const WORDS = {
    signs_found: "signs of masking", no_signs_found: "no signs found", inconclusive: "inconclusive", not_assessed: "not assessed",
    failed: "could not be scanned", waiting: "waiting", running: "being scanned",
  };
  const SOON_MS = 1500, LATER_MS = 5000;

  /** An element with attributes and children; a child that is a string is text. */
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [k, v] of Object.entries(attributes)) if (v !== null) element.setAttribute(k, v);
    element.append(...children.filter((c) => c !== null));
    return element;
  };
  const draw = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
    element.append(...children);
    return element;
  };
  const clock = (s) => {
    const whole = Math.max(0, Math.floor(s)), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(whole % 60)}`;
  };
  const mark = (name) => make("span", { class: `result ${name === "running" ? "waiting" : name}` },
    draw("svg", { class: "mark", "aria-hidden": "true" }, draw("use", { href: `#m-${name === "running" ? "waiting" : name}` })), " " + WORDS[name]);
  const say = (text) => { if ($("said").textContent !== text) $("said").textContent = text; };

  // Asking.
  let me = { scopes: [] };
  const may = (scope) => me.scopes.includes(scope) || me.scopes.includes("admin");
  class Problem extends Error {
    constructor(status, text) { super(text); this.status = status; }
  }
  async function ask(path, options = {}) {
    const answer = await fetch(path, { credentials: "same-origin", ...options });
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const told = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, told.detail || `The service answers ${answer.status}.`);
  }
  const path = (id, rest = "") => `/v1/calls/${encodeURIComponent(id)}${rest}`;

  // Where we are: the list with its filters, or one call.
  let filter = { by: "", value: "" }, name = "", cursors = [], next = null, timer = 0, asked = 0;
  const shownCall = () => /^#call\/([0-9a-f]{32})$/.exec(location.hash)?.[1] ?? null;

  // One row.
  function scale(finding) {
    const x = (p) => `${(p * 100).toFixed(1)}%`, ends = { class: "axis", x1: "0", x2: "100%", y1: "50%", y2: "50%" };
    const parts = [draw("line", ends)];
    for (const at of ["0%", "25%", "50%", "75%", "100%"]) parts.push(draw("line", { class: "tick", x1: at, x2: at, y1: "30%", y2: "70%" }));
    if (finding.range) {
      const [low, high] = finding.range;
      parts.push(draw("rect", { class: "range", x: x(low), width: x(Math.max(high - low, 0.005)), y: "25%", height: "50%" }));
    }
    const point = x(finding.p_masked);
    parts.push(draw("line", { class: "point", x1: point, x2: point, y1: "0", y2: "100%" }));
    return draw("svg", { class: "scale", "aria-hidden": "true" }, ...parts);
  }
  function numbers(finding) {
    if (!finding || finding.p_masked === null) return make("div", { class: "numbers" });
    const range = finding.range ? ` [${finding.range.map((p) => p.toFixed(2)).join("–")}]` : "";
    return make("div", { class: "numbers" }, make("b", {}, finding.p_masked.toFixed(2)), range, scale(finding));
  }
  function signs(finding) {
    const rows = finding.signs.slice(0, 3).map(([title, at]) => make("li", {}, `${clock(at)} ${title}`));
    if (finding.signs.length > 3) rows.push(make("li", { class: "note" }, `and ${finding.signs.length - 3} more`));
    return make("div", { class: "what" }, rows.length ? make("ul", { class: "signs" }, ...rows) : null,
      make("span", { class: "note" }, `${clock(finding.length_s)} long`));
  }
  function progress(call) {
    if (call.state === "waiting") return make("div", { class: "why" }, "Its turn has not come.");
    if (call.state === "failed") return make("div", { class: "why" }, call.error || "");
    const [reached, length] = [call.reached_s || 0, call.length_s || 0];
    const words = length ? `${clock(reached)} of ${clock(length)}` : `${clock(reached)} so far`;
    const bar = length ? make("progress", { max: length, value: Math.min(reached, length), "aria-label": "How far the scan is" }) : null;
    return make("div", { class: "why" }, bar, " " + words);
  }
  function files(call) {
    const link = (word, rest) => make("a", { href: path(call.id, rest), download: "", "data-act": word, "aria-label": `${word} of ${call.source}` }, word);
    const parts = call.state === "done" ? [link("records", "/records"), link("evidence", "/evidence")] : [];
    if (may("admin") && call.state !== "running") {
      const button = make("button", { type: "button", class: "plain", "data-act": "delete", "aria-label": `Delete ${call.source}` }, "delete");
      button.addEventListener("click", () => remove(call));
      parts.push(button);
    }
    return parts;
  }
  function row(call) {
    const kind = call.state === "done" ? call.finding.overall : call.state;
    const shown = make("a", { class: "name", href: `#call/${call.id}`, "data-act": "open" }, call.source);
    const when = call.accepted_utc ? new Date(call.accepted_utc).toLocaleString() : "";
    const result = make("div", { class: "result-cell" }, mark(kind));
    const item = make("li", { class: `call ${kind}`, "data-id": call.id }, make("div", { class: "who" }, shown, make("span", { class: "input" }, when)), result);
    if (call.state === "done") {
      const { face, voice, partial } = call.finding;
      result.append(make("div", { class: "parts" }, make("span", {}, `face: ${WORDS[face]}`), make("span", {}, `voice: ${WORDS[voice]}`),
        partial ? make("span", {}, "only a part was seen") : null));
      item.append(numbers(call.finding), signs(call.finding));
    } else item.append(progress(call));
    item.append(make("div", { class: "files" }, ...files(call)));
    return item;
  }

  // The list: only what has changed is drawn anew, so that the focus stays.
  const drawn = new Map();
  function list(calls) {
    const holder = $("calls");
    calls.forEach((call, i) => {
      const text = JSON.stringify(call), before = drawn.get(call.id);
      let item = before?.item;
      if (before?.text !== text) {
        const focus = item?.contains(document.activeElement) ? document.activeElement.dataset.act : null;
        const made = row(call);
        item?.replaceWith(made);
        item = made;
        drawn.set(call.id, { text, item });
        if (focus) (item.querySelector(`[data-act="${focus}"]`) || item.querySelector("a")).focus();
      }
      if (holder.children[i] !== item) holder.insertBefore(item, holder.children[i] || null);
    });
    const kept = new Set(calls.map((c) => c.id));
    for (const [id, { item }] of [...drawn]) if (!kept.has(id)) { item.remove(); drawn.delete(id); }
    const filtered = filter.value || name;
    $("none").textContent = filtered ? "No call fits." : "No calls yet.";
    $("none").hidden = calls.length > 0;
    $("newer").disabled = cursors.length === 0;
    $("older").disabled = next === null;
    $("pager").hidden = cursors.length === 0 && next === null;
  }
  async function refreshList() {
    const query = new URLSearchParams({ limit: "25" });
    if (filter.value) query.set(filter.by, filter.value);
    if (name) query.set("name", name);
    if (cursors.length) query.set("cursor", cursors[cursors.length - 1]);
    const mine = ++asked, page = await ask(`/v1/calls?${query}`);
    if (mine !== asked || shownCall()) return true;
    next = page.next ?? null;
    list(page.calls);
    return page.calls.some((c) => c.state === "waiting" || c.state === "running");
  }

  // One call.
  let open = { id: null, text: "" };
  async function refreshCall(id) {
    const call = await ask(path(id)), text = JSON.stringify(call);
    if (shownCall() !== id) return true;
    const first = open.id !== id;
    if (first || open.text !== text) {
      open = { id, text };
      const kind = call.state === "done" ? call.finding.overall : call.state;
      $("title").textContent = call.source;
      document.title = `${call.source} · unmask`;
      $("call-files").replaceChildren(make("a", { href: "#" }, "All calls"), ...files(call));
      $("call-said").replaceChildren(...(call.state === "done" ? [] : [mark(kind), progress(call)]));
      const frame = $("report"), address = path(id, "/report.html");
      if (call.state === "done" && frame.getAttribute("src") !== address) frame.src = address;
      frame.hidden = call.state !== "done";
    }
    if (first) $("title").focus();
    return call.state === "waiting" || call.state === "running";
  }
  function closeCall() {
    if (open.id === null) return;
    const id = open.id;
    open = { id: null, text: "" };
    $("report").removeAttribute("src");
    $("report").hidden = true;
    $("title").textContent = "Calls";
    document.title = "Calls · unmask";
    (drawn.get(id)?.item.querySelector("a") || $("title")).focus();
  }

  // Again and again, as long as somebody looks.
  async function refresh() {
    clearTimeout(timer);
    if (document.hidden || !me.scopes.length) return;
    let soon = true;
    try {
      const id = shownCall();
      $("overview").hidden = id !== null;
      $("call").hidden = id === null;
      if (id === null) closeCall();
      if (!may("read")) say("This key may send calls and not look at them.");
      else {
        soon = id === null ? await refreshList() : await refreshCall(id);
        say("");
      }
    } catch (problem) {
      if (problem.status === 401) return begin();
      if (problem.status === 404 && shownCall()) { location.hash = ""; return; }
      say(problem instanceof Problem ? problem.message : "The service cannot be reached; trying again.");
      soon = false;
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, soon ? SOON_MS : LATER_MS);
  }
  addEventListener("hashchange", refresh);
  document.addEventListener("visibilitychange", refresh);

  // Filters and pages.
  function from(change) { change(); cursors = []; refresh(); }
  const buttons = [...document.querySelectorAll(".filters button")];
  for (const button of buttons) button.addEventListener("click", () => from(() => {
    filter = { by: button.dataset.by || "", value: button.dataset.value };
    for (const b of buttons) b.setAttribute("aria-pressed", String(b === button));
  }));
  let typing = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => from(() => { name = $("search").value.trim(); }), 250);
  });
  $("older").addEventListener("click", () => { if (next !== null) { cursors.push(next); refresh(); } });
  $("newer").addEventListener("click", () => { cursors.pop(); refresh(); });

  // Uploads, one after the other; a place in the queue that is not free yet is waited for.
  const waiting = [];
  let sending = false;
  function enqueue(chosen) {
    if (!may("submit")) return;
    for (const file of chosen) {
      const said = make("span", { class: "note" }, "waits"), bar = make("progress", { max: "1", value: "0", "aria-label": `Upload of ${file.name}` });
      const stop = make("button", { type: "button", "aria-label": `Cancel ${file.name}` }, "Cancel");
      const item = make("li", {}, make("span", { class: "name" }, file.name), bar, said, stop);
      const key = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
      const one = { file, item, said, bar, stop, key, request: null, gone: false };
      stop.addEventListener("click", () => { one.gone = true; one.request?.abort(); item.remove(); });
      $("uploads").append(item);
      waiting.push(one);
    }
    send();
  }
  async function send() {
    if (sending) return;
    sending = true;
    for (let one = waiting.shift(); one; one = waiting.shift()) if (!one.gone) await upload(one);
    sending = false;
  }
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  function post(one) {
    return new Promise((done) => {
      const request = (one.request = new XMLHttpRequest()), body = new FormData();
      body.append("file", one.file, one.file.name);
      request.open("POST", "/v1/calls");
      request.setRequestHeader("Idempotency-Key", one.key);
      request.upload.addEventListener("progress", (e) => {
        if (!e.lengthComputable) return;
        one.bar.value = e.loaded / e.total;
        one.said.textContent = `${Math.floor((100 * e.loaded) / e.total)} %`;
      });
      request.addEventListener("loadend", () => done(request));
      request.send(body);
    });
  }
  async function upload(one) {
    let request = await post(one);
    while (request.status === 429 && !one.gone) {
      one.said.textContent = "the queue is full: it is sent again soon";
      await pause(1000 * Math.min(60, Number(request.getResponseHeader("retry-after")) || 10));
      if (!one.gone) request = await post(one);
    }
    if (one.gone) return;
    if (request.status >= 200 && request.status < 300) { one.item.remove(); refresh(); return; }
    let why = "it could not be sent: check the connection and send it again";
    try { why = JSON.parse(request.responseText).detail; } catch { /* no answer at all */ }
    one.bar.remove();
    one.stop.textContent = "Remove";
    one.said.textContent = why;
    one.item.classList.add("failed");
    if (request.status === 401) begin();
  }
  $("file").addEventListener("change", (e) => { enqueue([...e.target.files]); e.target.value = ""; });
  const hasFiles = (e) => [...(e.dataTransfer?.types || [])].includes("Files");
  let over = 0;
  const hover = (by) => { over = Math.max(0, over + by); $("drop").classList.toggle("over", over > 0); };
  addEventListener("dragenter", (e) => { if (hasFiles(e)) { e.preventDefault(); hover(1); } });
  addEventListener("dragleave", (e) => { if (hasFiles(e)) hover(-1); });
  addEventListener("dragover", (e) => { if (hasFiles(e)) e.preventDefault(); });
  addEventListener("drop", (e) => {
    if (!hasFiles(e)) return;
    e.preventDefault();
    hover(-over);
    enqueue([...e.dataTransfer.files]);
  });

  // Deleting, after a question.
  function remove(call) {
    const dialog = $("ask");
    $("ask-name").textContent = call.source;
    $("ask-yes").onclick = async () => {
      dialog.close();
      try {
        await ask(path(call.id), { method: "DELETE" });
        if (shownCall()) location.hash = "";
        else $("title").focus();
        await refresh();
        say("Deleted.");
      } catch (problem) {
        if (problem.status === 401) begin();
        else say(problem instanceof Problem ? problem.message : "The service cannot be reached.");
      }
    };
    dialog.showModal();
  }
  $("ask-no").addEventListener("click", () => $("ask").close());

  // Signing in and out.
  $("sign-in").addEventListener("submit", async (e) => {
    e.preventDefault();
    const key = $("key").value.trim();
    try {
      await ask("/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }) });
      $("key").value = "";
      say("");
      await begin();
      $("title").focus();
    } catch (problem) {
      say(problem instanceof Problem ? problem.message : "The service cannot be reached.");
      $("key").select();
    }
  });
  $("sign-out").addEventListener("click", async () => {
    await ask("/v1/session", { method: "DELETE" }).catch(() => null);
    location.hash = "";
    location.reload();
  });
  async function begin() {
    clearTimeout(timer);
    try { me = await ask("/v1/session"); } catch (problem) {
      say(problem instanceof Problem ? problem.message : "The service cannot be reached; trying again.");
      timer = setTimeout(begin, LATER_MS);
      return;
    }
    const known = me.scopes.length > 0;
    $("sign-in").hidden = known;
    $("who").hidden = !me.signed_in;
    $("who-name").textContent = me.tenant ? `${me.name}, ${me.tenant}` : me.name;
    $("drop").hidden = !may("submit");
    if (known) return refresh();
    $("overview").hidden = $("call").hidden = true;
    list([]);
    $("report").removeAttribute("src");
    $("key").focus();
  }
  begin();
})();
