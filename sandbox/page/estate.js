// The estate's panel: what runs, how it fares, and the buttons that break and repair it.
// The page calls mountEstate(element, address of the control routes) once; from then on the panel
// polls the state. It tells the page of a break with an `estate:broken` event on the window.

import { setWall, span } from "./wall.js";

const WINDOW_SECONDS = 300;
const LIMIT = 0.1; // availability below 90 % is critical
const GOAL = 0.001; // the error ratio that counts as recovered
const SPEEDS = [1, 10, 60];
const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 320, height: 132, left: 34, right: 6, top: 8, bottom: 18 };

export function mountEstate(element, base = "/estate/api") {
  const panel = buildPanel();
  element.classList.add("estate");
  element.replaceChildren(panel.root);
  panel.api = (path, body) => call(`${base}/${path}`, body);
  connect(panel);
  return { stop: poll(panel) };
}

async function call(url, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

// --- building -----------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function draw(tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

function buildPanel() {
  const parts = {
    health: make("p", { class: "estate-health", role: "status" }, "Looking…"),
    problem: make("p", { class: "estate-problem", role: "alert", hidden: "" }),
    clock: make("time", { class: "estate-clock" }),
    speeds: make("div", { class: "estate-speeds", role: "group", "aria-label": "Speed" }),
    scenarios: make("div", { class: "estate-scenarios" }),
    repair: make("button", { type: "button", class: "estate-button" }, "Repair everything"),
    said: make("p", { class: "estate-said", role: "status" }),
    numbers: make("dl", { class: "estate-numbers" }),
    chart: make("div", { class: "estate-chart" }),
    phases: make("ul", { class: "estate-phases" }),
    pods: make("span", { class: "estate-note" }),
    services: make("ul", { class: "estate-services" }),
    history: make("ol", { class: "estate-history" }),
    customers: make("div", { class: "estate-customers" }),
  };
  const root = make("div", { class: "estate-panel" },
    make("header", { class: "estate-head" },
      make("div", {}, make("h2", {}, "AIVO, production"), parts.health),
      make("div", { class: "estate-time" }, parts.clock, parts.speeds)),
    parts.problem,
    make("div", { class: "estate-phones" }),
    make("div", { class: "estate-stories" }),
    section("Break something", null,
      parts.scenarios,
      make("div", { class: "estate-repair" }, parts.repair,
        make("p", {}, "Healthy pods, revision 41, an empty status page.")),
      parts.said),
    section("Traffic", null, parts.numbers, parts.chart, parts.phases),
    section("Services", parts.pods, parts.services),
    section("Helm release aivo-platform", null, parts.history),
    section("Status page, as customers see it", null, parts.customers));
  return { root, ...parts };
}

function section(title, note, ...children) {
  return make("section", {}, make("h3", {}, title, ...(note ? [" ", note] : [])), ...children);
}

function connect(panel) {
  for (const speed of SPEEDS) {
    const label = speed > 10 ? `${speed} times as fast; the clock and people's time limits 10 times` : `${speed} times as fast`;
    const button = make("button", { type: "button", "aria-label": label, title: label }, `×${speed}`);
    button.dataset.speed = speed;
    button.addEventListener("click", () => press(panel, button, () => panel.api("speed", { speed })));
    panel.speeds.append(button);
  }
  panel.repair.addEventListener("click", () =>
    press(panel, panel.repair, () => panel.api("reset", {}), "Everything is repaired."));
}

async function press(panel, button, action, done = "") {
  button.disabled = true;
  try {
    await action();
    panel.said.textContent = done;
    await panel.refresh();
  } catch (error) {
    panel.said.textContent = "That did not work: the sandbox does not answer.";
  } finally {
    button.disabled = false;
    button.focus({ preventScroll: true });
  }
}

// --- following ----------------------------------------------------------------------------------

function poll(panel) {
  let timer = 0;
  let running = true;
  panel.refresh = async () => {
    const state = await panel.api("state");
    show(panel, state);
    panel.problem.hidden = true;
  };
  const turn = async () => {
    if (!document.hidden) {
      try {
        await panel.refresh();
      } catch (error) {
        panel.problem.textContent = "The sandbox does not answer. Is it still running?";
        panel.problem.hidden = false;
      }
    }
    if (running) timer = setTimeout(turn, 1000);
  };
  const seen = () => { if (!document.hidden) { clearTimeout(timer); turn(); } };
  document.addEventListener("visibilitychange", seen);
  turn();
  return () => {
    running = false;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}

function show(panel, state) {
  setWall(state.wall);
  showHealth(panel, state);
  showScenarios(panel, state.scenarios);
  showNumbers(panel, state);
  showChart(panel, state);
  showServices(panel, state.services);
  showHistory(panel, state.history);
  showCustomers(panel, state.statuspage);
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text; // or screen readers repeat it
}

function showHealth(panel, state) {
  const { status, services } = state.health;
  const words = { ok: "Healthy", degraded: "Degraded", down: "Down" };
  setText(panel.health, `${words[status]} · ${services.ready} of ${services.total} services well`);
  panel.health.dataset.status = status;
  const now = new Date(state.wall.now * 1000);
  panel.clock.dateTime = now.toISOString();
  const broken = state.broken_at !== null && (status !== "ok" || state.wall.now - state.broken_at < 10);
  const since = broken ? ` · broken ${span(state.wall.now - state.broken_at)} ago` : "";
  setText(panel.clock, `${now.toISOString().slice(11, 19)} UTC${since}`);
  for (const button of panel.speeds.children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === state.speed));
  }
}

function showScenarios(panel, scenarios) {
  if (panel.scenarios.childElementCount) return;
  for (const scenario of scenarios) {
    const id = `estate-breaks-${scenario.id}`;
    const button = make("button", {
      type: "button", class: "estate-button estate-break", "aria-describedby": id,
    }, scenario.title);
    button.addEventListener("click", () => press(panel, button,
      () => breakIt(panel, scenario.id),
      "Shipped. Watch the error ratio, then declare an incident."));
    panel.scenarios.append(make("div", {}, button, make("p", { id }, scenario.breaks)));
  }
}

async function breakIt(panel, scenario) {
  await panel.api("break", { scenario });
  window.dispatchEvent(new CustomEvent("estate:broken", { detail: { scenario } }));
}

function showNumbers(panel, state) {
  const rows = [
    ["Availability", percent(state.availability, 2), state.availability >= 0.99],
    ["Error ratio", percent(state.error_ratio, 2), state.error_ratio < GOAL],
    ["p95", `${Math.round(state.latency_p95 * 1000).toLocaleString("en")} ms`, state.latency_p95 < 0.5],
    ["Users hit", state.affected_users.toLocaleString("en"), state.error_ratio < GOAL],
  ];
  panel.numbers.replaceChildren(...rows.map(([name, value, well]) =>
    make("div", { "data-well": String(well) }, make("dt", {}, name), make("dd", {}, value))));
}

function percent(value, digits) {
  return `${(value * 100).toFixed(digits)} %`;
}

// --- the chart ----------------------------------------------------------------------------------

function showChart(panel, state) {
  const from = state.now - WINDOW_SECONDS;
  const points = state.series.filter(([at]) => at >= from);
  points.push([state.now, state.error_ratio]);
  const top = Math.max(0.2, ...points.map(([, value]) => value * 1.1));
  const x = (at) => CHART.left + ((at - from) / WINDOW_SECONDS) * plotWidth();
  const y = (value) => CHART.top + (1 - value / top) * plotHeight();
  const svg = draw("svg", {
    viewBox: `0 0 ${CHART.width} ${CHART.height}`,
    role: "img",
    "aria-label": `Error ratio over the last five minutes, now ${percent(state.error_ratio, 2)}`,
  });
  const spans = phaseSpans(state.marks, from, state.now);
  for (const { phase, start, end } of spans) {
    svg.append(draw("rect", {
      class: `phase phase-${phase}`,
      x: x(start), y: CHART.top, width: Math.max(1, x(end) - x(start)), height: plotHeight(),
    }));
  }
  svg.append(...axes(top, y), ...threshold(y));
  const line = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const floor = y(0).toFixed(1);
  svg.append(
    draw("polygon", {
      class: "area",
      points: `${x(points[0][0]).toFixed(1)},${floor} ${line.join(" ")} ${x(state.now).toFixed(1)},${floor}`,
    }),
    draw("polyline", { class: "line", points: line.join(" ") }));
  panel.chart.replaceChildren(svg);
  showLegend(panel, spans);
}

function plotWidth() {
  return CHART.width - CHART.left - CHART.right;
}

function plotHeight() {
  return CHART.height - CHART.top - CHART.bottom;
}

function axes(top, y) {
  const nodes = [];
  const step = top > 0.5 ? 0.5 : 0.1;
  for (let value = 0; value <= top; value += step) {
    const at = y(value);
    nodes.push(
      draw("line", { class: "grid", x1: CHART.left, x2: CHART.width - CHART.right, y1: at, y2: at }),
      draw("text", { x: CHART.left - 5, y: at + 3, "text-anchor": "end" }, `${Math.round(value * 100)} %`));
  }
  for (const minutes of [4, 2, 0]) {
    const at = CHART.left + (1 - minutes / 5) * plotWidth();
    const anchor = minutes ? "middle" : "end";
    nodes.push(draw("text", { x: at, y: CHART.height - 5, "text-anchor": anchor },
      minutes ? `−${minutes} min` : "now"));
  }
  return nodes;
}

function threshold(y) {
  const at = y(LIMIT);
  return [
    draw("line", { class: "limit", x1: CHART.left, x2: CHART.width - CHART.right, y1: at, y2: at }),
    draw("text", { class: "limit-text", x: CHART.left + 4, y: at - 4 }, "limit: 90 % available"),
  ];
}

function phaseSpans(marks, from, now) {
  const spans = [];
  marks.forEach((mark, index) => {
    const end = marks[index + 1]?.at ?? now;
    const phase = mark.phase.toLowerCase().replace(/[^a-z]/g, "");
    const over = ["closed", "cancelled"].includes(phase);
    if (!over && end > from) spans.push({ phase, start: Math.max(from, mark.at), end });
  });
  return spans;
}

function showLegend(panel, spans) {
  const phases = [...new Set(spans.map((item) => item.phase))];
  panel.phases.replaceChildren(...phases.map((phase) =>
    make("li", {}, make("i", { class: `swatch phase-${phase}` }), phase)));
}

// --- the lists ----------------------------------------------------------------------------------

const TROUBLES = { CrashLoopBackOff: "crashing", ImagePullBackOff: "no image" };

function showServices(panel, services) {
  const pods = services.flatMap((service) => service.pods);
  const wanted = services.reduce((sum, service) => sum + service.desired, 0);
  const ready = services.reduce((sum, item) => sum + Math.min(item.ready, item.desired), 0);
  const other = pods.filter((pod) => !pod.ready).length;
  setText(panel.pods, `${ready} of ${wanted} pods ready${other ? ` · ${other} not yet, or leaving` : ""}`);
  panel.services.replaceChildren(...services.map(serviceTile));
}

function serviceTile(service) {
  const dots = make("span", { class: "dots", "aria-hidden": "true" }, ...service.pods.map((pod) =>
    make("i", { class: `dot ${podClass(pod)}`, title: `${pod.name}: ${pod.state}` })));
  const failing = service.pods.find((pod) => pod.failing)?.state;
  const trouble = service.well
    ? failing && (TROUBLES[failing] ?? failing)
    : `${percent(service.error_ratio, 0)} errors`;
  return make("li", { "data-well": String(!trouble) },
    make("span", { class: "name" }, service.name),
    dots,
    make("span", { class: "unseen" }, `${service.ready} of ${service.desired} ready`),
    make("span", { class: "what" }, trouble ?? ""),
    make("span", { class: "version" }, service.version));
}

function podClass(pod) {
  if (pod.state === "Terminating") return "leaving";
  if (pod.failing) return "failing";
  return pod.ready ? "ready" : "starting";
}

function showHistory(panel, history) {
  panel.history.replaceChildren(...history.slice(0, 5).map((entry) =>
    make("li", { "data-status": entry.status },
      make("span", { class: "revision" }, String(entry.revision)),
      make("span", { class: "version" }, entry.version),
      make("span", { class: "status" }, entry.status),
      make("span", { class: "what" }, entry.description))));
}

function showCustomers(panel, incidents) {
  const open = incidents.filter((item) => item.status !== "resolved");
  const shown = open.length ? open : incidents.slice(0, 1);
  const banner = open.length
    ? make("p", { class: "estate-banner", "data-impact": open[0].impact }, open[0].name)
    : make("p", { class: "estate-banner", "data-impact": "none" }, "All systems operational");
  panel.customers.replaceChildren(banner, ...shown.flatMap((incident) => [
    ...(open.length ? [] : [make("p", { class: "past" }, `Past incident: ${incident.name}`)]),
    make("ul", {}, ...incident.incident_updates.slice(0, 4).map(customerUpdate)),
  ]));
}

function customerUpdate(update) {
  const status = update.status.charAt(0).toUpperCase() + update.status.slice(1);
  return make("li", {}, make("strong", {}, status), update.body ? ` – ${update.body}` : "",
    make("time", { datetime: update.display_at }, `${update.display_at.slice(11, 16)} UTC`));
}
