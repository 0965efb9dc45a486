// Phones that ring: who is called by PagerDuty, who has a message from the app, who has answered.
// A press goes to the sandbox's PagerDuty, which tells the bot as the real one does.

import { fill, h, icon, reconcile, toast } from "./dom.js";
import { avatar } from "./messages.js";
import { flat } from "./mrkdwn.js";
import { actAs, goTo, model, on, onChange, people, unread, visible } from "./state.js";
import { moment, span, wallNow } from "./wall.js";

const GONE = 120; // seconds after which a call that is over is no longer shown
const FRESH = 300; // seconds for which a message that nobody has read counts as a buzz
let parts = null;

/** Whether a person's phone rings; `slack` is their id in the workspace. */
export const ringing = (slack) => model.calls.some((call) => call.slack === slack && call.rings);

/** How many phones ring. */
export const ringingCount = () => new Set(model.calls.filter((call) => call.rings).map((call) => call.slack)).size;

/** Show the phones in an element; called once. */
export function mountPhones(root) {
  parts = { note: h("span.estate-note", { role: "status" }), list: h("ul.phones"), empty: h("p.phones-empty", {}, "All is quiet. Whoever is paged shows up here.") };
  fill(root, h("section", { "aria-label": "Phones" }, h("h3", {}, "Phones ", parts.note), parts.list, parts.empty));
  on("state", load);
  onChange(draw);
  setInterval(draw, 1000);
  load();
}

async function load() {
  try {
    const response = await fetch("/phones/api/state");
    if (response.ok) model.calls = (await response.json()).calls;
    draw();
  } catch {
    // The feed reconnects and asks again.
  }
}

function phones() {
  const calls = model.calls.filter((call) => call.status !== "resolved" || wallNow() - call.ended < GONE);
  return people()
    .map((person) => ({ person, calls: current(calls.filter((call) => call.slack === person.id)), buzz: buzzOf(person.id) }))
    .filter((phone) => phone.calls.length || phone.buzz)
    .sort((one, other) => rank(one) - rank(other) || latest(other) - latest(one));
}

// What is over does not matter to somebody who is called now.
function current(calls) {
  const asked = calls.filter((call) => call.status === "triggered");
  return asked.length ? asked : calls.slice(-1);
}

// Ringing phones first, the latest on top; then those that are left ringing, messages, what is over.
const rank = (phone) => (phone.calls.some((call) => call.rings) ? 0 : phone.calls.some((call) => call.status === "triggered") ? 1 : phone.buzz ? 2 : 3);
const latest = (phone) => Math.max(0, ...phone.calls.map((call) => call.since));

/** The unread direct messages of the app, with the newest one's words. */
function buzzOf(userId) {
  for (const channel of model.channels.values()) {
    if (!channel.is_im || !channel.members.includes(userId) || !channel.members.includes(model.bot)) continue;
    const { count } = unread(channel.id, userId);
    const last = visible(channel.id).at(-1);
    if (count && last && wallNow() - Number(last.ts) < FRESH) return { channel: channel.id, count, text: flat(last.text, " · ").slice(0, 140) };
  }
  return null;
}

function draw() {
  if (!parts || !model.ready) return;
  const shown = phones();
  const count = ringingCount();
  const words = count ? (count === 1 ? "one rings" : `${count} ring`) : "";
  if (parts.note.textContent !== words) parts.note.textContent = words;
  parts.empty.hidden = shown.length > 0;
  parts.list.hidden = shown.length === 0;
  reconcile(parts.list, shown, {
    key: (phone) => phone.person.id,
    signature: (phone) => JSON.stringify([phone.calls, phone.buzz]),
    build: phoneRow,
  });
  tick();
}

function tick() {
  for (const node of parts?.list.querySelectorAll("time[data-since]") ?? []) {
    const words = span(wallNow() - Number(node.dataset.since));
    if (node.textContent !== words) node.textContent = words;
  }
}

function phoneRow({ person, calls, buzz }) {
  const rings = calls.some((call) => call.rings);
  return h("li.phone", { class: rings ? "ringing" : "" },
    h("div.phone-head", {}, avatar(person.id, ".small"),
      h("span.phone-who", {}, h("b", {}, person.real_name), h("span", {}, person.role)),
      buzz && calls.length ? buzzMark(buzz, person) : null,
      h("span.phone-sign", {}, icon("phone"))),
    calls.map((call) => callRow(call, person)),
    buzz && !calls.length ? buzzRow(buzz, person) : null);
}

function callRow(call, person) {
  const level = [call.level && `Level ${call.level}`, call.called_as].filter(Boolean).join(" · ");
  const asked = call.status === "triggered";
  const what = h("p.call-what", { title: call.summary }, level ? h("b", {}, level) : null, level ? " · " : "", call.summary);
  return h("div.call", { data: { state: stateOf(call) } },
    asked ? what : null,
    h("p.call-state", { title: call.summary }, stateWords(call)),
    asked ? buttons(call, person) : null);
}

const stateOf = (call) => (call.rings ? "rings" : call.status === "triggered" ? "left" : call.answered_by ? "answered" : "over");

function stateWords(call) {
  const again = call.times > 1 ? ` · call ${call.times}` : "";
  const since = h("time", { data: { since: call.since } });
  switch (stateOf(call)) {
    case "rings": return [icon("phone"), h("span", {}, "Rings for ", since, again)];
    case "left": return [icon("phone"), h("span", {}, "Not answered for ", since, again)];
    case "answered": return [icon("check"), h("span", {}, call.answered_by === call.name ? "Acknowledged here, " : `${call.answered_by} acknowledged, `, moment(call.answered_at))];
    default: return [icon("check"), h("span", {}, `${call.status === "resolved" ? "Over" : "Answered in Slack"}, ${moment(call.ended)}`)];
  }
}

function buttons(call, person) {
  const press = (what) => act(what, call);
  return h("div.call-buttons", {},
    h("button.button.primary", { type: "button", "aria-label": `Acknowledge as ${person.real_name}`, data: { focus: `ack-${call.user}-${call.incident}` }, onclick: () => press("acknowledge") }, "Acknowledge"),
    call.rings ? h("button.button", { type: "button", "aria-label": `Let ${person.real_name}'s phone ring`, data: { focus: `left-${call.user}-${call.incident}` }, onclick: () => press("let_ring") }, "Let it ring") : null);
}

async function act(what, call) {
  try {
    const response = await fetch(`/phones/api/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ incident: call.incident, user: call.user }),
    });
    const answer = await response.json();
    if (!response.ok || !answer.done) toast("That call is over.", "info");
  } catch {
    toast("The sandbox does not answer. Is it still running?", "error");
  }
}

const messages = (buzz) => `${buzz.count} ${buzz.count === 1 ? "message" : "messages"} from ${model.appName}`;

function buzzButton(spec, buzz, person, ...children) {
  const open = () => {
    actAs(person.id);
    goTo({ kind: "channel", id: buzz.channel });
  };
  return h(spec, { type: "button", title: `${buzz.text} – read it as ${person.real_name}`, data: { focus: `buzz-${person.id}` }, onclick: open }, icon("chat"), children);
}

const buzzMark = (buzz, person) => buzzButton("button.buzz-mark", buzz, person, h("span", { "aria-label": messages(buzz) }, String(buzz.count)));

const buzzRow = (buzz, person) =>
  buzzButton("button.buzz", buzz, person, h("span", {}, h("b", {}, messages(buzz)), " ", h("span.buzz-text", {}, buzz.text)));
