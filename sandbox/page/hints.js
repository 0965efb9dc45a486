// Three hints for a newcomer: break it, declare it, approve it. Each goes away once done.

import { fill, h, icon } from "./dom.js";
import { on, recall, remember } from "./state.js";

const STEPS = [
  { id: "break", title: "Break it", text: "In the estate panel, ship the bad release and watch the error ratio climb." },
  { id: "declare", title: "Declare it", text: "In #incident-response, write: !incident declare “checkout 5xx”" },
  { id: "approve", title: "Approve it", text: "Open the incident's channel and answer both questions with No. Then act as Jennifer Liu and press Approve; once more than 1,000 users are hit, Alex Thompson must agree, too." },
];

const done = new Set(recall("hints", []));
let root = null;

/** Show the hints that are left; called once at the start. */
export function startHints(element) {
  root = element;
  on("message", ({ message }) => {
    if (!message.from_app && /^!incident\s+declare\b/.test(message.text ?? "")) finish("declare");
    if (message.from_app && /\*Approved\*/.test(message.text ?? "")) finish("approve");
  });
  on("channel", ({ channel }) => /^inc/.test(channel.name) && channel.creator === "U0BOT" && finish("declare"));
  window.addEventListener("estate:broken", () => finish("break"));
  draw();
}

function finish(id) {
  if (done.has(id)) return;
  done.add(id);
  remember("hints", [...done]);
  draw();
}

function draw() {
  const left = STEPS.filter((step) => !done.has(step.id));
  root.hidden = left.length === 0;
  fill(root,
    h("ol", {}, STEPS.map((step, index) => {
      const state = done.has(step.id) ? "done" : step === left[0] ? "now" : "later";
      return h("li", { class: state, "aria-current": state === "now" ? "step" : undefined },
        h("span.step", { "aria-hidden": "true" }, state === "done" ? icon("check") : String(index + 1)),
        h("span", {}, h("b", {}, step.title), " ", h("span.step-text", {}, step.text)));
    })),
    h("button.tool", { type: "button", "aria-label": "Hide the hints", title: "Hide the hints", onclick: () => STEPS.forEach((step) => finish(step.id)) }, icon("close")));
}
