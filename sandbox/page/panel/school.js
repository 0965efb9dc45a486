// AIVO's data: the databases with their rows, and the cache.

import { h } from "../dom.js";
import { chip, count, counted, list, section, setText } from "./pieces.js";

let worst = new Map(); // the most wrong rows of a table since something broke, by its name

export function buildDatabases() {
  return section("Databases", { why: h("p.estate-note"), cards: h("ul.databases"), damaged: h("p.estate-note"), writes: h("p.estate-note"), snapshots: h("p.estate-note") });
}

export function showDatabases(part, state) {
  const { database, aws } = state;
  const cards = instances(state);
  part.root.hidden = !database && !cards.length;
  part.why.hidden = database?.real !== false;
  setText(part.why, database?.why ? `The database does not run here: ${database.why}` : "");
  rememberWorst(state);
  list(part.cards, cards, (card) => card.id, card);
  const writes = database?.real ? database.writes : null;
  part.writes.hidden = !writes;
  if (writes) {
    const restored = database.restored_to ? ` · restored to ${clock(database.restored_to)}` : "";
    setText(part.writes, `${counted(writes.done, "write")} done, ${count(writes.refused)} refused${restored}`);
  }
  const words = damage(database?.damaged);
  part.damaged.hidden = !words;
  setText(part.damaged, words);
  const snapshots = aws?.snapshots ?? [];
  part.snapshots.hidden = !snapshots.length;
  setText(part.snapshots, `Snapshots: ${snapshots.map((each) => `${each.id} (${each.status})`).join(", ")}`);
}

const clock = (stamp) => `${String(stamp).slice(11, 19)} UTC`;

// What AWS tells of an instance, beside what the database itself tells.
function instances({ database, aws }) {
  const known = new Map((aws?.instances ?? []).map((each) => [each.id, { id: each.id, status: each.status }]));
  for (const each of database?.instances ?? []) known.set(each.id, { ...known.get(each.id), ...each });
  const cards = [...known.values()];
  for (const each of cards) if (each.in_use) each.fewer = fewer(each, cards);
  return cards.map((each) => ({ ...each, mended: each.in_use ? mended(each) : {} }));
}

// Rows that another instance has and the one in use has not: written after the moment it shows.
function fewer(used, cards) {
  const found = {};
  for (const [table, rows] of Object.entries(used.rows ?? {})) {
    const most = Math.max(rows, ...cards.map((card) => card.rows?.[table] ?? 0));
    if (most > rows) found[table] = most - rows;
  }
  return found;
}

function rememberWorst({ database, broken_at: broken }) {
  if (broken === null) worst = new Map();
  const used = database?.instances?.find((each) => each.in_use);
  for (const [table, wrong] of Object.entries(used?.wrong ?? {})) worst.set(table, Math.max(worst.get(table) ?? 0, wrong));
}

function mended(used) {
  const rows = [...worst].map(([table, most]) => [table, most - (used.wrong?.[table] ?? 0)]);
  return Object.fromEntries(rows.filter(([, restored]) => restored > 0));
}

function card(each) {
  return h("li.database", { data: { used: String(Boolean(each.in_use)) } },
    h("p.database-head", {}, h("span.name", { title: each.id }, each.id),
      each.in_use ? chip("in use", "good") : null,
      each.read_only ? chip("read-only", "warn") : null,
      each.status && each.status !== "available" ? chip(each.status, "warn") : null,
      each.sessions === undefined ? null : h("span.estate-note", {}, counted(each.sessions, "session"))),
    each.problem ? h("p.estate-note.wrong", {}, each.problem) : null,
    Object.keys(each.rows ?? {}).length ? table(each) : h("p.estate-note", {}, "Nobody can look into it, or not yet."));
}

function table(each) {
  return h("dl.rows", {}, Object.entries(each.rows).map(([name, rows]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, count(rows)), marks(each, name).map(([kind, text]) => h(`dd.${kind}`, {}, text)))));
}

function marks({ wrong, mended: restored, fewer: lost }, name) {
  return [
    ["wrong", wrong?.[name], "wrong"], ["mended", restored[name], "restored"], ["wrong", lost?.[name], "lost"],
  ].filter(([, number]) => number).map(([kind, number, word]) => [kind, `${count(number)} ${word}`]);
}

function damage(keys) {
  const some = Object.entries(keys ?? {}).filter(([, damaged]) => damaged.length);
  return some.length ? `Damaged: ${some.map(([name, damaged]) => `${name} ${damaged.join(", ")}`).join("; ")}` : "";
}

export function buildCache() {
  return section("Cache", { why: h("p.estate-note"), keys: h("dl.rows") });
}

export function showCache(part, state) {
  const { cache } = state;
  part.root.hidden = !cache;
  if (!cache) return;
  part.why.hidden = cache.real !== false;
  setText(part.why, cache.why ? `The cache does not run here: ${cache.why}` : "");
  setText(part.note, cache.stale ? `${counted(cache.stale, "wrong entry", "wrong entries")}` : "");
  part.note.classList.toggle("wrong", Boolean(cache.stale));
  list(part.keys, Object.entries(cache.keys ?? {}), ([name]) => name, ([name, number]) =>
    h("div", {}, h("dt", {}, h("code", {}, `${name}*`)), h("dd", {}, count(number))));
}
