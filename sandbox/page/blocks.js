// Block Kit's layout blocks as DOM nodes, in messages, modals and the Home alike.

import { element } from "./elements.js";
import { h, icon } from "./dom.js";
import { label, mrkdwn } from "./mrkdwn.js";
import { richText } from "./richtext.js";

/** Render a text object. */
export function text(object) {
  if (!object) return null;
  return object.type === "mrkdwn" ? mrkdwn(object.text) : h("span.plain", {}, label(object));
}

/**
 * Render blocks. `place` says where they stand: {where, state, errors, fields}; `fields` is given
 * for forms and collects how to read each input.
 */
export function blocks(list, place) {
  return h("div.blocks", {}, list.map((block) => (BLOCKS[block.type] ?? unknown)(block, place)));
}

const BLOCKS = {
  header: (block) => h("h3.block-header", {}, label(block.text)),
  divider: () => h("hr"),
  section: (block, place) =>
    h("div.block-section", {},
      h("div.section-body", {},
        block.text ? text(block.text) : null,
        block.fields ? h("div.fields", {}, block.fields.map((field) => h("div.field", {}, text(field)))) : null),
      block.accessory ? h("div.accessory", {}, element(block.accessory, { ...place, block })) : null),
  context: (block) =>
    h("div.block-context", {}, block.elements.map((one) => (one.type === "image" ? picture(one) : text(one)))),
  actions: (block, place) =>
    h("div.block-actions", {}, block.elements.map((one) => element(one, { ...place, block }))),
  image: (block) => h("figure.block-image", {}, picture(block), block.title ? h("figcaption", {}, text(block.title)) : null),
  rich_text: richText,
  markdown: (block) => mrkdwn(block.text.replace(/\*\*(.+?)\*\*/g, "*$1*").replace(/^#+\s+(.*)$/gm, "*$1*")),
  input: (block, place) => {
    const id = `field-${block.block_id}`.replace(/[^\w-]/g, "_");
    const error = place.errors?.[block.block_id];
    const caption = h("label", { for: id, id: `${id}-label` }, text(block.label), block.optional ? h("small", {}, " (optional)") : null);
    return h("div.block-input", { class: error ? "wrong" : "" },
      caption,
      element(block.element, { ...place, block, id, invalid: Boolean(error) }),
      error ? h("p.field-error", { id: `${id}-error`, role: "alert" }, icon("warn"), error) : null,
      block.hint ? h("p.hint-text", {}, text(block.hint)) : null);
  },
};

const unknown = (block) => h("div.block-unknown", {}, `[${block.type} block]`);

// No outside resources: an image is named, and opened elsewhere on request.
function picture(image) {
  const named = h("span.picture", { title: image.image_url ?? "" }, image.alt_text || "image");
  return image.image_url ? h("a", { href: image.image_url, target: "_blank", rel: "noopener noreferrer" }, named) : named;
}
