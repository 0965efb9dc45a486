// Middle: the channel or the app's Home; beside it the thread.

import { blocks } from "./blocks.js";
import { composer } from "./composer.js";
import { act } from "./control.js";
import { fill, h, icon } from "./dom.js";
import { avatar, conversation, showMessage } from "./messages.js";
import { flat, plain } from "./mrkdwn.js";
import { changed, channelOf, inChannel, me, model, nameOf, replies, screen } from "./state.js";

let shown = "";
let parts = null;

/** Draw the middle panel. */
export function drawMain(root) {
  const place = model.place;
  const key = place.kind === "home" ? `home/${model.me}` : `channel/${place.id}/${model.me}`;
  if (key !== shown) {
    shown = key;
    parts = place.kind === "home" ? homeFrame() : channelFrame(channelOf(place.id));
    fill(root, parts.all);
  }
  if (place.kind === "home") drawHome();
  else drawChannel(channelOf(place.id));
}

function channelFrame(channel) {
  const head = h("header.main-head");
  const pins = h("div.pin-bar", { hidden: true });
  const list = h("div.messages", { role: "log", "aria-label": "Messages", tabIndex: 0 });
  const foot = h("div.main-foot");
  const label = `Message ${title(channel)} as ${me()?.real_name ?? "…"}`;
  const box = composer({ id: "composer", label, target: () => ({ channel: channel.id }) });
  return { all: [head, pins, list, foot], head, pins, list, foot, box, fresh: true };
}

// On a narrow screen the list of people is a tab of its own; who I act as stays visible.
function whoAmI() {
  const open = () => {
    document.body.dataset.pane = "side";
    changed();
  };
  return h("button.me", { type: "button", title: `Acting as ${me()?.real_name}`, "aria-label": `Acting as ${me()?.real_name}. Change`, onclick: open }, avatar(model.me));
}

const title = (channel) => (channel.is_im ? nameOf(channel.members.find((one) => one !== model.me) ?? model.me) : `#${channel.name}`);

function drawChannel(channel) {
  const { head, list, foot, box } = parts;
  const count = `${channel.members.length} members`;
  fill(head, whoAmI(),
    h("div.main-title", {}, h("h1", {}, title(channel)),
      h("p.topic", { title: channel.topic_text || channel.purpose_text }, channel.topic_text || channel.purpose_text)),
    h("div.members", { title: channel.members.map(nameOf).join(", "), "aria-label": count },
      channel.members.slice(0, 4).map((user) => avatar(user, ".small")), h("span", {}, String(channel.members.length))));
  drawPins(channel);
  drawFoot(channel, foot, box);
  const near = parts.fresh || list.scrollHeight - list.scrollTop - list.clientHeight < 120;
  conversation(list, inChannel(channel.id));
  if (!list.childElementCount) fill(list, h("p.empty", {}, "Nothing has been said here yet."));
  if (near) list.scrollTop = list.scrollHeight;
  parts.fresh = false;
}

function drawFoot(channel, foot, box) {
  const member = channel.members.includes(model.me);
  const mark = channel.is_archived ? "archived" : member ? "member" : "visitor";
  if (foot.dataset.mark === mark) return;
  foot.dataset.mark = mark;
  if (mark === "member") fill(foot, box);
  else if (mark === "archived") fill(foot, h("p.closed", {}, "This channel is archived."));
  else {
    const join = h("button.button.primary", { type: "button", onclick: () => act("join", { channel: channel.id }) }, "Join channel");
    fill(foot, h("div.closed", {}, h("span", {}, `${me()?.real_name} is not in ${title(channel)}.`), join));
  }
}

function drawPins(channel) {
  const { pins } = parts;
  const found = channel.pins.map((ts) => model.messages.get(channel.id)?.get(ts)).filter(Boolean);
  pins.hidden = found.length === 0;
  fill(pins, found.slice(-2).reverse().map((message) =>
    h("button.pin", { type: "button", title: "Go to the pinned message", onclick: () => showMessage(message.ts) }, icon("pin"), h("span", {}, excerpt(message)))));
}

function excerpt(message) {
  const first = message.blocks?.find((block) => block.text?.text)?.text;
  const text = first ? (first.type === "mrkdwn" ? flat(first.text, " — ") : plain(first.text)) : flat(message.text, " — ");
  return text.replace(/\s+/g, " ").slice(0, 160);
}

function homeFrame() {
  act("open_home");
  const head = h("header.main-head", {}, h("div.main-title", {}, h("h1", {}, `${model.appName} Home`), h("p.topic", {}, `As ${me()?.real_name} sees it`)));
  const list = h("div.messages.home");
  return { all: [head, list], list };
}

function drawHome() {
  const { list } = parts;
  const home = screen().home;
  const mark = home ? home.hash + JSON.stringify(home.state) : "";
  if (list.dataset.mark === mark && list.childElementCount) return;
  list.dataset.mark = mark;
  if (!home) fill(list, h("p.empty", {}, `${model.appName} has not published a Home for ${me()?.real_name} yet.`));
  else fill(list, blocks(home.blocks, { where: { view_id: home.id }, state: home.state.values }));
}

let threadKey = "";
let threadParts = null;

/** Draw the thread panel, or hide it. */
export function drawThread(root) {
  const thread = model.thread;
  root.hidden = !thread;
  if (!thread) {
    threadKey = "";
    return;
  }
  const key = `${thread.channel}/${thread.ts}/${model.me}`;
  if (key !== threadKey) {
    threadKey = key;
    threadParts = threadFrame(thread);
    fill(root, threadParts.all);
  }
  conversation(threadParts.list, replies(thread.channel, thread.ts), { thread: true });
  threadParts.list.scrollTop = threadParts.list.scrollHeight;
}

function threadFrame(thread) {
  const close = () => {
    model.thread = null;
    changed();
  };
  const list = h("div.messages", { role: "log", "aria-label": "Thread" });
  const head = h("header.main-head", {}, h("div.main-title", {}, h("h1", {}, "Thread"), h("p.topic", {}, title(channelOf(thread.channel)))),
    h("button.tool", { type: "button", "aria-label": "Close thread", onclick: close }, icon("close")));
  const member = channelOf(thread.channel).members.includes(model.me);
  const box = composer({ id: "thread-composer", label: `Reply as ${me()?.real_name}`, target: () => ({ channel: thread.channel, thread_ts: thread.ts }) });
  return { all: [head, list, h("div.main-foot", {}, member ? box : null)], list };
}
