// What users feel: the present numbers, and the error ratio with the incident's phases behind it.

import { h } from "../dom.js";
import { count, list, percent, section } from "./pieces.js";

const WINDOW_SECONDS = 300;
const LIMIT = 0.1; // availability below 90 % is critical
const GOAL = 0.001; // the error ratio that counts as recovered
const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 320, height: 132, left: 34, right: 6, top: 8, bottom: 18 };
const PLOT = { width: CHART.width - CHART.left - CHART.right, height: CHART.height - CHART.top - CHART.bottom };

export function buildTraffic() {
  return section("Traffic", { numbers: h("dl.estate-numbers"), chart: h("div.estate-chart"), phases: h("ul.estate-phases") }, false);
}

export function showTraffic(part, state) {
  const rows = [
    ["Availability", percent(state.availability, 2), state.availability >= 0.99],
    ["Error ratio", percent(state.error_ratio, 2), state.error_ratio < GOAL],
    ["p95", `${count(Math.round(state.latency_p95 * 1000))} ms`, state.latency_p95 < 0.5],
    ["Users hit", count(state.affected_users), state.error_ratio < GOAL],
  ];
  list(part.numbers, rows, ([name]) => name, ([name, value, well]) =>
    h("div", { data: { well: String(well) } }, h("dt", {}, name), h("dd", {}, value)));
  showChart(part, state);
}

function draw(tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

function showChart(part, state) {
  const from = state.now - WINDOW_SECONDS;
  const points = state.series.filter(([at]) => at >= from);
  points.push([state.now, state.error_ratio]);
  const top = Math.max(0.2, ...points.map(([, value]) => value * 1.1));
  const x = (at) => CHART.left + ((at - from) / WINDOW_SECONDS) * PLOT.width;
  const y = (value) => CHART.top + (1 - value / top) * PLOT.height;
  const svg = draw("svg", {
    viewBox: `0 0 ${CHART.width} ${CHART.height}`,
    role: "img",
    "aria-label": `Error ratio over the last five minutes, now ${percent(state.error_ratio, 2)}`,
  });
  const spans = phaseSpans(state.marks, from, state.now);
  for (const { phase, start, end } of spans) {
    svg.append(draw("rect", {
      class: `phase phase-${phase}`,
      x: x(start), y: CHART.top, width: Math.max(1, x(end) - x(start)), height: PLOT.height,
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
  part.chart.replaceChildren(svg);
  list(part.phases, [...new Set(spans.map((item) => item.phase))], (phase) => phase, (phase) =>
    h("li", {}, h(`i.swatch.phase-${phase}`), phase));
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
    const at = CHART.left + (1 - minutes / 5) * PLOT.width;
    const anchor = minutes ? "middle" : "end";
    nodes.push(draw("text", { x: at, y: CHART.height - 5, "text-anchor": anchor }, minutes ? `−${minutes} min` : "now"));
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
