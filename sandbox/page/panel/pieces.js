// Small pieces that the panel's sections share. Everything is updated in place: what has not
// changed keeps its element, so that nothing jumps, and focus and open details stay.

import { h, reconcile } from "../dom.js";

/** Set a text only if it is another one, or screen readers repeat it. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute only if it is another one. */
export function setMark(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** A ratio in per cent. */
export const percent = (value, digits) => `${(value * 100).toFixed(digits)} %`;

/** A whole number as people write it. */
export const count = (value) => Number(value).toLocaleString("en");

/** A number with its noun: "1 letter", "2 letters". */
export const counted = (value, noun, plural = `${noun}s`) => `${count(value)} ${value === 1 ? noun : plural}`;

/** One of the panel's sections: {root, note, …nodes}; `note` stands beside the title. */
export function section(title, nodes, hidden = true) {
  const note = h("span.estate-note");
  const root = h("section", { "aria-label": title }, h("h3", {}, title, " ", note), Object.values(nodes));
  root.hidden = hidden;
  return { root, note, ...nodes };
}

/** Make a list show items; each is rebuilt only when what it is made of has changed. */
export function list(container, items, key, build) {
  reconcile(container, items, { key, signature: (item) => JSON.stringify(item), build });
}

/** A horizontal bar of some per cent, told to screen readers as a meter. */
export function bar(label) {
  const filled = h("span.bar-fill");
  return h("span.bar", { role: "meter", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, filled);
}

/** Let a bar show a share between 0 and 100; `text` is what it means in words. */
export function setBar(node, share, text) {
  setMark(node, "aria-valuenow", share);
  setMark(node, "aria-valuetext", text);
  const width = `${Math.max(0, Math.min(100, share))}%`;
  if (node.firstElementChild.style.width !== width) node.firstElementChild.style.width = width;
}

/** A small mark with a word in it: in use, read-only, available. */
export const chip = (text, kind = "") => h("span.chip", { data: { kind } }, text);
