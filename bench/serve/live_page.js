// The live page: reads the server's event stream, draws it, and posts events. All text from the
// server is set as text, never as markup.
"use strict";

const byId = id => document.getElementById(id);

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function drawn(tag, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

// Three significant digits, whole from 100 on.
function figure(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const decimals = size === 0 || size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2;
  return value.toLocaleString("en", {minimumFractionDigits: decimals, maximumFractionDigits: decimals});
}

function milliseconds(value) {
  return value !== null && value >= 1000 ? figure(value / 1000) + " s" :
      value === null ? "–" : figure(value) + " ms";
}

const refused = second => second.refused_per_s + second.overloaded_per_s;

const TILES = [
  ["tokens/s", second => figure(second.tokens_per_s)],
  ["TTFT p50", second => milliseconds(second.ttft_p50_ms)],
  ["TTFT p99", second => milliseconds(second.ttft_p99_ms)],
  ["requests/s", second => figure(second.requests_per_s)],
  ["refused/s", second => figure(refused(second))],
  ["waiting", second => figure(second.waiting)],
  ["in flight", second => figure(second.in_flight)],
  ["batch", second => figure(second.batch)],
  ["replicas", second => figure(second.replicas)],
  ["capacity", second => figure(second.capacity_tokens_per_s)],
];

// Lines: [name, class, value of a second].
const CHARTS = [
  ["Tokens/s", figure, [["output", "c0", s => s.tokens_per_s],
                        ["capacity", "limit", s => s.capacity_tokens_per_s]]],
  ["TTFT", milliseconds, [["p50", "c0", s => s.ttft_p50_ms], ["p99", "c1", s => s.ttft_p99_ms]]],
  ["Requests", figure, [["in flight", "c0", s => s.in_flight], ["waiting", "c1", s => s.waiting]]],
  ["Refused/s", figure, [["429", "c0", s => s.refused_per_s],
                         ["503 or 529", "c1", s => s.overloaded_per_s]]],
  ["Batch", figure, [["mean of the replicas", "c0", s => s.batch]]],
  ["Replicas", figure, [["that serve", "c0", s => s.replicas]]],
];

const WIDTH = 400, HEIGHT = 150, LEFT = 4, TOP = 16, BOTTOM = 130;

let served = null;
let seconds = [];

// ------------------------------------------------------------------------------------------ charts

// The next of 1, 2, 5, 10, ... that is not below.
function rounded(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= most * 0.999);
}

function path(value, x, y) {
  let text = "", pen = "M";
  for (const second of seconds) {
    const at = value(second);
    if (at === null) {
      pen = "M";
      continue;
    }
    text += `${pen}${x(second.at_s).toFixed(1)} ${y(at).toFixed(1)}`;
    pen = "L";
  }
  return text;
}

// What is shown of the time: all of it, but a minute at least, and no more than the server keeps.
const shown = () => Math.min(served.kept_seconds, Math.max(60, seconds.at(-1).at_s - seconds[0].at_s));

function drawChart([name, text, lines], svg) {
  const last = seconds.at(-1);
  const values = lines.flatMap(line => seconds.map(line[2])).filter(value => value !== null);
  const most = rounded(values.reduce((sum, value) => Math.max(sum, value), 0));
  const width = svg.clientWidth || WIDTH;
  const span = shown();
  const x = at_s => LEFT + (width - 2 * LEFT) * (1 - (last.at_s - at_s) / span);
  const y = value => BOTTOM - (BOTTOM - TOP) * value / most;
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const parts = [
    drawn("path", {class: "grid", d: `M0 ${TOP}H${width}M0 ${(TOP + BOTTOM) / 2}H${width}M0 ${BOTTOM}H${width}`}),
    drawn("text", {x: 0, y: TOP - 4}, text(most)),
    drawn("text", {x: 0, y: HEIGHT - 4}, span < 120 ? `${Math.round(span)} s ago` : `${Math.round(span / 60)} min ago`),
    drawn("text", {x: width, y: HEIGHT - 4, "text-anchor": "end"}, "now"),
  ];
  for (const second of seconds) {
    for (const event of second.events) {
      const at = x(event.at_s);
      if (at >= 0) parts.push(drawn("path", {class: "event", d: `M${at.toFixed(1)} ${TOP}V${BOTTOM}`}));
    }
  }
  for (const [, kind, value] of lines) parts.push(drawn("path", {class: kind, d: path(value, x, y)}));
  svg.replaceChildren(...parts);
  svg.setAttribute("aria-label", `${name}: ` +
      lines.map(([of, , value]) => `${of} ${text(value(last))}`).join(", "));
}

function unitsOf(throttle) {
  const units = throttle.unit.replace("_", " ");
  return throttle.scope === "fleet" ? units : `${units} of a ${throttle.scope}`;
}

function drawLevel(row, level) {
  row.cells[1].textContent = level.lifted ? "lifted" : figure(level.left);
  row.cells[2].textContent = level.lifted ? "–" : figure(level.most);
  const meter = row.querySelector("meter");
  const known = !level.lifted && level.left !== null && level.most > 0;
  meter.hidden = !known;
  if (known) Object.assign(meter, {max: level.most, value: Math.max(level.left, 0)});
}

function layOut() {
  document.title = `${served.scenario} – tokenlift serve`;
  byId("title").textContent = served.scenario;
  byId("tiles").replaceChildren(...TILES.map(([name]) =>
      made("div", {}, made("dt", {textContent: name}), made("dd", {textContent: "–"}))));
  byId("charts").replaceChildren(...CHARTS.map(([name, , lines]) => made(
      "figure", {className: "chart"},
      made("figcaption", {}, name, ...lines.map(([of, kind]) =>
          made("span", {className: `key ${kind}`, textContent: of}))),
      drawn("svg", {role: "img"}))));
  byId("tenants").replaceChildren(...served.tenants.map(name => made(
      "tr", {}, made("td", {textContent: name}), ...Array.from({length: 5}, () => made("td")))));
  byId("of-tenants").hidden = served.tenants.length < 2;
  byId("throttles").replaceChildren(...served.throttles.map(throttle => made(
      "tr", {}, made("td", {}, throttle.name, made("small", {textContent: unitsOf(throttle)})),
      made("td"), made("td"), made("td", {}, made("meter", {ariaLabel: `share left of ${throttle.name}`})))));
  byId("load").hidden = !served.plays_load;
  byId("of-throttles").hidden = served.throttles.length === 0;
  offer(byId("throttle"), served.throttles.map(throttle => throttle.name));
  offer(byId("site"), served.sites);
  byId("of-throttle").hidden = served.throttles.length === 0;
  byId("of-site").hidden = false;
  offerSettings();
}

function draw() {
  const last = seconds.at(-1);
  if (!last || document.hidden) return;
  byId("tiles").querySelectorAll("dd").forEach((tile, i) => {
    tile.textContent = TILES[i][1](last);
  });
  byId("charts").querySelectorAll("svg").forEach((svg, i) => drawChart(CHARTS[i], svg));
  [...byId("throttles").rows].forEach((row, i) => { if (last.levels[i]) drawLevel(row, last.levels[i]); });
  [...byId("tenants").rows].forEach((row, i) => {
    const tenant = last.tenants[i];
    [tenant.tokens_per_s, tenant.completed_per_s, tenant.refused_per_s, tenant.overloaded_per_s, tenant.waiting]
        .forEach((value, column) => { row.cells[column + 1].textContent = figure(value); });
  });
}

function list(events) {
  for (const event of events) {
    byId("events").append(made("li", {textContent: `${event.at_s.toFixed(3)} s  ${JSON.stringify(event.event)}`}));
  }
  byId("no-events").hidden = byId("events").childElementCount > 0;
}

// ------------------------------------------------------------------------------------- what comes

function say(element, text, bad) {
  element.textContent = text;
  element.classList.toggle("bad", bad);
}

const key = () => byId("key").value;
const withKey = fields => key() ? {...fields, authorization: `Bearer ${key()}`} : fields;

function take(name, data) {
  if (name === "begin") {
    served = data;
    seconds = data.seconds;
    byId("events").replaceChildren();
    layOut();
    list(data.events);
  } else if (name === "second" && served) {
    seconds.push(data);
    if (seconds.length > served.kept_seconds) seconds.shift();
    list(data.events);
  }
  const last = seconds.at(-1);
  const since = last ? `, ${Math.floor(last.at_s)} s` : "";
  say(byId("status"), `live${since}; engine ${served.engine}, ${served.model}`, false);
  draw();
}

// An event stream that is asked for with a key, which EventSource cannot send.
async function listen(signal) {
  const reply = await fetch("tokenlift/live", {headers: withKey({}), cache: "no-store", signal});
  if (reply.status === 401) return "the server asks for a key: type it below";
  if (!reply.ok) return `the server answers ${reply.status}`;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return "the server has ended";
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block);
      take(name, JSON.parse(data));
    }
  }
}

const pause = ms => new Promise(done => setTimeout(done, ms));

async function watch() {
  let stop = new AbortController();
  byId("key").addEventListener("change", () => stop.abort());
  for (;;) {
    stop = new AbortController();
    const trouble = await listen(stop.signal).catch(error => `not connected (${error.message})`);
    if (!stop.signal.aborted) {
      say(byId("status"), trouble, true);
      await Promise.race([pause(2000), new Promise(done => { stop.signal.onabort = done; })]);
    }
  }
}

// -------------------------------------------------------------------------------- what is posted

function offer(select, names) {
  const chosen = select.value;
  select.replaceChildren(...names.map(name => made("option", {value: name, textContent: name})));
  if (names.includes(chosen)) select.value = chosen;
}

function offerSettings() {
  const throttle = served.throttles.find(each => each.name === byId("throttle").value);
  offer(byId("setting"), throttle ? throttle.keys : []);
}

// A number where it reads as one, else text: "500/s", "2s", "shadow".
function setting(text) {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

const EVENTS = {
  lift: () => ({lift: byId("throttle").value}),
  restore: () => ({restore: byId("throttle").value}),
  set: () => ({set: {throttle: byId("throttle").value, [byId("setting").value]: setting(byId("value").value.trim())}}),
  join: () => ({join: {site: byId("site").value, replicas: byId("count").valueAsNumber}}),
  leave: () => ({leave: {site: byId("site").value, replicas: byId("count").valueAsNumber}}),
};

async function post(event) {
  const reply = await fetch("tokenlift/event", {
    method: "POST",
    headers: withKey({"content-type": "application/json"}),
    body: JSON.stringify(event),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error.message);
  return `It holds from ${answer.at_s.toFixed(3)} s on: ${JSON.stringify(answer.event)}`;
}

async function press(button) {
  button.disabled = true;
  try {
    say(byId("answer"), await post(EVENTS[button.dataset.event]()), false);
  } catch (error) {
    say(byId("answer"), error.message, true);
  }
  button.disabled = false;
}

byId("switch").addEventListener("submit", event => event.preventDefault());
byId("throttle").addEventListener("change", offerSettings);
for (const button of document.querySelectorAll("button[data-event]")) {
  button.addEventListener("click", () => press(button));
}
document.addEventListener("visibilitychange", draw);
addEventListener("resize", draw);
watch();
