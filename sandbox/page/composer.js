// The message box: Enter sends, Shift+Enter breaks the line, @ and / offer what can follow.

import { act, complain } from "./control.js";
import { h, icon } from "./dom.js";
import { model, people } from "./state.js";

/** Build a message box; `target()` returns {channel, thread_ts}. */
export function composer({ label, id, target }) {
  const offers = h("ul.offers", { role: "listbox", "aria-label": "Suggestions", hidden: true });
  const input = h("textarea", { id, rows: "1", placeholder: label, "aria-label": label, autocomplete: "off" });
  const form = h("form.composer", { onsubmit: (event) => event.preventDefault() }, offers, input,
    h("button.send", { type: "button", "aria-label": "Send", title: "Send (Enter)", onclick: () => send() }, icon("send")));
  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 200)}px`;
  };

  async function send() {
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    grow();
    offer(offers, input, []);
    const sent = await deliver(text, target());
    if (!sent && !input.value) input.value = text;
    grow();
    input.focus();
  }

  input.addEventListener("input", () => {
    grow();
    offer(offers, input, suggestions(input));
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || steer(event, offers, input)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  });
  input.addEventListener("blur", () => setTimeout(() => offer(offers, input, []), 150));
  return form;
}

async function deliver(text, place) {
  const command = text.match(/^(\/\S+)\s*([\s\S]*)$/);
  if (command) {
    const answer = await act("slash", { channel: place.channel, command: command[1], text: command[2] });
    complain(answer);
    return answer;
  }
  return act("say", { ...place, text });
}

function suggestions(input) {
  const before = input.value.slice(0, input.selectionStart);
  const mention = before.match(/(?:^|\s)@([\w.-]*)$/);
  if (mention) {
    const wanted = mention[1].toLowerCase();
    const everyone = [...people().map((user) => [user.name, user.real_name]), ...[...model.groups.values()].map((group) => [group.handle, group.name])];
    return everyone
      .filter(([handle, name]) => handle.includes(wanted) || name.toLowerCase().includes(wanted))
      .slice(0, 6)
      .map(([handle, name]) => ({ text: `@${handle} `, label: name, detail: `@${handle}`, from: before.length - mention[1].length - 1 }));
  }
  if (/^\/\S*$/.test(before)) {
    return model.commands.filter((name) => name.startsWith(before) && name !== before)
      .map((name) => ({ text: `${name} `, label: name, detail: model.appName, from: 0 }));
  }
  return [];
}

function offer(list, input, items) {
  list.hidden = items.length === 0;
  list.items = items;
  list.chosen = 0;
  list.replaceChildren(...items.map((item, index) =>
    h("li", { role: "option", "aria-selected": String(index === 0), onmousedown: (event) => {
      event.preventDefault();
      take(list, input, index);
    } }, h("b", {}, item.label), h("span", {}, item.detail))));
}

function steer(event, list, input) {
  if (list.hidden) return false;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    list.chosen = (list.chosen + step + list.items.length) % list.items.length;
    [...list.children].forEach((child, index) => child.setAttribute("aria-selected", String(index === list.chosen)));
  } else if (event.key === "Tab" || event.key === "Enter") take(list, input, list.chosen);
  else if (event.key === "Escape") offer(list, input, []);
  else return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}

function take(list, input, index) {
  const item = list.items[index];
  const end = input.selectionStart;
  input.value = input.value.slice(0, item.from) + item.text + input.value.slice(end);
  const cursor = item.from + item.text.length;
  input.setSelectionRange(cursor, cursor);
  offer(list, input, []);
}
