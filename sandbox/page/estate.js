// The estate's panel: what runs, how it fares, and the buttons that break and repair it.
// The page calls mountEstate(element, address of the control routes) once; from then on the panel
// polls the state. It tells the page of a break with an `estate:broken` event on the window, and of
// each state with `estate:state`. A section whose part the sandbox has not is left out.

import { fill, h } from "./dom.js";
import { buildBreaking, press, showBreaking } from "./panel/breaking.js";
import { buildCustomers, showCustomers } from "./panel/customers.js";
import { buildBalancer, buildFiles, buildKeys, showBalancer, showFiles, showKeys } from "./panel/edge.js";
import { buildFlags, showFlags } from "./panel/flags.js";
import { buildLetters, showLetters } from "./panel/letters.js";
import { setMark, setText } from "./panel/pieces.js";
import { buildCache, buildDatabases, showCache, showDatabases } from "./panel/school.js";
import { buildHistory, buildServices, showHistory, showServices } from "./panel/services.js";
import { buildTraffic, showTraffic } from "./panel/traffic.js";
import { setWall, span } from "./wall.js";

const SPEEDS = [1, 10, 60];
const SECTIONS = [
  [buildTraffic, showTraffic], [buildBalancer, showBalancer], [buildServices, showServices],
  [buildHistory, showHistory], [buildDatabases, showDatabases], [buildCache, showCache],
  [buildFiles, showFiles], [buildKeys, showKeys], [buildFlags, showFlags],
  [buildLetters, showLetters], [buildCustomers, showCustomers],
];

export function mountEstate(element, base = "/estate/api") {
  const panel = { api: (path, body) => call(`${base}/${path}`, body) };
  build(panel);
  element.classList.add("estate");
  element.replaceChildren(panel.root);
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

function build(panel) {
  panel.health = h("p.estate-health", { role: "status" }, "Looking…");
  panel.problem = h("p.estate-problem", { role: "alert" });
  panel.problem.hidden = true;
  panel.clock = h("time.estate-clock");
  panel.speeds = h("div.estate-speeds", { role: "group", "aria-label": "Speed" });
  panel.breaking = buildBreaking(panel);
  panel.sections = SECTIONS.map(([make, show]) => ({ part: make(), show }));
  panel.root = h("div.estate-panel", {},
    h("header.estate-head", {},
      h("div", {}, h("h2", {}, "AIVO, production"), panel.health),
      h("div.estate-time", {}, panel.clock, panel.speeds)),
    panel.problem,
    h("div.estate-phones"),
    panel.breaking.root,
    h("div.estate-stories"),
    panel.sections.map(({ part }) => part.root));
  fill(panel.speeds, SPEEDS.map((speed) => speedButton(panel, speed)));
}

function speedButton(panel, speed) {
  const label = speed > 10 ? `${speed} times as fast; the clock and people's time limits 10 times` : `${speed} times as fast`;
  const button = h("button", { type: "button", "aria-label": label, title: label, data: { speed } }, `×${speed}`);
  button.addEventListener("click", () => press(panel, panel.breaking, button, () => panel.api("speed", { speed })));
  return button;
}

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
      } catch {
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
  showHead(panel, state);
  showBreaking(panel, panel.breaking, state);
  for (const each of panel.sections) each.show(each.part, state);
  window.dispatchEvent(new CustomEvent("estate:state", { detail: state }));
}

function showHead(panel, state) {
  const { status, services } = state.health;
  const words = { ok: "Healthy", degraded: "Degraded", down: "Down" };
  setText(panel.health, `${words[status]} · ${services.ready} of ${services.total} services well`);
  setMark(panel.health, "data-status", status);
  const now = new Date(state.wall.now * 1000);
  panel.clock.dateTime = now.toISOString();
  const broken = state.broken_at !== null && (status !== "ok" || state.wall.now - state.broken_at < 10);
  const since = broken ? ` · broken ${span(state.wall.now - state.broken_at)} ago` : "";
  setText(panel.clock, `${now.toISOString().slice(11, 19)} UTC${since}`);
  for (const button of panel.speeds.children) setMark(button, "aria-pressed", Number(button.dataset.speed) === state.speed);
}
