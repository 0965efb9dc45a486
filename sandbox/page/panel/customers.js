// The gist of the status page, and the way to the page itself.

import { h } from "../dom.js";
import { list, section, setMark, setText } from "./pieces.js";

const STATES = {
  under_maintenance: "under maintenance", degraded_performance: "degraded performance",
  partial_outage: "partial outage", major_outage: "major outage",
};

export function buildCustomers() {
  return section("Status page, as customers see it", {
    box: h("div.estate-customers", {},
      h("p.estate-banner"), h("p.past"), h("ul.components"), h("ul.updates")),
    link: h("p.estate-more", {}, h("a", { href: "/status", target: "_blank", rel: "noopener" }, "Open the status page")),
  }, false);
}

export function showCustomers(part, state) {
  const [banner, past, components, updates] = part.box.children;
  const incidents = state.statuspage;
  const open = incidents.filter((item) => item.status !== "resolved");
  const shown = open[0] ?? incidents[0];
  const troubled = (state.components ?? []).filter((each) => each.status !== "operational");
  const calm = troubled.length ? "Not everything is operational" : "All systems operational";
  setText(banner, open.length ? open[0].name : calm);
  setMark(banner, "data-impact", open.length ? open[0].impact : troubled.length ? "minor" : "none");
  past.hidden = open.length > 0 || !shown;
  setText(past, shown ? `Past incident: ${shown.name}` : "");
  components.hidden = !troubled.length;
  list(components, troubled.map(({ id, name, status }) => ({ id, name, status })), (each) => each.id, (each) =>
    h("li", {}, `${each.name}: ${STATES[each.status] ?? each.status}`));
  updates.hidden = !shown;
  list(updates, shown?.incident_updates.slice(0, 4) ?? [], (each) => each.id, update);
}

function update(each) {
  const status = each.status.charAt(0).toUpperCase() + each.status.slice(1);
  return h("li", {}, h("strong", {}, status), each.body ? ` – ${each.body}` : "",
    h("time", { datetime: each.display_at }, `${each.display_at.slice(11, 16)} UTC`));
}
