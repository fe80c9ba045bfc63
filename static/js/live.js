// Live updates: one socket a page tells that something changed (a topic and a version, never content); parts that follow
// it ask for themselves. The bar at the top (#live) says how current the page is, and pauses it. Works without: pages
// are complete when they arrive.
import { say } from "./say.js";
import { parts, topicsOf } from "./live-parts.js";

const FIRE_EVERY = 1000;
const PING_AFTER = 25_000;
const DEAD_AFTER = 40_000;
const GRACE = 8000; // until the first look must have been told
const HIDDEN_LOOKS = 60_000; // a hidden page counts as looked at for so long
const [SIGNED_OUT, NOT_ALLOWED, TRY_LATER] = [4401, 4403, 1013];

const seen = new Map(); // topic -> newest version known
const due = new Set(); // topics that parts should ask about as soon as they may
const fired = new Map(); // topic -> when last fired
let socket = null;
let tries = 0;
let wasWatching = false;
let ended = ""; // "signed-out" or "refused": no way back without the person
let isPaused = false;
let waits = 0;
let heardAt = 0;
let watchedSince = 0;
let lastAt = 0; // of the newest look ever told
let watched = ""; // the topics the server knows of
let look = null; // {at, every, heardAt} of the poller's newest look
let shown = "";
let retry = 0;
let flushing = 0;
let hidden = 0;
let telling = 0;
const waited = new Set(); // topics told while paused

const bar = () => document.getElementById("live");
const topics = () => [...new Set(parts().flatMap(topicsOf))].sort();
const isVisible = () => document.visibilityState === "visible";
const send = (frame) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));

// -- the socket --

function connect() {
  clearTimeout(retry);
  if (!bar() || ended || !topics().length || (socket && socket.readyState <= WebSocket.OPEN)) return;
  const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`);
  socket = mine;
  heardAt = Date.now();
  mine.addEventListener("open", watch);
  mine.addEventListener("message", (event) => { if (mine === socket) receive(JSON.parse(event.data)); });
  mine.addEventListener("close", (event) => { if (mine === socket) lost(event.code); });
}

function watch() {
  watched = topics().join(" ");
  send({ watch: bar().dataset.cluster, topics: topics() });
  if (!isVisible()) send({ looking: false });
}
function lost(code) {
  socket = null;
  look = null;
  if (code === SIGNED_OUT) ended = "signed-out";
  else if (code === NOT_ALLOWED) ended = "refused";
  else plan(code);
  show();
}

function plan(code) {
  if (!isVisible()) return; // asleep: when somebody looks again
  // A restarted server must not meet everybody at once.
  const base = code === TRY_LATER ? 10_000 : Math.min(30_000, 700 * 2 ** tries);
  tries += 1;
  clearTimeout(retry);
  retry = setTimeout(connect, base * (0.4 + Math.random()));
}

function reconnect() {
  const old = socket;
  socket = null;
  old?.close();
  connect();
}

function receive(frame) {
  heardAt = Date.now();
  if ("watching" in frame) {
    tries = 0;
    watchedSince = Date.now();
    if (wasWatching) missed();
    wasWatching = true;
  }
  if (frame.looked) {
    const wasStale = shown === "stale";
    look = { at: frame.looked[0], every: frame.looked[1], heardAt: Date.now() };
    if (wasStale) missed();
  }
  if (frame.changed) changed(frame.changed);
  show();
}

// -- signals --

function missed() {
  for (const topic of topics()) due.add(topic);
  flush();
}

function changed(news) {
  const known = new Set(topics());
  for (const [topic, version] of Object.entries(news)) {
    if (seen.get(topic) === version || !known.has(topic)) continue;
    seen.set(topic, version);
    due.add(topic);
    waits += 1;
    if (isPaused) waited.add(topic);
  }
  flush();
  if (waited.size) telling ||= setTimeout(tellWaiting, 700);
}

// A part may count what waits while the page is paused.
function tellWaiting() {
  telling = 0;
  if (isPaused) for (const topic of waited) document.body.dispatchEvent(new CustomEvent(`live-paused:${topic}`));
  waited.clear();
}

function flush() {
  clearTimeout(flushing);
  if (isPaused || !isVisible()) return;
  waits = 0;
  const now = Date.now();
  let next = Infinity;
  for (const topic of due) {
    const wait = (fired.get(topic) ?? 0) + FIRE_EVERY - now;
    if (wait > 0) { next = Math.min(next, wait); continue; }
    due.delete(topic);
    fired.set(topic, now);
    document.body.dispatchEvent(new CustomEvent(`live:${topic}`));
  }
  if (next < Infinity) flushing = setTimeout(flush, next);
}

// -- what the bar says --

function state() {
  if (ended) return ended;
  if (isPaused) return "paused";
  if (!socket || !wasWatching || socket.readyState !== WebSocket.OPEN) return wasWatching ? "reconnecting" : "connecting";
  if (look ? Date.now() - look.heardAt > 3 * look.every + 1000 : Date.now() - watchedSince > GRACE) return "stale";
  return "live";
}

function clock(at) {
  const zone = bar().dataset.zone || undefined;
  try {
    return new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone }).format(at);
  } catch {
    return new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" }).format(at);
  }
}

function show() {
  const place = bar();
  if (!place) return;
  place.hidden = !topics().length;
  const now = state();
  if (look) lastAt = look.at;
  for (const word of place.querySelectorAll("[data-live-show]")) word.hidden = word.dataset.liveShow !== now;
  for (const time of place.querySelectorAll("time")) {
    time.hidden = !lastAt;
    if (lastAt) [time.dateTime, time.textContent] = [new Date(lastAt).toISOString(), clock(lastAt)];
  }
  for (const count of place.querySelectorAll("[data-live-waits]")) {
    count.hidden = !waits;
    count.querySelector("b").textContent = waits > 999 ? "999+" : String(waits);
  }
  place.dataset.state = now;
  const button = place.querySelector("[data-live-pause]");
  button.hidden = Boolean(ended);
  button.setAttribute("aria-pressed", String(isPaused));
  for (const icon of button.querySelectorAll("[data-when]")) icon.hidden = (icon.dataset.when === "paused") !== isPaused;
  if (now !== shown && ["stale", "reconnecting", "paused", "signed-out"].includes(now) && shown) {
    say(place.querySelector(`[data-live-show="${now}"]`)?.textContent.trim().replace(/\s+/g, " ") ?? "");
  }
  shown = now;
}

export function pause() {
  if (!bar() || bar().hidden || ended) return false;
  isPaused = !isPaused;
  if (!isPaused) flush();
  show();
  return true;
}

document.addEventListener("click", (event) => { if (event.target.closest("[data-live-pause]")) pause(); });

// -- the course of time --

document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (!isVisible()) {
    hidden = setTimeout(() => send({ looking: false }), HIDDEN_LOOKS);
    return;
  }
  tries = 0;
  if (!socket) connect();
  else if (Date.now() - heardAt > DEAD_AFTER) reconnect(); // slept longer than a server waits
  else send({ looking: true });
  flush();
  show();
});
window.addEventListener("online", () => { tries = 0; if (!socket && isVisible()) connect(); });
window.addEventListener("pageshow", (event) => { if (event.persisted) reconnect(); });

setInterval(() => {
  if (!bar()) return;
  const silent = Date.now() - heardAt;
  if (socket?.readyState === WebSocket.OPEN && isVisible()) {
    if (silent > DEAD_AFTER) reconnect();
    else if (silent > PING_AFTER) send({ ping: 1 });
  }
  show();
}, 1000);

document.addEventListener("htmx:load", () => {
  const now = topics().join(" ");
  if (!socket) connect();
  else if (now && now !== watched) watch();
  show();
});

connect();
show();
