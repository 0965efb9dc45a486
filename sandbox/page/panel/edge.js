// What stands before and beside the services in AWS: the load balancer's weights, uploaded files,
// access keys, and evidence that was exported.

import { h } from "../dom.js";
import { bar, chip, count, counted, list, section, setBar, setMark, setText } from "./pieces.js";

export function buildBalancer() {
  return section("Load balancer", {
    fixed: h("p.estate-banner.fixed", { role: "status", data: { impact: "critical" } }),
    shares: h("ul.shares"),
  });
}

export function showBalancer(part, state) {
  const { shares = [], fixed = null } = state.aws ?? {};
  part.root.hidden = !shares.length && !fixed;
  part.fixed.hidden = !fixed;
  setText(part.fixed, fixed ? `Answers by itself: ${fixed.status}. Nobody gets to the services.` : "");
  setMark(part.fixed, "title", fixed?.body ?? "");
  part.shares.classList.toggle("idle", Boolean(fixed));
  const rows = new Map([...part.shares.children].map((row) => [row.dataset.group, row]));
  for (const share of shares) {
    const row = rows.get(share.group) ?? part.shares.appendChild(shareRow(share));
    rows.delete(share.group);
    showShare(row, share);
  }
  for (const row of rows.values()) row.remove();
}

function shareRow(share) {
  return h("li", { data: { group: share.group } },
    h("span.share-title", {}, share.title), h("b.share-percent"), bar(`Traffic to ${share.title}`),
    h("span.estate-note", {}, h("span.share-targets"), ` · ${share.group}`));
}

function showShare(row, share) {
  const well = share.healthy >= share.targets;
  setText(row.querySelector(".share-percent"), `${share.percent} %`);
  setText(row.querySelector(".share-targets"), `${share.healthy} of ${share.targets} targets healthy`);
  setMark(row, "data-well", well);
  setBar(row.querySelector(".bar"), share.percent, `${share.percent} per cent of the traffic`);
}

export function buildFiles() {
  return section("Uploaded files", { wrong: bar("Files that are as they were"), words: h("p.estate-note") });
}

export function showFiles(part, state) {
  const files = state.aws?.files;
  part.root.hidden = !files;
  if (!files) return;
  const good = files.total ? Math.round(((files.total - files.wrong) / files.total) * 100) : 100;
  setText(part.note, counted(files.total, "file"));
  setText(part.words, files.wrong ? `${count(files.wrong)} of ${count(files.total)} were overwritten` : "All of them are as they were.");
  setMark(part.root, "data-well", !files.wrong);
  setBar(part.wrong, good, `${count(files.total - files.wrong)} of ${count(files.total)}`);
}

export function buildKeys() {
  return section("Access keys", { keys: h("ul.keys"), exports: h("p.estate-note") });
}

export function showKeys(part, state) {
  const keys = state.aws?.keys ?? [];
  const exports = state.aws?.exports ?? 0;
  part.root.hidden = !keys.length;
  list(part.keys, keys, (key) => `${key.user}/${key.last4}`, keyRow);
  part.exports.hidden = !exports;
  setText(part.exports, `${counted(exports, "export")} of the gateway's events, kept as evidence`);
}

function keyRow(key) {
  const active = key.status === "Active";
  return h("li", { data: { well: String(!(active && key.misuse)) } },
    h("span.name", {}, key.user), h("code", {}, `…${key.last4}`),
    chip(active ? "active" : "inactive", active ? "" : "good"),
    key.misuse ? h("span.misuse", {}, `${counted(key.misuse, "request")} by a thief`) : null);
}
