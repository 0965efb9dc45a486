// The buttons that break something, grouped by the flow that mends it, and the one that repairs all.

import { h } from "../dom.js";
import { section, setText } from "./pieces.js";

const FLOWS = {
  service: "Service", gradual: "Gradual", flag: "Flag", data: "Data", point_in_time: "Data",
  rows: "Rows", files: "Files", security: "Security",
};
const OTHER = "Other";
const PARTS = { corrupt_grades: "database", some_rows: "database", stale_cache: "cache" };

/** The scenarios that can be played here: a part that does not run on this machine breaks nothing. */
export const playable = (state) => state.scenarios.filter(({ id }) => state[PARTS[id]]?.real !== false);

export function buildBreaking(panel) {
  const repair = h("button.estate-button", { type: "button" }, "Repair everything");
  const part = section("Break something", {
    scenarios: h("div.estate-scenarios"),
    repair: h("div.estate-repair", {}, repair, h("p", {}, "All of it healthy again, an empty status page.")),
    said: h("p.estate-said", { role: "status" }),
  }, false);
  part.offered = "";
  repair.addEventListener("click", () =>
    press(panel, part, repair, () => panel.api("reset", {}), "Everything is repaired."));
  return part;
}

/** Do what a button is for, and say how it went. */
export async function press(panel, part, button, action, done = "") {
  button.disabled = true;
  try {
    await action();
    setText(part.said, done);
    await panel.refresh();
  } catch {
    setText(part.said, "That did not work: the sandbox does not answer.");
  } finally {
    button.disabled = false;
    button.focus({ preventScroll: true });
  }
}

export function showBreaking(panel, part, state) {
  const scenarios = playable(state);
  const offered = JSON.stringify(scenarios);
  if (part.offered === offered) return;
  part.offered = offered;
  const groups = new Map(Object.values(FLOWS).map((title) => [title, []]));
  groups.set(OTHER, []);
  for (const each of scenarios) groups.get(FLOWS[each.story] ?? OTHER).push(each);
  part.scenarios.replaceChildren(...[...groups].filter(([, members]) => members.length).map(([title, members]) =>
    h("div.flow", { role: "group", "aria-label": `Flow: ${title}` },
      h("span.flow-name", { "aria-hidden": "true" }, title),
      h("div.flow-ways", {}, members.map((each) => way(panel, part, each))))));
}

function way(panel, part, scenario) {
  const id = `estate-breaks-${scenario.id}`;
  const words = h("p", { id }, scenario.breaks);
  words.hidden = true;
  const button = h("button.estate-break", { type: "button", "aria-describedby": id, title: scenario.breaks, data: { scenario: scenario.id } }, scenario.title);
  button.addEventListener("click", () => press(panel, part, button,
    () => breakIt(panel, scenario),
    "Broken. Watch the figures, then declare an incident; the stories below say how."));
  const more = h("button.estate-why", { type: "button", "aria-expanded": "false", "aria-controls": id, "aria-label": `What “${scenario.title}” breaks`, title: "What it breaks" }, "?");
  more.addEventListener("click", () => {
    words.hidden = !words.hidden;
    more.setAttribute("aria-expanded", String(!words.hidden));
  });
  return h("div.way", {}, button, more, words);
}

async function breakIt(panel, scenario) {
  await panel.api("break", { scenario: scenario.id });
  window.dispatchEvent(new CustomEvent("estate:broken", { detail: { scenario: scenario.id } }));
}
