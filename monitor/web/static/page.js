// Keeps an open page fresh, and reads a chart aloud. All of the page works without it.
"use strict";

const content = document.getElementById("content");

function isBusy() {
  const here = document.activeElement;
  return document.hidden || (here !== null && content.contains(here) && here.matches("input, select, button"));
}

async function refresh() {
  if (isBusy()) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    mourn();
  }
}

// What is shown is old from now on.
function mourn() {
  if (document.getElementById("lost") !== null) return;
  const lost = document.createElement("p");
  lost.id = "lost";
  lost.role = "alert";
  lost.className = "note critical";
  lost.textContent = "The monitor does not answer: what is shown is as of the time above.";
  content.prepend(lost);
}

// Puts what has just been read in the place of what was there, and keeps the focus where it was.
function take(fresh) {
  if (isBusy()) return;
  const held = document.activeElement === null ? "" : document.activeElement.id;
  content.replaceChildren(...fresh.getElementById("content").childNodes);
  document.querySelector(".bar time").replaceWith(fresh.querySelector(".bar time"));
  document.title = fresh.title;
  document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").getAttribute("href");
  if (held !== "") document.getElementById(held)?.focus({ preventScroll: true });
  follow();
}

// -- the chart --------------------------------------------------------------------------------------------------------

let points = [];
let place = -1;

function follow() {
  const chart = document.getElementById("chart");
  points = [];
  place = -1;
  if (chart === null) return;
  chart.addEventListener("pointermove", (event) => point(chart, event));
  chart.addEventListener("pointerleave", () => leave(chart));
  chart.addEventListener("keydown", (event) => step(chart, event));
  chart.addEventListener("blur", () => leave(chart));
}

async function read(chart) {
  if (points.length > 0) return;
  const answer = await fetch(chart.dataset.points);
  if (answer.ok) points = (await answer.json()).points.filter((one) => one.last !== null);
}

// Where the plot lies in the picture that is shown, wide or narrow.
function frame(chart) {
  const shown = [...chart.querySelectorAll("[data-plot]")].find((one) => one.offsetParent !== null);
  return { box: shown.querySelector("svg").getBoundingClientRect(), ...JSON.parse(shown.dataset.plot) };
}

async function point(chart, event) {
  await read(chart);
  const at = frame(chart);
  const share = ((event.clientX - at.box.left) / at.box.width - at.left) / (at.right - at.left);
  const when = at.since + share * (at.until - at.since);
  let best = -1;
  points.forEach((one, index) => {
    if (best < 0 || Math.abs(Date.parse(one.at) - when) < Math.abs(Date.parse(points[best].at) - when)) best = index;
  });
  show(chart, best);
}

async function step(chart, event) {
  const ways = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
  if (!(event.key in ways)) return;
  event.preventDefault();
  await read(chart);
  const from = place < 0 ? points.length : place;
  show(chart, Math.min(Math.max(from + ways[event.key], 0), points.length - 1));
}

function show(chart, index) {
  if (index < 0 || index >= points.length) return;
  place = index;
  const { at, min, max, last } = points[index];
  const time = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: chart.dataset.zone });
  const range = min === max ? "" : ` (from $${min} to $${max} in this step)`;
  document.querySelector(".said").textContent = `${time.format(new Date(at))}: $${last}${range}`;
  const { box, left, right, since, until } = frame(chart);
  const share = Math.min(Math.max((Date.parse(at) - since) / (until - since), 0), 1);
  const cursor = chart.querySelector(".cursor");
  cursor.style.left = `${(left + share * (right - left)) * box.width}px`;
  cursor.hidden = false;
}

function leave(chart) {
  chart.querySelector(".cursor").hidden = true;
}

follow();
setInterval(refresh, Number(content.dataset.every) * 1000);
document.addEventListener("visibilitychange", refresh);
