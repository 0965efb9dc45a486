// Block Kit's interactive elements. In a message or Home a choice is sent at once; in a form it
// is read when the person submits.

import { ask } from "./confirm.js";
import { click } from "./control.js";
import { h, icon } from "./dom.js";
import { label, mrkdwn, plain } from "./mrkdwn.js";
import { people, places } from "./state.js";

/** Render one element; `place` is {where, block, state, fields, id, invalid}. */
export function element(one, place) {
  return (ELEMENTS[one.type] ?? unknown)(one, place);
}

const ELEMENTS = {
  button, overflow,
  image: (one) => h("span.picture", {}, one.alt_text),
  static_select: (one, place) => menu(one, place, options(one)),
  external_select: (one, place) => menu(one, place, options(one)),
  users_select: (one, place) => menu(one, place, people().map((user) => [user.id, user.real_name])),
  channels_select: (one, place) => menu(one, place, channels()),
  conversations_select: (one, place) => menu(one, place, channels()),
  multi_static_select: (one, place) => many(one, place, options(one)),
  multi_users_select: (one, place) => many(one, place, people().map((user) => [user.id, user.real_name])),
  multi_conversations_select: (one, place) => many(one, place, channels()),
  checkboxes: (one, place) => boxes(one, place, "checkbox"),
  radio_buttons: (one, place) => boxes(one, place, "radio"),
  plain_text_input: (one, place) => typed(one, place, one.multiline ? "textarea" : "text"),
  email_text_input: (one, place) => typed(one, place, "email"),
  url_text_input: (one, place) => typed(one, place, "url"),
  number_input: (one, place) => typed(one, place, "number"),
  datepicker: (one, place) => typed(one, place, "date"),
  timepicker: (one, place) => typed(one, place, "time"),
  datetimepicker: (one, place) => typed(one, place, "datetime-local"),
};

const unknown = (one) => h("span.block-unknown", {}, `[${one.type}]`);
const channels = () => places().joined.map((channel) => [channel.id, `#${channel.name}`]);
const entryOf = (one, place) => place.state?.[place.block.block_id]?.[one.action_id] ?? {};
const nameOf = (place, one) => `${place.block.block_id}/${one.action_id}/${one.value ?? ""}`;

function options(one) {
  const pair = (option) => [option.value, label(option.text)];
  if (one.option_groups) return one.option_groups.map((group) => [plain(group.label.text), group.options.map(pair)]);
  return (one.options ?? []).map(pair);
}

async function send(one, place, value, node) {
  if (one.confirm && !(await ask(one.confirm))) return false;
  node?.classList.add("busy");
  node?.setAttribute("aria-busy", "true");
  try {
    await click(place.where, one, place.block, value);
  } finally {
    node?.classList.remove("busy");
    node?.removeAttribute("aria-busy");
  }
  return true;
}

function button(one, place) {
  const node = h("button.button", {
    type: "button",
    class: one.style ?? "",
    data: { focus: nameOf(place, one), action: one.action_id },
    "aria-label": one.accessibility_label,
    onclick: () => {
      if (node.classList.contains("busy")) return;
      if (one.url) window.open(one.url, "_blank", "noopener");
      send(one, place, one.value, node);
    },
  }, label(one.text));
  return node;
}

function overflow(one, place) {
  const items = one.options.map((option) =>
    h("button", { type: "button", role: "menuitem", onclick: () => choose(option) }, label(option.text)));
  const details = h("details.overflow", { onkeydown: (event) => event.key === "Escape" && (details.open = false) },
    h("summary", { "aria-label": "More actions", data: { focus: nameOf(place, one) } }, icon("dots")),
    h("div.menu", { role: "menu" }, items));
  const choose = (option) => {
    details.open = false;
    if (option.url) window.open(option.url, "_blank", "noopener");
    send(one, place, option.value, details);
  };
  details.addEventListener("focusout", (event) => {
    if (!details.contains(event.relatedTarget)) details.open = false;
  });
  return details;
}

function menu(one, place, choices) {
  const entry = entryOf(one, place);
  const initial = one.initial_option?.value ?? one.initial_user ?? one.initial_channel ?? one.initial_conversation;
  const now = place.state ? entry.selected_option?.value ?? entry.selected_user ?? entry.selected_channel ?? entry.selected_conversation : initial;
  const item = ([value, name]) => (Array.isArray(name)
    ? h("optgroup", { label: value }, name.map(item))
    : h("option", { value, selected: value === now }, name));
  const node = h("select.select", { ...common(one, place), onchange: () => deferred(place) || change() },
    h("option", { value: "", selected: now === undefined || now === null }, plain(one.placeholder?.text ?? "Choose…")),
    choices.map(item));
  const change = async () => {
    if (node.value && !(await send(one, place, node.value, node))) node.value = now ?? "";
  };
  read(one, place, () => node.value || null);
  return node;
}

function many(one, place, choices) {
  const flatChoices = choices.flatMap(([value, name]) => (Array.isArray(name) ? name : [[value, name]]));
  const entry = entryOf(one, place);
  const chosen = new Set((entry.selected_options ?? one.initial_options ?? []).map((option) => option.value)
    .concat(entry.selected_users ?? one.initial_users ?? [], entry.selected_conversations ?? one.initial_conversations ?? []));
  return group(one, place, "checkbox", flatChoices.map(([value, name]) => ({ value, label: [name], checked: chosen.has(value) })), ".many");
}

function boxes(one, place, type) {
  const entry = entryOf(one, place);
  const selected = entry.selected_options ?? (entry.selected_option ? [entry.selected_option] : null);
  const chosen = new Set((selected ?? one.initial_options ?? (one.initial_option ? [one.initial_option] : [])).map((option) => option.value));
  const body = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : label(object));
  return group(one, place, type, one.options.map((option) => ({
    value: option.value,
    checked: chosen.has(option.value),
    label: [h("span", {}, body(option.text)), option.description ? h("small", {}, body(option.description)) : null],
  })), "");
}

let groups = 0;

function group(one, place, type, items, look) {
  groups += 1;
  const inputs = items.map((item) =>
    h("input", { type, name: `group-${groups}`, value: item.value, checked: item.checked, onchange: () => deferred(place) || send(one, place, values(), node) }));
  const picked = () => inputs.filter((input) => input.checked).map((input) => input.value);
  const values = () => (type === "radio" ? picked()[0] ?? null : picked());
  const node = h(`div.choices${look}`, { role: type === "radio" ? "radiogroup" : "group", id: place.id, "aria-labelledby": place.id ? `${place.id}-label` : undefined },
    items.map((item, index) => h("label.choice", {}, inputs[index], h("span.choice-text", {}, item.label))));
  read(one, place, values);
  return node;
}

function typed(one, place, type) {
  const entry = entryOf(one, place);
  const now = entry.value ?? entry.selected_date ?? entry.selected_time ?? one.initial_value ?? one.initial_date ?? one.initial_time ?? "";
  const shared = { ...common(one, place), placeholder: plain(one.placeholder?.text ?? ""), maxlength: one.max_length };
  const node = type === "textarea" ? h("textarea.input", { ...shared, rows: "4", value: now }) : h("input.input", { ...shared, type, value: now });
  const value = () => {
    if (!node.value) return null;
    return type === "datetime-local" ? Math.round(new Date(node.value).getTime() / 1000) : node.value;
  };
  if (!deferred(place)) {
    const eager = ["date", "time", "datetime-local"].includes(type) ? "change" : "keydown";
    node.addEventListener(eager, (event) => {
      if (eager === "keydown" && (event.key !== "Enter" || event.shiftKey)) return;
      event.preventDefault();
      send(one, place, value(), node);
    });
  }
  read(one, place, value);
  return node;
}

// In a form an input waits for the submission, unless its block asks to be told at once.
const deferred = (place) => Boolean(place.fields) && place.block.type === "input" && !place.block.dispatch_action;

const common = (one, place) => ({
  id: place.id,
  data: { focus: nameOf(place, one) },
  "aria-invalid": place.invalid ? "true" : undefined,
  "aria-describedby": place.invalid ? `${place.id}-error` : undefined,
  "aria-label": place.id ? undefined : plain(one.placeholder?.text ?? one.action_id),
});

function read(one, place, get) {
  if (place.block.type === "input") place.fields?.push({ block: place.block.block_id, action: one.action_id, get });
}

