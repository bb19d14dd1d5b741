// Puts times into the reader's zone and keeps the page fresh. Without it the page is complete.
"use strict";

const main = document.getElementById("main");
const note = document.getElementById("link");
const said = document.getElementById("announce");
const words = JSON.parse(document.getElementById("words").textContent);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const hour12 = Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hour12;

// Dates are written as the server writes them, in the page's language; only the 12 or 24 hours are the reader's habit.
const fill = (text, places) => text.replace(/\{(\w+)\}/g, (whole, name) => places[name] ?? whole);
const hours = new Intl.DateTimeFormat(words.lang, { hour: "numeric", minute: "2-digit", hour12: true });
const pad = (n) => String(n).padStart(2, "0");
const clock = (t) => (hour12 ? hours.format(t) : pad(t.getHours()) + ":" + pad(t.getMinutes()));
const day = (pattern, t) => fill(pattern, {
  weekday: words.weekdays[t.getDay()], day: t.getDate(), month: words.months[t.getMonth()], mon: words.mons[t.getMonth()], m: t.getMonth() + 1, year: t.getFullYear(),
});
const at = (pattern, t) => fill(words.at, { date: day(pattern, t), time: clock(t) });

// pattern is the one that the server chose for its own day.
function pattern(when) {
  if (when.dataset.as === "full") return words.full;
  return /\d{4}/.test(when.dataset.day) ? words.year : words.brief;
}

function localise(root) {
  for (const when of root.querySelectorAll(".when:not([data-own])")) {
    const own = when.querySelector(".own");
    const [start, end] = when.querySelectorAll("time");
    const from = new Date(start.dateTime);
    const form = pattern(when);
    const organiser = own.textContent.trim();
    const there = start.textContent;
    when.dataset.own = organiser;
    start.textContent = at(form, from);
    if (end) {
      const until = new Date(end.dateTime);
      end.textContent = day(form, from) === day(form, until) ? clock(until) : at(form, until);
    }
    own.querySelector(".place").textContent = when.dataset.as === "full" ? words.yours : "";
    if (start.textContent === there) continue; // the reader is where the organiser is: UTC stays beside it
    const sameDay = day(form, from) === when.dataset.day && when.dataset.short;
    when.querySelector(".also").textContent = sameDay ? when.dataset.short : organiser;
  }
  countdown(root);
}

const relative = new Intl.RelativeTimeFormat(words.lang, { numeric: "always" });
function countdown(root) {
  for (const count of root.querySelectorAll(".count")) {
    const minutes = Math.ceil((new Date(count.dataset.until) - Date.now()) / 60000);
    const [n, unit] = minutes >= 2880 ? [minutes / 1440, "day"] : minutes >= 120 ? [minutes / 60, "hour"] : [minutes, "minute"];
    count.textContent = minutes > 0 ? fill(words.starts, { in: relative.format(Math.floor(n), unit) }) : "";
  }
}
setInterval(() => countdown(main), 20000);

// Elements with an id are kept as long as the server sends the same for them, so
// that what a reader selects, focuses or listens to does not go away under them.
const sent = new WeakMap();
function remember(root) {
  for (const el of root.querySelectorAll("[id]")) sent.set(el, el.outerHTML);
}
function reuse(fresh) {
  for (const el of [...fresh.children]) {
    const old = el.id && document.getElementById(el.id);
    if (old && main.contains(old) && sent.get(old) === el.outerHTML) el.replaceWith(old);
    else reuse(el);
  }
}

// What a reader has opened stays open, also where the server says something new in it.
function unfold(fresh) {
  for (const el of main.querySelectorAll("details[id][open]")) {
    const next = fresh.querySelector("#" + CSS.escape(el.id));
    if (next) next.open = true;
  }
}

// What the reader looks at stays where it is when something is put in above it.
function anchor() {
  if (scrollY === 0) return () => {};
  const first = [...main.querySelectorAll("[id]")].find((el) => el.getBoundingClientRect().top >= 0);
  if (!first) return () => {};
  const top = first.getBoundingClientRect().top;
  return () => {
    const now = document.getElementById(first.id);
    if (now) scrollBy(0, now.getBoundingClientRect().top - top);
  };
}

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector(".live");
  if (!fresh) return;
  const before = main.querySelector(".live");
  const keep = anchor();
  const focused = document.activeElement;
  const holder = focused && main.contains(focused) ? focused.closest("[id]") : null;
  document.adoptNode(fresh);
  remember(fresh);
  reuse(fresh);
  unfold(fresh);
  localise(fresh);
  before.replaceWith(fresh);
  keep();
  if (holder && !document.contains(focused)) document.getElementById(holder.id)?.querySelector("a, summary")?.focus({ preventScroll: true });
  else if (holder) focused.focus({ preventScroll: true });
  document.title = fresh.dataset.title;
  if (before.dataset.say !== fresh.dataset.say) said.textContent = fresh.dataset.say;
}

let asked = 0;
let pending = false;
async function refresh() {
  if (pending) { asked++; return; }
  pending = true;
  try {
    const answer = await fetch(location.pathname, { cache: "no-cache" });
    if (answer.ok) swap(await answer.text());
  } catch { /* the next event, or the next connection, asks again */ }
  pending = false;
  if (asked) { asked = 0; refresh(); }
}

// Everybody hears of an entry in the same moment. They ask for the page spread over two seconds, and once for what comes together.
let due = 0;
function refreshSoon() {
  due ||= setTimeout(() => { due = 0; refresh(); }, Math.random() * 2000);
}

function progress(p) {
  const box = document.getElementById("progress-" + p.maintenance);
  if (!box) return;
  const bar = box.querySelector("progress");
  box.querySelector(".text").textContent = p.text;
  box.querySelector(".percent").textContent = p.percent === undefined ? "" : fill(words.percent, { n: p.percent });
  if (p.percent === undefined) bar.removeAttribute("value");
  else bar.value = p.percent;
  box.querySelector(".quiet")?.remove();
}

const yours = (text) => fill(text, { zone: zone.replaceAll("_", " ") });

let heard = false; // a page from a file has nobody who tells it anything: it looks for itself
let lost = false;
function listen() {
  const seq = main.querySelector(".live").dataset.seq;
  const source = new EventSource(main.dataset.events + "?after=" + seq);
  source.addEventListener("open", () => {
    note.textContent = yours(words.times);
    heard = true;
    if (lost) refreshSoon(); // entries are sent again, progress is not
    lost = false;
  });
  source.addEventListener("entry", refreshSoon);
  source.addEventListener("page", refreshSoon);
  source.addEventListener("progress", (e) => progress(JSON.parse(e.data)));
  source.addEventListener("error", () => {
    lost = true;
    note.textContent = heard ? words.lost : yours(words.still);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); listen(); }, heard ? 10000 : 60000);
  });
}

remember(main);
localise(main);
if (main.dataset.events && window.EventSource) listen();
else note.textContent = yours(words.still);
