"use strict";
// Publishes by WHIP (RFC 9725), reads the call's events, and draws what they say. Nothing leaves for anywhere but the
// service this page comes from.
const settings = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const outcomes = Object.fromEntries(settings.outcomes);
const SVG = "http://www.w3.org/2000/svg";
let session = null;

const say = (text) => { at("state").textContent = text; };
const headers = (more) => {
  const key = at("key").value.trim();
  return { ...more, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
};
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const percent = (p) => (typeof p === "number" ? `${Math.round(p * 100)} %` : "–");

/** What a refusal says. */
async function reason(response) {
  const body = await response.json().catch(() => null);
  return body?.detail ?? `the service answered ${response.status}`;
}

async function capture() {
  const picture = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  // The voice is judged by its finest traces: the browser is not to clean them away.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  if (at("source").value === "camera") return navigator.mediaDevices.getUserMedia({ video: picture, audio });
  return navigator.mediaDevices.getDisplayMedia({ video: true, audio });
}

/** All addresses at once: the service takes no trickle. */
function gathered(peer) {
  return new Promise((done) => {
    if (peer.iceGatheringState === "complete") return done();
    setTimeout(done, 2000);
    peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && done());
  });
}

async function publish(stream) {
  const peer = new RTCPeerConnection();
  for (const track of stream.getTracks()) {
    const { sender } = peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    if (track.kind !== "video") continue;
    // A smaller picture hides what is looked for; fewer frames do less harm.
    const parameters = sender.getParameters();
    parameters.degradationPreference = "maintain-resolution";
    await sender.setParameters(parameters).catch(() => {});
  }
  await peer.setLocalDescription();
  await gathered(peer);
  const type = { "Content-Type": "application/sdp" };
  const answer = await fetch("/v1/live", { method: "POST", headers: headers(type), body: peer.localDescription.sdp });
  if (answer.status !== 201) {
    peer.close();
    throw new Error(await reason(answer));
  }
  const place = answer.headers.get("Location");
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  return { peer, place, id: place.split("/").pop() };
}

/** Server-sent events by fetch, as those can show a key. */
async function* events(id) {
  const response = await fetch(`/v1/calls/${id}/events`, { headers: headers({ Accept: "text/event-stream" }) });
  if (!response.ok) throw new Error(await reason(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const event of whole) {
      const line = (name) => event.split("\n").find((l) => l.startsWith(`${name}:`))?.slice(name.length + 1).trim();
      if (line("data")) yield { name: line("event"), data: JSON.parse(line("data")) };
    }
  }
}

function part(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function mark(element, alarm) {
  element.classList.toggle("alarm", alarm);
}

function frame(record) {
  const alarms = (p) => typeof p === "number" && p >= settings.alarm_at;
  const boxes = record.faces.map((face) => {
    const [x, y, w, h] = face.box_px;
    const group = part("g", alarms(face.p_masked) ? { class: "alarm" } : {});
    const size = Math.max(14, (session?.height ?? 720) / 28);
    const score = face.p_masked === null ? "not scored" : percent(face.p_masked);
    group.append(
      part("rect", { x, y, width: w, height: h }),
      part("text", { class: "label", x, y: Math.max(size, y - size / 3), "font-size": size }, `${face.track}: ${score}`),
    );
    return group;
  });
  at("boxes").replaceChildren(...boxes);
  const fused = record.fused?.p_masked;
  at("fused").textContent = percent(fused);
  mark(at("fused"), alarms(fused));
  at("faces").textContent = String(record.faces.length);
  at("voice").textContent = percent(record.voice?.p_masked);
  at("clock").textContent = clock(record.pts_s);
}

function event(record) {
  at("quiet")?.remove();
  const [item, time, what] = ["li", "time", "span"].map((name) => document.createElement(name));
  time.textContent = clock(record.start_s);
  what.textContent = record.kind.replaceAll("_", " ");
  what.className = record.class;
  item.append(time, what, ` ${record.class === "sign" ? "a sign" : "look here"}: ${record.why}`);
  at("events").append(item);
}

function told(record) {
  if (record.type === "start") {
    const { width = 1280, height = 720 } = record.source.video ?? {};
    session.height = height;
    at("boxes").setAttribute("viewBox", `0 0 ${width} ${height}`);
    say("Running: the analysis has begun.");
  } else if (record.type === "frame") frame(record);
  else if (record.type === "event") event(record);
  else if (record.type === "verdict") {
    at("finding").textContent = outcomes[record.overall.result] ?? record.overall.result;
    mark(at("finding"), record.overall.result === "signs_found");
  }
}

/** Follows a call to its end, and offers its report. */
async function follow(id) {
  for await (const { name, data } of events(id)) {
    if (name === "record") told(data);
    if (name !== "end") continue;
    if (data.state !== "done") throw new Error(data.error ?? "it could not be analysed");
    const report = await fetch(`/v1/calls/${id}/report.html`, { headers: headers() });
    if (!report.ok) throw new Error(await reason(report));
    at("report").href = URL.createObjectURL(await report.blob());
    at("report").download = `interview-${id.slice(0, 8)}.html`;
    at("report").hidden = false;
    say("Ended. The report is ready.");
    return;
  }
  throw new Error("the connection to the service broke off");
}

function running(is) {
  at("start").hidden = is;
  at("stop").hidden = !is;
  for (const id of ["source", "key"]) at(id).disabled = is;
}

/** Ends the publishing; the report follows. */
function hangUp(last = false) {
  if (!session || session.over) return;
  session.over = true;
  at("stop").hidden = true;
  fetch(session.place, { method: "DELETE", headers: headers(), keepalive: last }).catch(() => {});
  session.peer.close();
  session.stream.getTracks().forEach((track) => track.stop());
}

function stop() {
  hangUp();
  say("Ended: the report is being written.");
}

async function start() {
  at("report").hidden = true;
  at("finding").textContent = "at the end";
  running(true);
  let stream = null;
  try {
    say("Waiting for the camera or the screen.");
    stream = await capture();
    at("view").srcObject = stream;
    say("Connecting.");
    session = { stream, ...(await publish(stream)) };
    say("Connected: the networks are being loaded.");
    stream.getTracks().forEach((track) => track.addEventListener("ended", stop));
    await follow(session.id);
  } catch (error) {
    say(`It ended: ${error.message}`);
  }
  hangUp();
  stream?.getTracks().forEach((track) => track.stop());
  at("view").srcObject = null;
  at("boxes").replaceChildren();
  session = null;
  running(false);
}

let asked = 0;
function ask(step) {
  const all = settings.challenges;
  asked = (asked + step + all.length) % all.length;
  at("say").textContent = all[asked].say;
  at("why").textContent = all[asked].why;
  at("look").textContent = all[asked].look_for;
  at("which").textContent = `${asked + 1} of ${all.length}`;
}

function read() {
  speechSynthesis.cancel();
  const words = new SpeechSynthesisUtterance(settings.challenges[asked].say);
  words.lang = "en";
  speechSynthesis.speak(words);
}

at("controls").addEventListener("submit", (e) => { e.preventDefault(); if (!session) start(); });
at("stop").addEventListener("click", stop);
at("back").addEventListener("click", () => ask(-1));
at("next").addEventListener("click", () => ask(1));
at("read").addEventListener("click", read);
at("read").hidden = !("speechSynthesis" in window);
addEventListener("pagehide", () => hangUp(true));
if (!navigator.mediaDevices) say("This browser gives the camera only to pages of this machine or over TLS (https).");
