// One message, and a list of messages as a conversation.

import { blocks } from "./blocks.js";
import { h, icon, reconcile } from "./dom.js";
import { emoji, flat, inline, mrkdwn } from "./mrkdwn.js";
import { changed, channelOf, model, nameOf, replies } from "./state.js";

const GROUPED_SECONDS = 300;
const NOTES = new Set(["channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive"]);

const when = (ts) => new Date(Number(ts) * 1000);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });

/** A person's initials on the person's colour, or the app's sign. */
export function avatar(userId, size = "") {
  if (userId === model.bot) return h(`span.avatar.app${size}`, { "aria-hidden": "true" }, icon("reply"));
  const name = nameOf(userId);
  const initials = name.split(" ").map((part) => part[0]).slice(0, 2).join("");
  const hue = [...model.users.keys()].indexOf(userId) % 8;
  return h(`span.avatar.hue-${hue}${size}`, { "aria-hidden": "true" }, initials);
}

/** Show messages in `container`, grouped by author, with days between them. */
export function conversation(container, messages, { thread = false } = {}) {
  reconcile(container, rows(messages, thread), {
    key: (row) => row.key,
    signature: (row) => row.mark,
    build: (row) => row.build(),
  });
}

function rows(messages, thread) {
  const result = [];
  let before = null;
  let notes = null;
  for (const message of messages) {
    if (!before || when(before.ts).toDateString() !== when(message.ts).toDateString()) {
      const label = day.format(when(message.ts));
      result.push({ key: `day-${label}`, mark: label, build: () => h("div.day", { role: "separator" }, h("span", {}, label)) });
      notes = null;
    }
    if (NOTES.has(message.subtype)) {
      notes = noteRow(result, notes, message);
    } else {
      notes = null;
      const joined = follows(before, message, thread);
      result.push({
        key: message.ts,
        mark: JSON.stringify([message, joined, model.me, thread || summary(message), pinned(message), thread]),
        build: () => messageRow(message, { joined, thread }),
      });
    }
    before = message;
  }
  return result;
}

const pinned = (message) => channelOf(message.channel)?.pins.includes(message.ts) ?? false;

function follows(before, message, thread) {
  return Boolean(before) && before.user === message.user && !NOTES.has(before.subtype)
    && before.ephemeral_to === message.ephemeral_to && Number(message.ts) - Number(before.ts) < GROUPED_SECONDS
    && !(thread && before.ts === message.thread_ts) && !pinned(message);
}

// Lines such as "joined the channel": neighbours of one kind become one line.
function noteRow(result, notes, message) {
  if (notes && notes.subtype === message.subtype && message.subtype === "channel_join") {
    notes.users.push(message.user);
    result.at(-1).mark = notes.users.join();
    return notes;
  }
  const row = { subtype: message.subtype, users: [message.user] };
  const build = () => {
    const names = new Intl.ListFormat("en").format(row.users.map(nameOf));
    const text = message.subtype === "channel_join" ? " joined the channel" : ` ${message.text.replace(/^<@\w+>\s*/, "")}`;
    return h("div.note-row", {}, h("span.note-mark", { "aria-hidden": "true" }, "→"), h("span", {}, h("b", {}, names), inline(text)),
      h("time", {}, clock.format(when(message.ts))));
  };
  result.push({ key: `note-${message.ts}`, mark: message.user, build });
  return row;
}

function summary(message) {
  const answers = replies(message.channel, message.ts).filter((one) => one.ts !== message.ts);
  return answers.length ? { count: answers.length, last: answers.at(-1).ts, users: [...new Set(answers.map((one) => one.user))] } : null;
}

function messageRow(message, { joined, thread }) {
  const hidden = Boolean(message.ephemeral_to);
  const parts = [
    hidden ? h("p.only-you", {}, icon("eye"), `Only visible to ${message.ephemeral_to === model.me ? "you" : nameOf(message.ephemeral_to)}`) : null,
    pinned(message) && !thread ? h("p.pinned-mark", {}, icon("pin"), "Pinned") : null,
    joined ? null : heading(message),
    body(message),
    reactions(message),
    thread || hidden ? null : footer(message),
  ];
  const tools = thread || hidden ? null : h("div.tools", {}, h("button.tool", { type: "button", title: "Reply in thread", "aria-label": "Reply in thread", onclick: () => openThread(message) }, icon("chat")));
  const gutter = joined ? h("time.gutter", {}, clock.format(when(message.ts)).replace(/\s?[AP]M$/i, "")) : avatar(message.user);
  return h("article.message", {
    id: thread ? undefined : `m-${message.ts}`,
    class: [hidden && "hidden-one", joined && "joined", pinned(message) && "pinned"].filter(Boolean).join(" "),
    "aria-label": `${nameOf(message.user)}: ${flat(message.text).slice(0, 120)}`,
  }, gutter, h("div.message-main", {}, parts), tools);
}

function heading(message) {
  return h("p.author", {},
    h("b", {}, message.username ?? nameOf(message.user)),
    message.from_app ? h("span.badge", {}, "App") : null,
    h("time", { title: when(message.ts).toLocaleString() }, clock.format(when(message.ts))));
}

function body(message) {
  const shown = message.blocks?.length
    ? blocks(message.blocks, { where: { channel: message.channel, ts: message.ts } })
    : mrkdwn(message.text);
  const files = (message.files ?? []).map((file) => h("a.file", { href: file.url_private, download: file.name },
    file.mimetype === "image/png" ? h("img", { src: file.url_private, alt: file.title }) : file.title));
  const edited = message.edited && !message.from_app ? h("small.edited", {}, "(edited)") : null;
  return [shown, edited, files];
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return h("div.reactions", {}, message.reactions.map((one) => h("span.reaction", {}, `${emoji(one.name)} ${one.count}`)));
}

function footer(message) {
  const found = summary(message);
  if (!found) return null;
  return h("button.replies", { type: "button", onclick: () => openThread(message) },
    found.users.slice(0, 3).map((user) => avatar(user, ".tiny")),
    h("b", {}, `${found.count} ${found.count === 1 ? "reply" : "replies"}`),
    h("span", {}, `last at ${clock.format(when(found.last))}`));
}

/** Open the thread of a message beside the channel. */
export function openThread(message) {
  model.thread = { channel: message.channel, ts: message.thread_ts ?? message.ts };
  changed();
  requestAnimationFrame(() => document.querySelector("#thread textarea")?.focus());
}

/** Scroll to a message and mark it for a moment. */
export function showMessage(ts) {
  const row = document.getElementById(`m-${ts}`);
  if (!row) return;
  row.scrollIntoView({ block: "center", behavior: "smooth" });
  row.classList.add("found");
  setTimeout(() => row.classList.remove("found"), 1800);
}

