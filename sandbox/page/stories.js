// Stories to play: what a newcomer can try, in steps, with what there is to see.

import { fill, h } from "./dom.js";
import { recall, remember } from "./state.js";
import { playable } from "./panel/breaking.js";
import { FLOWS } from "./stories/flows.js";
import { PEOPLE } from "./stories/people.js";
import { render } from "./stories/steps.js";

const BETWEEN = "One incident at a time: end a story before you begin the next one, and press “Repair everything”.";

/** Show the stories in an element; which one is open is remembered. */
export function mountStories(root) {
  const live = [];
  const flows = group("Flows", FLOWS, live);
  fill(root, h("section", { "aria-label": "Stories to play" },
    h("h3", {}, "Stories to play"), flows, group("People", PEOPLE, live), h("p.estate-note", {}, BETWEEN)));
  flows.hidden = true; // until the state says what this sandbox can break
  window.addEventListener("estate:state", ({ detail: state }) => {
    for (const refresh of live) refresh(state);
    flows.hidden = [...flows.querySelectorAll(".story")].every((story) => story.hidden);
  });
}

function group(title, stories, live) {
  const open = recall("story", "");
  return h("div", { role: "group", "aria-label": title }, h("h4", {}, title), stories.map((story) => one(story, story.id === open, live)));
}

function one(story, open, live) {
  const details = h("details.story", { name: "story", data: { story: story.id } },
    h("summary", {}, story.title),
    h("ol", {}, story.steps.map((step) => h("li", {}, render(step, live)))),
    h("p.story-see", {}, story.see, story.end ? [" ", render(story.end, live)] : null));
  details.open = open;
  details.addEventListener("toggle", () => {
    if (details.open) remember("story", story.id);
    else if (recall("story", "") === story.id) remember("story", "");
  });
  if (story.scenario) live.push((state) => (details.hidden = !playable(state).some((each) => each.id === story.scenario)));
  return details;
}
