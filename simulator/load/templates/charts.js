// The live charts: asks once a second for the rows that are new, and draws them.
"use strict";

// Colours of Okabe and Ito, which people with any colour vision tell apart.
const COLOURS = ["#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442", "#999999"];
const OUTCOMES = { ok: "#009E73", fail: "#D55E00", unknown: "#999999" };
const CHARTS = {
  states: { stacked: true, order: ["idle", "downloading", "downloaded", "updating"] },
  moved: { rate: true, unit: "B/s" },
  ended: { rate: true, unit: "per s", order: ["ok", "fail", "unknown"], colours: OUTCOMES },
  cpu: { unit: "%", least: 100 },
  lag: { unit: "ms", least: 10 },
  late: {},
};
const LEFT = 46, RIGHT = 8, BOTTOM = 22, TOP = 8;

let rows = [], series = "", hovered = null;

if (localStorage.theme === "dark" || (!localStorage.theme && matchMedia("(prefers-color-scheme: dark)").matches)) {
  document.documentElement.classList.add("dark");
}

function short(value, unit = "") {
  const [prefix, size] = [["G", 1e9], ["M", 1e6], ["k", 1e3]].find(([, size]) => value >= size) || ["", 1];
  return `${+(value / size).toPrecision(3)}${unit && " "}${prefix}${unit}`;
}

function span(seconds) {
  const s = Math.round(seconds), two = n => String(n).padStart(2, "0");
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.floor(s / 60)}:${two(s % 60)} min` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)} h`;
}

// The next number above that is easy to read and to halve.
function roundUp(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].find(n => n * size >= value * 0.9999) * size;
}

function namesIn(part) {
  const found = new Set();
  for (const row of rows) for (const name of Object.keys(row[part])) found.add(name);
  return [...found].sort();
}

// What a chart shows at a row: the value itself, or what was added per second since the row before.
function valueAt(k, part, name, rate) {
  const value = rows[k][part][name];
  if (!rate) return value;
  if (k === 0) return 0;
  return Math.max(0, (value || 0) - (rows[k - 1][part][name] || 0)) / Math.max(rows[k].t - rows[k - 1].t, 0.001);
}

function draw(id) {
  const { stacked, rate, unit = "", least = 1, order, colours } = CHARTS[id];
  const svg = document.getElementById(id), width = svg.clientWidth, height = svg.clientHeight;
  const names = order || namesIn(id);
  const first = rows[0].t, last = Math.max(rows.at(-1).t, first + 1);
  const x = t => LEFT + (t - first) / (last - first) * (width - LEFT - RIGHT);
  const lines = names.map(() => []);
  let top = least;
  rows.forEach((row, k) => {
    let below = 0;
    names.forEach((name, i) => {
      const value = valueAt(k, id, name, rate);
      if (value === undefined && !stacked) return;
      const upper = (stacked ? below : 0) + (value || 0);
      lines[i].push([row.t, below, upper]);
      top = Math.max(top, upper);
      if (stacked) below = upper;
    });
  });
  top = roundUp(top);
  const y = value => height - BOTTOM - value / top * (height - BOTTOM - TOP);
  let out = "";
  for (const share of [0, .5, 1]) {
    const t = first + (last - first) * share, level = y(top * share);
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    out += `<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${level}" y2="${level}"/>`;
    out += `<text x="${LEFT - 6}" y="${level + 4}" text-anchor="end">${short(top * share)}</text>`;
    out += `<text x="${x(t)}" y="${height - 5}" text-anchor="${anchor}">${span(t)}</text>`;
  }
  const colour = i => (colours && colours[names[i]]) || COLOURS[i % COLOURS.length];
  lines.forEach((line, i) => {
    const upper = line.map(([t, , v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`);
    if (stacked) {
      const lower = line.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).reverse();
      out += `<polygon points="${upper.join(" ")} ${lower.join(" ")}" fill="${colour(i)}" fill-opacity=".85"/>`;
    } else {
      out += `<polyline points="${upper.join(" ")}" fill="none" stroke="${colour(i)}" stroke-width="2"/>`;
    }
  });
  const k = hovered === null ? rows.length - 1 : Math.min(hovered, rows.length - 1);
  if (hovered !== null) {
    out += `<line x1="${x(rows[k].t)}" x2="${x(rows[k].t)}" y1="${TOP}" y2="${height - BOTTOM}" stroke="var(--soft)"/>`;
  }
  svg.innerHTML = out;
  svg.parentElement.querySelector(".key").replaceChildren(...names.map((name, i) => {
    const item = document.createElement("span"), box = document.createElement("i"), now = document.createElement("b");
    const value = valueAt(k, id, name, rate);
    box.style.background = colour(i);
    now.textContent = value === undefined ? "–" : short(value, unit);
    item.append(box, name, now);
    return item;
  }));
}

function drawAll() {
  if (rows.length) for (const id of Object.keys(CHARTS)) draw(id);
}

function hover(event) {
  const svg = event.currentTarget, box = svg.getBoundingClientRect();
  if (!rows.length) return;
  const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
  const t = rows[0].t + share * (Math.max(rows.at(-1).t, rows[0].t + 1) - rows[0].t);
  hovered = event.type === "pointerleave" ? null : rows.findIndex(row => row.t >= t);
  if (hovered === -1) hovered = rows.length - 1;
  drawAll();
}

function list(processes) {
  document.getElementById("processes").replaceChildren(...processes.map(told => {
    const row = document.createElement("tr");
    for (const value of [told.process, told.cpu, told.lag, told.late]) {
      row.insertCell().textContent = typeof value === "number" ? short(value) : value;
    }
    return row;
  }));
}

function show(told) {
  document.getElementById("now").textContent = told.now;
  rows = told.series === series ? rows.concat(told.rows) : told.rows;
  series = told.series;
  const report = document.getElementById("report");
  report.hidden = !told.report;
  report.textContent = `Report of ${told.report}`;
  list(told.processes);
  drawAll();
}

async function look() {
  try {
    const after = rows.length ? rows.at(-1).t : -1;
    const answer = await fetch(`firmware/live?series=${encodeURIComponent(series)}&after=${after}`);
    // Whoever is not logged in any more is sent to the login, as from every page.
    if (answer.redirected) location.reload();
    else show(await answer.json());
  } catch {
    document.getElementById("now").textContent = "Locust does not answer";
  }
  setTimeout(look, 1000);
}

for (const id of Object.keys(CHARTS)) {
  for (const type of ["pointermove", "pointerleave"]) document.getElementById(id).addEventListener(type, hover);
}
addEventListener("resize", drawAll);
look();
