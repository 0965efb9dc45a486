// What runs in the cluster: each service with its pods, and the revisions of the Helm release.

import { h } from "../dom.js";
import { list, percent, section, setText } from "./pieces.js";

const TROUBLES = { CrashLoopBackOff: "crashing", ImagePullBackOff: "no image" };

export const buildServices = () => section("Services", { services: h("ul.estate-services") }, false);

export function showServices(part, state) {
  const { services } = state;
  const pods = services.flatMap((service) => service.pods);
  const wanted = services.reduce((sum, service) => sum + service.desired, 0);
  const ready = services.reduce((sum, item) => sum + Math.min(item.ready, item.desired), 0);
  const other = pods.filter((pod) => !pod.ready).length;
  setText(part.note, `${ready} of ${wanted} pods ready${other ? ` · ${other} not yet, or leaving` : ""}`);
  list(part.services, services, (service) => service.name, tile);
}

function tile(service) {
  const dots = h("span.dots", { "aria-hidden": "true" }, service.pods.map((pod) =>
    h(`i.dot.${podClass(pod)}`, { title: `${pod.name}: ${pod.state}` })));
  const failing = service.pods.find((pod) => pod.failing)?.state;
  const trouble = service.well
    ? failing && (TROUBLES[failing] ?? failing)
    : `${percent(service.error_ratio, 0)} errors`;
  return h("li", { data: { well: String(!trouble) } },
    h("span.name", {}, service.name),
    dots,
    h("span.unseen", {}, `${service.ready} of ${service.desired} ready`),
    h("span.what", {}, trouble ?? ""),
    h("span.version", {}, service.version));
}

function podClass(pod) {
  if (pod.state === "Terminating") return "leaving";
  if (pod.failing) return "failing";
  return pod.ready ? "ready" : "starting";
}

export const buildHistory = () => section("Helm release aivo-platform", { history: h("ol.estate-history") }, false);

export function showHistory(part, state) {
  list(part.history, state.history.slice(0, 5), (entry) => String(entry.revision), (entry) =>
    h("li", { data: { status: entry.status } },
      h("span.revision", {}, String(entry.revision)),
      h("span.version", {}, entry.version),
      h("span.status", {}, entry.status),
      h("span.what", {}, entry.description)));
}
