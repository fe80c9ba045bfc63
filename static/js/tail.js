// The live tail: asks for what came after the newest row it knows whenever the archive has changed, and puts it above the
// others. It never moves what somebody reads: new rows are gathered then and counted. At most two questions a second.
import { say } from "./say.js";

const REST = 500; // least time between two questions
const QUIET = 15_000; // a signal can be lost: after so long it asks by itself
const OVERLAP = 10 * 2 ** 14; // rows may come so much late (archive/tail.py); a row's number counts 2^14 to a second
const FIRST = 50; // rows of a full page when it is opened (archive/tail.py)
const HAVE_MOST = 400;
const BEHIND = 1000; // there are newer rows than those told: asked for after so long
const WAIT_MOST = 30_000;

const bar = document.getElementById("live");
const number = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const ridOf = (row) => Number(row.id.slice(1));

class Tail {
  constructor(root) {
    this.root = root;
    this.mark = Number(root.dataset.mark);
    this.kept = Number(root.dataset.kept);
    const first = this.rows().map(ridOf);
    // Nothing at or before it is asked for: rows that were left out, or older ones than a full page was opened with.
    this.floor = first.length >= FIRST ? first.at(-1) - 1 : 0;
    this.seen = new Set(first);
    this.held = []; // rows that wait until nobody reads
    this.dropped = 0;
    this.isDroppedMore = false;
    this.away = 0;
    this.fails = 0;
    this.isOver = false;
    this.isAsking = false;
    this.askedAt = Date.now();
    this.timer = 0;
    this.wasPaused = false;
    this.listen();
    setInterval(() => this.quiet(), 1000);
  }

  listen() {
    document.body.addEventListener("live:archive", () => this.ask());
    document.body.addEventListener("live-paused:archive", () => this.count());
    document.addEventListener("visibilitychange", () => this.quiet());
    document.querySelector("[data-tail-new] button").addEventListener("click", () => this.toTop());
    const free = () => { if (this.held.length) requestAnimationFrame(() => this.show()); };
    this.root.addEventListener("mouseleave", free);
    this.root.addEventListener("focusout", free);
    document.addEventListener("scroll", free, { passive: true });
    document.addEventListener("selectionchange", free);
    new MutationObserver(() => this.paused()).observe(bar, { attributes: true, attributeFilter: ["data-state"] });
    this.paused();
  }

  part(name) { return document.querySelector(`[data-tail-${name}]`); }
  body() { return this.root.querySelector("tbody"); }
  rows() { return [...this.root.querySelectorAll("tbody tr[id]")]; }
  get isPaused() { return bar.dataset.state === "paused"; }

  // -- asking --

  ask() {
    if (this.isOver || this.isPaused || document.visibilityState !== "visible") return;
    const rest = this.askedAt + this.pace() - Date.now();
    if (this.isAsking || rest > 0) {
      if (!this.isAsking) this.later(rest);
      else this.isAgain = true;
      return;
    }
    this.get({ after: this.mark, floor: this.floor, have: this.have() }, (text) => this.take(text));
  }

  count() {
    if (this.isOver || !this.isPaused || this.isAsking) return;
    this.get({ after: this.mark, count: 1 }, (text) => {
      const waits = JSON.parse(text);
      if (this.isPaused) this.part("waits").textContent = waits.count ? waits.word : this.part("waits").dataset.word;
    });
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), wait);
  }

  pace() { return this.fails ? Math.min(WAIT_MOST, 1000 * 2 ** this.fails) : REST; }

  quiet() {
    if (Date.now() - this.askedAt <= QUIET) return;
    if (this.isPaused) this.count();
    else this.ask();
  }

  // How far before the mark the rows are that it has: what came late is whatever else is there.
  have() {
    const least = Math.max(this.floor, this.mark - OVERLAP);
    for (const rid of this.seen) if (rid < this.mark - 4 * OVERLAP) this.seen.delete(rid);
    const known = [...this.seen].filter((rid) => rid > least && rid <= this.mark).sort((a, b) => b - a);
    return known.slice(0, HAVE_MOST).map((rid) => (this.mark - rid).toString(36)).join(".");
  }

  async get(values, done) {
    this.isAsking = true;
    this.askedAt = Date.now();
    const query = new URLSearchParams({ q: this.root.dataset.q, ...values });
    try {
      const answer = await fetch(`${this.root.dataset.tail}?${query}`, { headers: { "HX-Request": "true", "X-Live": "1" }, cache: "no-store", redirect: "manual" });
      if ([401, 403, 404, 422].includes(answer.status) || answer.type === "opaqueredirect" || answer.headers.has("HX-Redirect")) return this.over();
      if (!answer.ok) throw new Error(String(answer.status));
      done(await answer.text());
      this.fails = 0;
    } catch {
      this.fails += 1;
      this.later(this.pace());
    } finally {
      this.isAsking = false;
      this.tell();
    }
    if (this.isAgain) {
      this.isAgain = false;
      this.ask();
    }
  }

  over() {
    this.isOver = true;
    const place = this.part("over");
    place.lastElementChild.textContent = place.dataset.word;
    say(place.dataset.word);
  }

  // -- rows --

  take(text) {
    const answer = new DOMParser().parseFromString(text, "text/html");
    const found = answer.querySelector("[data-news]");
    if (!found) throw new Error("no rows");
    const source = answer.querySelector("[data-tail-source]");
    if (source) this.part("source").replaceWith(document.adoptNode(source));
    const rows = [...found.querySelectorAll("tbody tr[id]")].filter((row) => !this.seen.has(ridOf(row)));
    const left = Number(found.dataset.left);
    if (left) {
      this.dropped += left;
      this.isDroppedMore ||= "more" in found.dataset;
      if (rows.length) this.floor = ridOf(rows.at(-1)) - 1;
    }
    this.mark = Math.max(this.mark, Number(found.dataset.mark));
    if ("behind" in found.dataset) this.later(BEHIND);
    if (!rows.length) return;
    for (const row of rows) this.seen.add(ridOf(row));
    this.frame ??= found.querySelector("table");
    this.held = [...this.held, ...rows.map((row) => document.adoptNode(row))].sort((a, b) => ridOf(b) - ridOf(a));
    this.away += this.held.splice(this.kept).length;
    this.show();
  }

  // Somebody reads here: has gone down, marks text, points at a row or is on one.
  isRead() {
    const body = this.body();
    if (!body) return false;
    const first = body.firstElementChild;
    if (first && first.getBoundingClientRect().top < 48) return true;
    if (body.matches(":hover") || body.contains(document.activeElement)) return true;
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && selection.rangeCount && selection.getRangeAt(0).intersectsNode(body));
  }

  show(isWanted = false) {
    if (this.held.length && !this.isPaused && (isWanted || !this.isRead())) {
      this.put(this.held);
      this.held = [];
    }
    this.tell();
  }

  put(news) {
    if (!this.body()) { // the first rows ever: with their table
      const table = this.frame;
      table.querySelector("tbody").replaceChildren();
      this.root.querySelector("[data-news]").replaceChildren(table);
    }
    const body = this.body();
    let next = body.firstElementChild;
    for (const row of news) {
      while (next && ridOf(next) > ridOf(row)) next = next.nextElementSibling;
      body.insertBefore(row, next);
    }
    while (body.childElementCount > this.kept) {
      body.lastElementChild.remove();
      this.away += 1;
    }
  }

  toTop() {
    window.scrollTo({ top: 0, behavior: "instant" });
    this.show(true);
  }

  // -- what the lines say --

  paused() {
    const now = this.isPaused;
    const button = this.part("pause");
    button.setAttribute("aria-pressed", String(now));
    for (const half of button.querySelectorAll("[data-when]")) half.hidden = (half.dataset.when === "paused") !== now;
    if (now && !this.wasPaused) this.count();
    if (!now && this.wasPaused) {
      this.part("waits").textContent = this.part("waits").dataset.word;
      this.show();
      this.ask();
    }
    this.wasPaused = now;
  }

  tell() {
    this.word("dropped", this.dropped, this.isDroppedMore ? "wordMore" : "word");
    this.word("away", this.away);
    this.part("failed").hidden = !this.fails;
    this.part("over").hidden = !this.isOver;
    this.part("pause").disabled = this.isOver;
    this.part("source").hidden = this.isOver;
    this.root.classList.toggle("is-stale", Boolean(this.fails) || this.isOver);
    const rows = this.part("rows");
    rows.textContent = number(this.rows().length);
    const news = this.part("new");
    const held = this.isPaused ? 0 : this.held.length;
    if (news.hidden && held) say(this.filled(news.firstElementChild.dataset.word, held));
    news.hidden = !held;
    news.querySelector("span").textContent = this.filled(news.firstElementChild.dataset.word, held);
  }

  word(name, count, word = "word") {
    const place = this.part(name);
    place.hidden = !count;
    const text = this.filled(place.dataset[word], count);
    (place.lastElementChild ?? place).textContent = name === "away" ? ` · ${text}` : text;
  }

  filled(template, count) { return template.replace("{n}", number(count)); }
}

const root = document.querySelector("[data-tail]");
if (root && bar) new Tail(root);
