// The modal on the acting person's screen: a form that is sent when submitted.

import { blocks } from "./blocks.js";
import { act, complain } from "./control.js";
import { fill, h, icon } from "./dom.js";
import { plain } from "./mrkdwn.js";
import { screen } from "./state.js";

let mark = "";
let fields = [];
let current = null;
const drafts = new Map();

/** Draw, update or close the dialog. */
export function drawModal(dialog) {
  const view = screen().modal;
  if (!view) {
    if (dialog.open) dialog.close();
    mark = "";
    return;
  }
  const next = JSON.stringify([view.id, view.hash, view.errors, view.notice]);
  if (next !== mark) {
    if (current?.id === view.id) keep(view);
    mark = next;
    current = view;
    render(dialog, view);
  }
  if (!dialog.open) {
    dialog.showModal();
    focusFirst(dialog);
  }
}

// Where something is to be typed or corrected, rather than the close button.
function focusFirst(root) {
  (root.querySelector("[aria-invalid]") ?? root.querySelector("input, textarea, select"))?.focus();
}

// What was typed survives an update of the view where block and action stay.
function keep(view) {
  for (const field of fields) drafts.set(`${view.id}/${field.block}/${field.action}`, field.get());
}

function render(dialog, view) {
  fields = [];
  const form = h("form", { method: "dialog", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    submit(view, form);
  } },
  h("header.dialog-head", {}, h("h2", { id: "modal-title" }, plain(view.title.text)),
    h("button.tool", { type: "button", "aria-label": "Close", onclick: () => close(view) }, icon("close"))),
  h("div.dialog-body", {},
    view.notice ? h("p.notice", { role: "alert" }, icon("warn"), view.notice) : null,
    blocks(view.blocks, { where: { view_id: view.id }, state: view.state.values, errors: view.errors, fields })),
  h("div.dialog-actions", {},
    h("button.button", { type: "button", onclick: () => close(view) }, plain(view.close?.text ?? "Cancel")),
    view.submit ? h("button.button.primary", { type: "submit" }, plain(view.submit.text)) : null));
  fill(dialog, form);
  restore(view, form);
  dialog.oncancel = (event) => {
    event.preventDefault();
    close(view);
  };
  focusFirst(form);
}

function restore(view, form) {
  for (const [index, field] of fields.entries()) {
    const value = drafts.get(`${view.id}/${field.block}/${field.action}`);
    const input = form.querySelectorAll(".block-input")[index]?.querySelector("input.input, textarea, select");
    if (value && input && typeof value === "string") input.value = value;
  }
}

async function submit(view, form) {
  const values = {};
  for (const field of fields) (values[field.block] ??= {})[field.action] = field.get();
  const button = form.querySelector("button[type=submit]");
  button?.classList.add("busy");
  const answer = complain(await act("submit", { view_id: view.id, values }));
  button?.classList.remove("busy");
  if (answer?.acked && !answer.errors) drafts.clear();
}

async function close(view) {
  complain(await act("close", { view_id: view.id }));
}
