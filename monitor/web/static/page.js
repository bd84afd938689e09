// Keeps an open page fresh, and reads a chart aloud. All of the page works without it.
"use strict";

const content = document.getElementById("content");

// Whoever is about to do something in the page keeps what is there until it is done.
function isBusy() {
  const here = document.activeElement;
  return document.hidden || (here !== null && content.contains(here) && here.matches("input, select, button"));
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    warn("critical", "The monitor does not answer: what is shown is as of the time above.");
  }
}

// What is shown is old from now on.
function warn(level, said) {
  const lost = document.getElementById("lost") ?? document.createElement("p");
  lost.id = "lost";
  lost.role = "alert";
  lost.className = `note ${level}`;
  if (lost.textContent !== said) lost.textContent = said;
  if (!lost.isConnected) content.prepend(lost);
}

// Puts what has just been read in the place of what was there, and keeps focus, scrolling and what is read of the chart.
function take(fresh) {
  if (isBusy()) {
    const change = fresh.title === document.title ? "" : ` Meanwhile: ${fresh.title}.`;
    warn("warning", `Not renewed while you are in a field: what is shown is as of the time above.${change}`);
    return;
  }
  const held = selector(document.activeElement);
  const scrolled = [...content.querySelectorAll(".scroll")].map((one) => one.scrollTop);
  const chart = read_of_chart();
  content.replaceChildren(...fresh.getElementById("content").childNodes);
  document.querySelector(".bar time").replaceWith(fresh.querySelector(".bar time"));
  document.title = fresh.title;
  document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").getAttribute("href");
  content.querySelectorAll(".scroll").forEach((one, index) => { one.scrollTop = scrolled[index] ?? 0; });
  if (held !== "") content.querySelector(held)?.focus({ preventScroll: true });
  follow(chart);
}

// How to find in the next page what has the focus in this one.
function selector(here) {
  if (here === null || !content.contains(here)) return "";
  if (here.id !== "") return `#${CSS.escape(here.id)}`;
  if (here.matches("a[href]")) return `a[href="${CSS.escape(here.getAttribute("href"))}"]`;
  const label = here.getAttribute("aria-labelledby");
  return label === null ? "" : `[tabindex][aria-labelledby="${CSS.escape(label)}"]`;
}

// -- the chart --------------------------------------------------------------------------------------------------------

let points = null;
let place = -1;

// What somebody has read of the chart, or null.
function read_of_chart() {
  const cursor = content.querySelector("#chart .cursor");
  if (cursor === null || cursor.hidden || points === null) return null;
  return { points, place, said: document.querySelector(".said").textContent, left: cursor.style.left };
}

function follow(before) {
  const chart = document.getElementById("chart");
  points = null;
  place = -1;
  if (chart === null) return;
  if (before !== null) {
    ({ points, place } = before);
    document.querySelector(".said").textContent = before.said;
    const cursor = chart.querySelector(".cursor");
    cursor.style.left = before.left;
    cursor.hidden = false;
  }
  chart.addEventListener("pointermove", (event) => point(chart, event));
  chart.addEventListener("pointerleave", () => leave(chart));
  chart.addEventListener("keydown", (event) => step(chart, event));
  chart.addEventListener("blur", () => leave(chart));
}

// The values, asked for once: a promise, so that a sweep of the pointer is one request.
function read(chart) {
  points ??= fetch(chart.dataset.points).then(async (answer) => {
    if (!answer.ok) return [];
    const { points: every, step_seconds: length } = await answer.json();
    return every.filter((one) => one.last !== null).map((one) => ({ ...one, length: length * 1000 }));
  }).catch(() => []);
  return points;
}

// Where the plot lies in the picture that is shown, wide or narrow.
function frame(chart) {
  const shown = [...chart.querySelectorAll("[data-plot]")].find((one) => one.offsetParent !== null);
  return { box: shown.querySelector("svg").getBoundingClientRect(), ...JSON.parse(shown.dataset.plot) };
}

async function point(chart, event) {
  const known = await read(chart);
  if (!chart.isConnected) return;
  const at = frame(chart);
  const share = ((event.clientX - at.box.left) / at.box.width - at.left) / (at.right - at.left);
  const when = at.since + share * (at.until - at.since);
  const distance = (one) => Math.abs(Date.parse(one.at) + one.length / 2 - when);
  let best = -1;
  known.forEach((one, index) => { if (best < 0 || distance(one) < distance(known[best])) best = index; });
  show(chart, known, best);
}

async function step(chart, event) {
  const ways = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
  if (!(event.key in ways)) return;
  event.preventDefault();
  const known = await read(chart);
  if (!chart.isConnected) return;
  const from = place < 0 ? known.length : place;
  show(chart, known, Math.min(Math.max(from + ways[event.key], 0), known.length - 1));
}

function show(chart, known, index) {
  if (index < 0 || index >= known.length) return;
  place = index;
  const { at, min, max, last, length } = known[index];
  const zone = { timeZone: chart.dataset.zone };
  const full = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", ...zone });
  const hours = new Intl.DateTimeFormat("sv-SE", { timeStyle: "short", ...zone });
  const begin = Date.parse(at), end = begin + length;
  const until = length > 60_000 ? ` to ${(length < 86_400_000 ? hours : full).format(new Date(end))}` : "";
  const range = min === max ? "" : `, from $${min} to $${max} in that time`;
  document.querySelector(".said").textContent = `${full.format(new Date(begin))}${until}: $${last}${range}`;
  const plot = frame(chart);
  const share = Math.min(Math.max((begin + length / 2 - plot.since) / (plot.until - plot.since), 0), 1);
  const cursor = chart.querySelector(".cursor");
  cursor.style.left = `${(plot.left + share * (plot.right - plot.left)) * plot.box.width}px`;
  cursor.hidden = false;
}

function leave(chart) {
  chart.querySelector(".cursor").hidden = true;
}

follow(null);
setInterval(refresh, Number(content.dataset.every) * 1000);
document.addEventListener("visibilitychange", refresh);
