// rich_text blocks as DOM nodes.

import { h } from "./dom.js";
import { channelLink, dateNode, emoji, groupLink, link, userLink } from "./mrkdwn.js";

const GROUPS = {
  rich_text_section: (group) => h("p", {}, group.elements.map(leaf)),
  rich_text_preformatted: (group) => h("pre", {}, h("code", {}, group.elements.map(leaf))),
  rich_text_quote: (group) => h("blockquote", {}, group.elements.map(leaf)),
  rich_text_list: (group) =>
    h(group.style === "ordered" ? "ol" : "ul", { class: `indent-${group.indent ?? 0}` },
      group.elements.map((item) => h("li", {}, item.elements.map(leaf)))),
};

const LEAVES = {
  text: (one) => one.text,
  link: (one) => link(one.url, one.text ?? ""),
  emoji: (one) => emoji(one.name),
  user: (one) => userLink(one.user_id),
  usergroup: (one) => groupLink(one.usergroup_id),
  channel: (one) => channelLink(one.channel_id),
  broadcast: (one) => h("span.mention.all", {}, `@${one.range}`),
  date: (one) => dateNode(`!date^${one.timestamp}^${one.format}`, one.fallback ?? ""),
};

/** Render one rich_text block. */
export function richText(block) {
  return h("div.mrkdwn", {}, block.elements.map((group) => GROUPS[group.type]?.(group) ?? null));
}

function leaf(one) {
  let node = LEAVES[one.type]?.(one) ?? "";
  const style = one.style ?? {};
  if (style.code) node = h("code", {}, node);
  if (style.bold) node = h("strong", {}, node);
  if (style.italic) node = h("em", {}, node);
  if (style.strike) node = h("s", {}, node);
  return node;
}
