// Left: who I act as, with roles, and the channels that this person is in.

import { act } from "./control.js";
import { fill, h, icon } from "./dom.js";
import { avatar } from "./messages.js";
import { ringing } from "./phones.js";
import { actAs, goTo, model, nameOf, people, places, unread } from "./state.js";
import { themeButton } from "./theme.js";

/** Draw the sidebar. */
export function drawSidebar(root) {
  const active = document.activeElement;
  const focus = root.contains(active) ? active.dataset.focus : null;
  const top = root.querySelector(".side-scroll")?.scrollTop ?? 0;
  fill(root, head(), h("div.side-scroll", {}, personList(), channelList(), appList(), directList()));
  root.querySelector(".side-scroll").scrollTop = top;
  if (focus) root.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
}

function head() {
  const run = model.shortcuts.map((shortcut) =>
    h("button.tool", { type: "button", title: `${shortcut.name} (shortcut)`, "aria-label": shortcut.name, data: { focus: `shortcut-${shortcut.callback_id}` },
      onclick: () => act("shortcut", { callback_id: shortcut.callback_id }) }, icon("bolt")));
  return h("div.side-head", {},
    h("span.workspace", {}, h("b", {}, "Sandbox"), h("span.live", { class: model.connected ? "on" : "off" }, model.connected ? "live" : "reconnecting…")),
    run, themeButton());
}

const section = (title, ...children) => h("section.side-section", {}, h("h2", {}, title), children);

function personList() {
  const rows = people().map((user) => {
    const mine = user.id === model.me;
    return h("button.person", {
      type: "button", role: "radio", "aria-checked": String(mine), tabIndex: mine ? 0 : -1,
      data: { focus: `person-${user.id}` }, onclick: () => actAs(user.id),
    }, avatar(user.id), h("span.person-text", {}, h("span.person-name", {}, user.real_name), h("span.person-role", {}, user.role)), signal(user.id));
  });
  return section("Act as", h("div.people", { role: "radiogroup", "aria-label": "Act as", onkeydown: arrows }, rows));
}

function signal(userId) {
  if (ringing(userId)) return h("span.rings", { title: "The phone rings" }, icon("phone"));
  const modal = model.screens.get(userId)?.modal;
  if (modal && userId !== model.me) return h("span.dot.strong", { title: "Has a dialog open" });
  const wanted = [...model.channels.values()].some((channel) => channel.members.includes(userId) && unread(channel.id, userId).wanted);
  return wanted && userId !== model.me ? h("span.dot", { title: "Was mentioned" }) : null;
}

function arrows(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = people();
  const next = all[(all.findIndex((user) => user.id === model.me) + step + all.length) % all.length];
  actAs(next.id);
  requestAnimationFrame(() => document.querySelector(`[data-focus="person-${next.id}"]`)?.focus());
}

function channelRow(channel, look = "") {
  const here = model.place.kind === "channel" && model.place.id === channel.id;
  const { count, named } = look ? { count: 0, named: false } : unread(channel.id);
  const label = channel.is_im ? nameOf(channel.members.find((one) => one !== model.me) ?? model.me) : channel.name;
  return h("button.channel", {
    type: "button", class: [look, count && !here ? "unread" : ""].join(" "), "aria-current": here ? "page" : undefined,
    data: { focus: `channel-${channel.id}` }, onclick: () => goTo({ kind: "channel", id: channel.id }),
  }, icon(channel.is_im ? "chat" : channel.is_private ? "lock" : "hash"), h("span.channel-name", {}, label),
  count && !here ? h(`span.count${named ? ".strong" : ""}`, { "aria-label": `${count} unread` }, String(count)) : null);
}

function channelList() {
  const { joined, open, archived } = places();
  return section("Channels",
    joined.map((channel) => channelRow(channel)),
    open.map((channel) => channelRow(channel, "open")),
    archived.map((channel) => channelRow(channel, "archived")));
}

function appList() {
  const here = model.place.kind === "home";
  return section("Apps", h("button.channel", {
    type: "button", "aria-current": here ? "page" : undefined, data: { focus: "home" },
    onclick: () => goTo({ kind: "home" }),
  }, icon("home"), h("span.channel-name", {}, `${model.appName} Home`)));
}

function directList() {
  const { direct } = places();
  return direct.length ? section("Direct messages", direct.map((channel) => channelRow(channel))) : null;
}
