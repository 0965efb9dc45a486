// What steps of a story are made of: what is pressed, and what is typed, with a button to copy it.
// Either may depend on the estate's state; then it is filled in as soon as the state tells.

import { h, toast } from "../dom.js";

/** What is pressed, or who acts; `text` is a text or a function of the state. */
export const bold = (text) => ({ kind: "bold", text });

/** What is typed; a function of the state returns null for what is not known yet. */
export const type = (text, waits = "once it is broken") => ({ kind: "type", text, waits });

/** What ends a service rollback, where the sandbox has all that it looks at. */
export const CLEAR = ["When the figures are good and the card asks whether a security problem goes on, act as ", bold("Jennifer Liu"), " and press ", bold("Approve"), ": none does."];

/** Return a step's parts as nodes, and keep in `live` what follows the state. */
export function render(step, live) {
  return step.map((part) => {
    if (typeof part === "string") return part;
    return part.kind === "bold" ? boldNode(part, live) : typedNode(part, live);
  });
}

function boldNode({ text }, live) {
  if (typeof text === "string") return h("b", {}, text);
  const node = h("b", {}, "…");
  live.push((state) => set(node, text(state) ?? "…"));
  return node;
}

function typedNode({ text, waits }, live) {
  const code = h("code", {}, typeof text === "string" ? text : "…");
  const copy = h("button.copy", { type: "button", "aria-label": "Copy the command", title: "Copy", onclick: () => copied(code.textContent) }, "Copy");
  const later = h("span.estate-note", {}, ` is filled in ${waits}`);
  const node = h("span.typed", {}, code, copy, later);
  const show = (value) => {
    set(code, value ?? "…");
    copy.hidden = value === null;
    later.hidden = value !== null;
  };
  if (typeof text === "string") show(text);
  else {
    show(null);
    live.push((state) => show(text(state)));
  }
  return node;
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied. Paste it into the message box.");
  } catch {
    toast("Your browser does not let the page copy. Select the command and copy it.", "error");
  }
}
