// Slack's mrkdwn as DOM nodes. Text never becomes HTML: every leaf is a text node.

import { h } from "./dom.js";
import { channelOf, goTo, model, nameOf } from "./state.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rotating_light: "🚨",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", large_green_circle: "🟢", large_yellow_circle: "🟡",
  red_circle: "🔴", large_orange_circle: "🟠", large_blue_circle: "🔵", white_circle: "⚪",
  black_circle: "⚫", eyes: "👀", fire: "🔥", bell: "🔔", telephone_receiver: "📞", lock: "🔒",
  unlock: "🔓", mag: "🔍", memo: "📝", pushpin: "📌", link: "🔗", rewind: "⏪", leftwards_arrow_with_hook: "↩️",
  arrows_counterclockwise: "🔄", double_vertical_bar: "⏸️", arrow_forward: "▶️", black_square_for_stop: "⏹️",
  no_entry: "⛔", no_entry_sign: "🚫", question: "❓", exclamation: "❗", information_source: "ℹ️",
  tada: "🎉", "+1": "👍", "-1": "👎", wave: "👋", zap: "⚡", shield: "🛡️", construction: "🚧",
  heavy_minus_sign: "➖", fast_forward: "⏩", stopwatch: "⏱️", alarm_clock: "⏰", speech_balloon: "💬",
};

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
export const emoji = (name) => EMOJI[name] ?? `:${name}:`;

/** Render a whole mrkdwn text: paragraphs, lists, quotes, code blocks. */
export function mrkdwn(text) {
  const root = h("div.mrkdwn");
  const parts = String(text ?? "").split(/```(?:\n)?([\s\S]*?)```/);
  parts.forEach((part, index) => {
    if (index % 2) root.append(h("pre", {}, h("code", {}, literal(part.replace(/\n$/, "")))));
    else lines(part.replace(/^\n|\n$/g, "")).forEach((node) => root.append(node));
  });
  return root;
}

/** Render a plain_text object's text: emoji names only. */
export function plain(text) {
  return unescape(String(text ?? "")).replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));
}

/** Render a plain_text object: names of emoji become emoji unless it says otherwise. */
export const label = (object) => (object.emoji === false ? unescape(object.text) : plain(object.text));

/** Return the text without any markup, for one-line previews; `between` stands between lines. */
export const flat = (text, between = " ") =>
  [...mrkdwn(text).querySelectorAll("p, li, pre")].map((line) => line.textContent.trim()).filter(Boolean).join(between);

function lines(text) {
  if (!text) return [];
  const nodes = [];
  let group = null;
  for (const line of text.split("\n")) {
    const quote = line.match(/^(?:&gt;|>)\s?(.*)$/);
    const item = line.match(/^\s*(?:•|◦|-|\*)\s+(.*)$/);
    const numbered = line.match(/^\s*(\d+)\.\s+(.*)$/);
    if (quote) group = extend(nodes, group, "blockquote", h("p", {}, inline(quote[1])));
    else if (item) group = extend(nodes, group, "ul", h("li", {}, inline(item[1])));
    else if (numbered) group = extend(nodes, group, "ol", h("li", { value: Number(numbered[1]) }, inline(numbered[2])));
    else {
      group = null;
      nodes.push(line.trim() ? h("p", {}, inline(line)) : h("p.gap"));
    }
  }
  return nodes;
}

function extend(nodes, group, tag, child) {
  if (group?.localName !== tag) {
    group = h(tag);
    nodes.push(group);
  }
  group.append(child);
  return group;
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    "(?<![\\w*])\\*(?!\\s)([^*\\n]+?)(?<!\\s)\\*(?![\\w*])",
    "(?<![\\w_])_(?!\\s)([^_\\n]+?)(?<!\\s)_(?![\\w_])",
    "(?<![\\w~])~(?!\\s)([^~\\n]+?)(?<!\\s)~(?![\\w~])",
    ":([a-z0-9_+-]+):",
  ].join("|"),
  "g",
);

/** Render the inline part of a line as a list of nodes. */
export function inline(text) {
  const nodes = [];
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, token, bold, italic, strike, name] = found;
    nodes.push(unescape(text.slice(last, found.index)));
    last = found.index + whole.length;
    if (code !== undefined) nodes.push(h("code", {}, literal(code)));
    else if (token !== undefined) nodes.push(tokenNode(token));
    else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold)));
    else if (italic !== undefined) nodes.push(h("em", {}, inline(italic)));
    else if (strike !== undefined) nodes.push(h("s", {}, inline(strike)));
    else nodes.push(EMOJI[name] ? h("span.emoji", { role: "img", "aria-label": name }, EMOJI[name]) : whole);
  }
  nodes.push(unescape(text.slice(last)));
  return nodes.filter((node) => node !== "");
}

const literal = (text) => unescape(text).replace(/<((?:https?|mailto):[^|>]+)(?:\|([^>]*))?>/g, (_, url, label) => label ?? url);

function tokenNode(token) {
  const [target, label] = split(token);
  if (target.startsWith("@")) return userLink(target.slice(1), label);
  if (target.startsWith("#")) return channelLink(target.slice(1), label);
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (target.startsWith("!subteam^")) return groupLink(target.slice(9), label);
  if (target.startsWith("!")) return h("span.mention.all", {}, `@${target.slice(1)}`);
  return link(target, label);
}

function split(token) {
  const at = token.indexOf("|");
  return at < 0 ? [token, ""] : [token.slice(0, at), token.slice(at + 1)];
}

export function userLink(id, label = "") {
  const own = id === model.me ? ".own" : "";
  const known = model.users.has(id) || id === model.bot;
  return h(`span.mention${own}`, {}, `@${known ? nameOf(id) : label || id}`);
}

export function groupLink(id, label = "") {
  const group = model.groups.get(id);
  const own = group?.users.includes(model.me) ? ".own" : "";
  return h(`span.mention${own}`, {}, `@${(group?.handle ?? label.replace(/^@/, "")) || id}`);
}

export function channelLink(id, label = "") {
  const channel = channelOf(id);
  const name = `#${(channel?.name ?? label) || "private channel"}`;
  if (!channel) return h("span.mention", {}, name);
  return h("button.mention", { type: "button", onclick: () => goTo({ kind: "channel", id }) }, name);
}

/** A link opens in a new tab; one to this page's archives goes to the message. */
export function link(target, label) {
  const href = unescape(target);
  const text = unescape(label) || href;
  if (!/^(https?:|mailto:|tel:)/i.test(href)) return `<${text}>`;
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

const FORMATS = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  time: { hour: "2-digit", minute: "2-digit" },
  time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

/** Render Slack's `<!date^…>` token in the browser's own zone. */
export function dateNode(target, fallback) {
  const [, seconds, format = "", href = ""] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return unescape(fallback);
  const text = unescape(format).replace(/\{([a-z_]+)\}/g, (whole, name) => dated(when, name) ?? whole);
  const time = h("time", { datetime: when.toISOString(), title: when.toLocaleString() }, text);
  return href ? h("a", { href: unescape(href), target: "_blank", rel: "noopener noreferrer" }, time) : time;
}

function dated(when, name) {
  if (name === "ago") return ago(when);
  const base = name.replace(/_pretty$/, "");
  if (!FORMATS[base]) return null;
  const days = Math.round((midnight(when) - midnight(new Date())) / 86_400_000);
  if (name !== base && Math.abs(days) <= 1) return ["yesterday", "today", "tomorrow"][days + 1];
  return new Intl.DateTimeFormat(undefined, FORMATS[base]).format(when);
}

const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();

function ago(when) {
  const seconds = Math.round((when.getTime() - Date.now()) / 1000);
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, size] of [["day", 86_400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(seconds, "second");
}
