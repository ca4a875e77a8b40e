"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const figures = data.figures, spans = data.spans;
const at = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");
const LEFT = 120, LANE = 26, FOOT = 18;

// --- what was sent by columns ---

const total = Math.max(1, figures.seconds * 1e6), number = spans.start.length;
const start = new Float64Array(number), took = Float64Array.from(spans.took), lane = Int32Array.from(spans.worker);
for (let i = 0, sum = 0; i < number; i++) start[i] = sum += spans.start[i];
const kind = new Uint8Array(number), nested = new Uint8Array(number);
for (const [i, one] of Object.entries(spans.kind)) kind[i] = one;
for (const i of spans.nested) nested[i] = 1;
const nameOf = (i) => spans.names[spans.name[i]] || "item " + spans.task[i];

// --- small things ---

function duration(seconds) {
  if (seconds < 1e-3) return (seconds * 1e6).toFixed(0) + " µs";
  if (seconds < 1) return (seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0) + " ms";
  if (seconds < 60) return seconds.toFixed(1) + " s";
  const minutes = Math.floor(seconds / 60), rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

function element(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function colorOf(variable) {
  const probe = element("i");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

let fore, dim, colors;
function readColors() {
  fore = colorOf("--fore");
  dim = colorOf("--dim");
  colors = data.kinds.map((_, i) => colorOf("--kind" + i));
}

function surface(canvas, height) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = height + "px";
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "11px system-ui, sans-serif";
  return [pen, width];
}

function axis(pen, left, width, height, from, to) {
  const rough = (to - from) / Math.max(2, Math.floor((width - left) / 110)), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((many) => many * power >= rough);
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
    const x = left + ((t - from) / (to - from)) * (width - left);
    pen.fillStyle = dim;
    pen.globalAlpha = 0.25;
    pen.fillRect(x, 0, 1, height - FOOT);
    pen.globalAlpha = 1;
    if (x < width - 40) pen.fillText(duration(t / 1e6), x + 3, height - 5);
  }
}

// --- numbers ---

function numbers() {
  const busy = Object.values(figures.busy), mean = busy.reduce((a, b) => a + b, 0) / Math.max(1, busy.length);
  at("verdict").textContent = data.verdict;
  at("verdict").className = data.bad ? "bad" : "";
  at("when").textContent = new Date(data.wall * 1e3).toISOString().replace("T", " ").slice(0, 19) + " UTC · " + data.argv.join(" ");
  const cards = [
    ["done", count(figures.done)], ["failed", count(figures.failed), figures.failed], ["tried again", count(figures.retried)],
    ["time", duration(figures.seconds)], ["tasks/s", figures.rate < 100 ? figures.rate.toFixed(1) : count(Math.round(figures.rate))],
    ["median", duration(figures.p50)], ["p99", duration(figures.p99)], ["longest", duration(figures.longest)],
    ["workers", busy.length], ["busy", Math.round(100 * mean) + " %"],
  ];
  if (figures.cancelled) cards.splice(3, 0, ["cancelled", count(figures.cancelled)]);
  if (figures.before) cards.splice(1, 0, ["of them before", count(figures.before)]);
  for (const [name, value, bad] of cards) at("cards").append(element("div", { className: bad ? "card bad" : "card" }, element("b", { textContent: value }), name));
  const seen = new Set(kind);
  data.kinds.forEach((name, i) => {
    if (!seen.has(i)) return;
    const key = element("span", { className: "key" });
    key.style.background = `var(--kind${i})`;
    at("legend").append(key, name);
  });
}

// --- a lane a worker ---

let from = 0, to = total;
function drawLanes() {
  const height = data.workers.length * LANE + FOOT + 2, [pen, width] = surface(at("lanes"), height);
  axis(pen, LEFT, width, height, from, to);
  data.workers.forEach((name, i) => {
    pen.fillStyle = fore;
    pen.fillText(name.length > 12 ? name.slice(0, 11) + "…" : name, 6, i * LANE + 17);
    pen.fillStyle = dim;
    pen.fillText(Math.round(100 * (figures.busy[name] || 0)) + " %", LEFT - 38, i * LANE + 17);
  });
  const pixel = (to - from) / (width - LEFT), last = new Float64Array(2 * data.workers.length).fill(-1);
  for (let i = 0; i < number; i++) {
    const end = start[i] + took[i];
    if (end < from || start[i] > to) continue;
    const x = LEFT + Math.max(0, (start[i] - from) / pixel), long = Math.max(1, (Math.min(end, to) - Math.max(start[i], from)) / pixel);
    const row = 2 * lane[i] + nested[i];
    if (long <= 1 && last[row] === (x | 0) && !kind[i]) continue; // another one has this pixel
    last[row] = x | 0;
    const y = lane[i] * LANE + 3 + (nested[i] ? 13 : 0), high = nested[i] ? LANE - 18 : LANE - 6;
    pen.fillStyle = colors[kind[i]];
    pen.globalAlpha = nested[i] ? 0.6 : 0.85;
    pen.fillRect(x, y, long > 3 ? long - 0.6 : long, high);
    if (long > 60 && !nested[i]) label(pen, nameOf(i), x, y, long);
  }
  pen.globalAlpha = 1;
}

function label(pen, text, x, y, long) {
  pen.globalAlpha = 1;
  pen.fillStyle = "#fff";
  pen.save();
  pen.beginPath();
  pen.rect(x, y, long - 4, LANE);
  pen.clip();
  pen.fillText(text, x + 4, y + 11);
  pen.restore();
}

function timeAt(event) {
  const box = at("lanes").getBoundingClientRect();
  return from + ((event.clientX - box.left - LEFT) / (box.width - LEFT)) * (to - from);
}

function spanAt(event) {
  const box = at("lanes").getBoundingClientRect(), row = Math.floor((event.clientY - box.top) / LANE);
  const low = event.clientY - box.top - row * LANE > 15, when = timeAt(event), near = ((to - from) / box.width) * 2;
  let found = -1;
  for (let i = 0; i < number; i++) {
    if (lane[i] === row && start[i] - near <= when && when <= start[i] + took[i] + near && (found < 0 || !nested[i] || low)) found = i;
    if (start[i] > when + near) break;
  }
  return found;
}

function listen() {
  const canvas = at("lanes"), tip = at("tip");
  let began = null;
  canvas.onmousemove = (event) => {
    const i = spanAt(event);
    tip.style.display = i < 0 ? "none" : "block";
    if (i < 0) return;
    tip.textContent = `${nameOf(i)} · ${data.kinds[kind[i]]} · ${duration(took[i] / 1e6)} · from ${duration(start[i] / 1e6)}`;
    tip.style.left = Math.min(event.clientX + 12, innerWidth - 300) + "px";
    tip.style.top = event.clientY + 14 + "px";
  };
  canvas.onmouseleave = () => (tip.style.display = "none");
  canvas.onmousedown = (event) => (began = timeAt(event));
  canvas.onmouseup = (event) => {
    const ended = timeAt(event);
    if (began !== null && Math.abs(ended - began) > (to - from) / 200) show(Math.min(began, ended), Math.max(began, ended));
    began = null;
  };
  canvas.ondblclick = () => show(0, total);
  canvas.onkeydown = (event) => {
    const step = (to - from) / 8, middle = (from + to) / 2;
    if (event.key === "ArrowLeft") show(from - step, to - step);
    if (event.key === "ArrowRight") show(from + step, to + step);
    if (event.key === "+") show(middle - 2 * step, middle + 2 * step);
    if (event.key === "-") show(from - 4 * step, to + 4 * step);
    if (event.key === "Escape") show(0, total);
  };
}

function show(first, last) {
  const long = Math.min(total, Math.max(last - first, total / 1e7));
  from = Math.min(Math.max(0, first), total - long);
  to = from + long;
  drawLanes();
}

// --- how many at once, and how many so far ---

function drawLoad() {
  const height = 120, [pen, width] = surface(at("load"), height), many = Math.max(1, Math.floor((width - LEFT) / 2));
  axis(pen, LEFT, width, height, 0, total);
  const running = new Float64Array(many + 1), ended = new Float64Array(many + 1), wide = total / many;
  for (let i = 0; i < number; i++) {
    if (nested[i]) continue;
    const end = Math.min(total, start[i] + took[i]), first = Math.min(many - 1, Math.floor(start[i] / wide)), last = Math.min(many - 1, Math.floor(end / wide));
    if (kind[i] < 2) ended[last]++;
    for (let k = first; k <= last; k++) running[k] += Math.max(0, Math.min(end, (k + 1) * wide) - Math.max(start[i], k * wide)) / wide;
  }
  for (const [since, until, seconds, items] of data.sums) { // of items that were not told one by one: evenly
    const first = Math.min(many - 1, Math.floor(since / wide)), last = Math.min(many - 1, Math.floor(until / wide)), share = 1 / (last - first + 1);
    for (let k = first; k <= last; k++) {
      ended[k] += items * share;
      running[k] += Math.min(1, (seconds * share) / wide);
    }
  }
  const most = running.reduce((a, b) => Math.max(a, b), 1e-9), all = ended.reduce((a, b) => a + b, 0), room = height - FOOT - 10;
  pen.fillStyle = colors[0];
  pen.globalAlpha = 0.5;
  for (let k = 0; k < many; k++) pen.fillRect(LEFT + 2 * k, height - FOOT - (room * running[k]) / most, 2, (room * running[k]) / most);
  pen.globalAlpha = 1;
  pen.strokeStyle = fore;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (let k = 0, sum = 0; k < many; k++) pen.lineTo(LEFT + 2 * k, height - FOOT - (room * (sum += ended[k])) / Math.max(1, all));
  pen.stroke();
  pen.fillStyle = fore;
  pen.fillText("at work: " + most.toFixed(most < 10 ? 1 : 0), 6, 20);
  pen.fillText("ended: " + count(Math.round(all)), 6, 38);
}

// --- slow ones, and how long they are ---

function slowest() {
  let chosen = [], least = -1;
  for (let i = 0; i < number; i++) {
    if (nested[i] || kind[i] || took[i] <= least) continue;
    chosen.push(i);
    if (chosen.length > 400) {
      chosen.sort((a, b) => took[b] - took[a]);
      chosen.length = 15;
      least = took[chosen[14]];
    }
  }
  chosen = chosen.sort((a, b) => took[b] - took[a]).slice(0, 15);
  const head = element("tr", {}, ...["task", "worker"].map((name) => element("th", { textContent: name })), ...["from", "took"].map((name) => element("th", { className: "number", textContent: name })));
  const rows = chosen.map((i) => element("tr", {}, element("td", {}, element("code", { textContent: nameOf(i) })), element("td", { textContent: data.workers[lane[i]] }),
    element("td", { className: "number", textContent: duration(start[i] / 1e6) }), element("td", { className: "number", textContent: duration(took[i] / 1e6) })));
  at("slowest").append(head, ...rows);
}

function drawHistogram() {
  const height = 330, [pen, width] = surface(at("histogram"), height), many = 40, bins = new Array(many).fill(0);
  let least = Infinity, most = -Infinity;
  const chosen = (i) => !nested[i] && !kind[i], size = (i) => Math.log10(Math.max(1, took[i]));
  for (let i = 0; i < number; i++) if (chosen(i)) (least = Math.min(least, size(i))), (most = Math.max(most, size(i)));
  if (least > most) return;
  if (most - least < 0.3) (least -= 0.15), (most += 0.15);
  for (let i = 0; i < number; i++) if (chosen(i)) bins[Math.min(many - 1, Math.floor(((size(i) - least) / (most - least)) * many))]++;
  const highest = Math.max(...bins), wide = (width - 20) / many;
  pen.fillStyle = colors[0];
  bins.forEach((n, k) => {
    const high = n && Math.max(2, ((height - 46) * n) / highest);
    pen.fillRect(10 + k * wide, height - FOOT - high, wide - 1, high);
  });
  pen.fillStyle = dim;
  pen.fillText(`highest: ${count(highest)} tasks`, 12, 16);
  for (let k = 0; k <= 4; k++) pen.fillText(duration(10 ** (least + ((most - least) * k) / 4) / 1e6), Math.min(width - 52, 10 + ((width - 20) * k) / 4), height - 5);
}

// --- what went wrong ---

function failures() {
  const retried = data.troubles.filter((one) => !one.final).length, final = figures.failed;
  if (!data.troubles.length && !final) return at("failed").remove();
  at("failures").textContent = `Failures: ${count(final)}` + (retried ? `, and ${count(retried)} attempts that were tried again` : "");
  const groups = new Map();
  for (const one of data.troubles) {
    const key = `${one.type}: ${one.text.split("\n")[0].replace(/\d+/g, "N")}`.slice(0, 300);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(one);
  }
  for (const [key, ones] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
    const group = element("details", {}, element("summary", {}, element("code", { textContent: key }), ` × ${count(ones.length)}`));
    for (const one of ones.slice(0, 20)) {
      const about = [one.name || "item " + one.task, one.input && "input " + one.input, "attempt " + one.attempt, one.worker, "at " + duration(one.at), one.final ? "" : "tried again"];
      group.append(element("div", { className: "dim", textContent: about.filter(Boolean).join(" · ") }), element("pre", { textContent: one.traceback || one.text }));
    }
    if (ones.length > 20) group.append(element("p", { className: "dim", textContent: `and ${count(ones.length - 20)} more like these` }));
    at("groups").append(group);
  }
  if (at("groups").firstChild) at("groups").firstChild.open = true;
  if (data.troubleCount > data.troubles.length) at("groups").append(element("p", { className: "dim", textContent: `${count(data.troubleCount - data.troubles.length)} more are in the journal` }));
}

// --- what was measured, and written ---

const plots = [];
function metrics() {
  const names = Object.keys(data.metrics).filter((name) => data.metrics[name].length);
  if (!names.length) return at("measured").remove();
  for (const name of names) {
    const canvas = element("canvas");
    at("metrics").append(element("div", {}, element("div", { className: "dim", textContent: name }), canvas));
    plots.push([canvas, data.metrics[name]]);
  }
}

function drawPlot(canvas, points) {
  const height = 120, left = 64, [pen, width] = surface(canvas, height);
  axis(pen, left, width, height, 0, total);
  let least = Infinity, most = -Infinity;
  for (const [, value] of points) (least = Math.min(least, value)), (most = Math.max(most, value));
  const y = (value) => height - FOOT - 6 - ((height - FOOT - 16) * (value - least)) / (most - least || 1);
  pen.strokeStyle = pen.fillStyle = colors[0];
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [when, value] of points) pen.lineTo(left + ((width - left) * when * 1e6) / total, y(value));
  pen.stroke();
  if (points.length < 60) for (const [when, value] of points) pen.fillRect(left + ((width - left) * when * 1e6) / total - 1.5, y(value) - 1.5, 3, 3);
  pen.fillStyle = dim;
  pen.fillText(Number(most.toPrecision(4)), 4, 14);
  pen.fillText(Number(least.toPrecision(4)), 4, height - FOOT - 4);
}

function output() {
  if (!data.texts.length) return at("written").remove();
  const find = (word) => {
    const chosen = data.texts.filter(([, name, , text]) => !word || (name + " " + text).toLowerCase().includes(word.toLowerCase()));
    at("texts").textContent = chosen.map(([when, name, , text]) => `${duration(when).padStart(8)}  ${name ? name + " │ " : ""}${text}`).join("\n");
    at("shown").textContent = `${count(chosen.length)} of ${count(data.texts.length)}` + (data.textsLeftOut ? `, ${count(data.textsLeftOut)} earlier ones are in the journal` : "");
  };
  at("filter").oninput = (event) => find(event.target.value);
  find("");
}

// --- all of it ---

function draw() {
  readColors();
  drawLanes();
  drawLoad();
  drawHistogram();
  for (const [canvas, points] of plots) drawPlot(canvas, points);
}

numbers();
slowest();
failures();
metrics();
output();
listen();
draw();
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.body.dataset.ready = "yes";
