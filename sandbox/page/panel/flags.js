// Feature flags: which are on, and who switched them last.

import { h } from "../dom.js";
import { moment } from "../wall.js";
import { list, section } from "./pieces.js";

export const buildFlags = () => section("Feature flags", { flags: h("ul.flags") });

export function showFlags(part, state) {
  part.root.hidden = !state.flags?.length;
  list(part.flags, state.flags ?? [], (flag) => flag.key, (flag) =>
    h("li", { data: { on: String(flag.on) } },
      h("span.switch", { "aria-hidden": "true" }),
      h("span.flag-name", {}, flag.title, " ", h("b", {}, flag.on ? "on" : "off")),
      h("span.estate-note", { title: `${flag.key}: ${flag.by}` }, `${flag.by}, ${moment(flag.at)}`)));
}
