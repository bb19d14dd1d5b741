// Puts times into the reader's zone and keeps the page fresh. Without it the page is complete.
"use strict";

const main = document.getElementById("main");
const note = document.getElementById("link");
const said = document.getElementById("announce");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "your zone";
const hour12 = Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hour12;

// The words of the page are English, so its dates are too; only the 12 or 24 hours are the reader's habit.
const write = (options) => new Intl.DateTimeFormat("en-GB", { hour: "numeric", minute: "2-digit", hour12, ...options });
const clock = write({});
const forms = {
  full: write({ weekday: "short", day: "numeric", month: "long", year: "numeric" }),
  brief: write({ day: "numeric", month: "short" }),
};
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "short" });
const tidy = (text) => text.replace(/^(\w+), /, "$1 ").replace(" at ", ", ");

function localise(root) {
  for (const when of root.querySelectorAll(".when:not([data-own])")) {
    const own = when.querySelector(".own");
    const [start, end] = when.querySelectorAll("time");
    const organiser = own.textContent.trim();
    const clockThere = start.textContent;
    const from = new Date(start.dateTime);
    const form = forms[when.dataset.as];
    when.dataset.own = organiser;
    start.textContent = tidy(form.format(from));
    if (end) {
      const until = new Date(end.dateTime);
      end.textContent = tidy((day.format(from) === day.format(until) ? clock : form).format(until));
    }
    own.querySelector(".place").textContent = when.dataset.as === "full" ? "your time" : "";
    if (start.textContent === clockThere) continue; // the reader is where the organiser is: UTC stays beside it
    const sameDay = start.textContent.startsWith(when.dataset.day) && when.dataset.short;
    when.querySelector(".also").textContent = sameDay ? when.dataset.short : organiser;
  }
}

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
  for (const el of fresh.querySelectorAll("[id]")) sent.set(el, el.outerHTML);
  reuse(fresh);
  localise(fresh);
  before.replaceWith(fresh);
  keep();
  if (holder && !document.contains(focused)) document.getElementById(holder.id)?.querySelector("a")?.focus({ preventScroll: true });
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

function progress(p) {
  const box = document.getElementById("progress-" + p.maintenance);
  if (!box) return;
  const bar = box.querySelector("progress");
  box.querySelector(".text").textContent = p.text;
  box.querySelector(".percent").textContent = p.percent === undefined ? "" : p.percent + "%";
  if (p.percent === undefined) bar.removeAttribute("value");
  else bar.value = p.percent;
  box.querySelector(".quiet")?.remove();
}

let lost = false;
function listen() {
  const seq = main.querySelector(".live").dataset.seq;
  const source = new EventSource(main.dataset.events + "?after=" + seq);
  source.addEventListener("open", () => {
    note.textContent = "Times are yours (" + zone.replaceAll("_", " ") + "). This page updates by itself.";
    if (lost) refresh(); // entries are sent again, progress is not
    lost = false;
  });
  source.addEventListener("entry", refresh);
  source.addEventListener("page", refresh);
  source.addEventListener("progress", (e) => progress(JSON.parse(e.data)));
  source.addEventListener("error", () => {
    lost = true;
    note.textContent = "Connection lost. Trying again.";
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
  });
}

remember(main);
localise(main);
if (window.EventSource) listen();
