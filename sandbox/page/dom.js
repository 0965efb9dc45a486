// Small helpers to build and update the page without ever parsing text as HTML.

/** Create an element: `h("p.note", {title: "…"}, "text", child)`. */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) assign(element, key, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function assign(element, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (key === "class") element.className = `${element.className} ${value}`.trim();
  else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "data") Object.assign(element.dataset, value);
  else if (key in element && typeof value !== "string" && !key.startsWith("aria")) element[key] = value;
  else if (key === "value") element.value = value;
  else element.setAttribute(key, value === true ? "" : String(value));
}

/** Replace an element's children. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * Make `container` show `items` in order, rebuilding only those whose signature changed, so that
 * focus, open menus and half-typed answers survive an update elsewhere.
 */
export function reconcile(container, items, { key, signature, build }) {
  const old = new Map([...container.children].map((child) => [child.dataset.key, child]));
  let cursor = container.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const mark = signature(item);
    let element = old.get(name);
    old.delete(name);
    if (!element || element.signature !== mark) {
      const fresh = build(item);
      fresh.dataset.key = name;
      fresh.signature = mark;
      if (element) {
        if (cursor === element) cursor = fresh;
        keepFocus(element, fresh);
      } else container.insertBefore(fresh, cursor);
      element = fresh;
    } else if (element !== cursor) container.insertBefore(element, cursor);
    cursor = element.nextElementSibling;
  }
  for (const gone of old.values()) gone.remove();
}

function keepFocus(before, after) {
  const active = document.activeElement;
  const name = before.contains(active) ? active.dataset.focus : null;
  before.replaceWith(after);
  if (name) after.querySelector(`[data-focus="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });
}

const SHAPES = {
  hash: "M5 9h14M5 15h14M10 4 8 20M16 4l-2 16",
  bolt: "M13 2 4 14h7l-1 8 9-12h-7l1-8Z",
  home: "M3 11 12 4l9 7M6 9.500V20h12V9.500",
  pin: "m14 4 6 6-4 1-4 4 .5 4-8-8 4 .5 4-4 1-4ZM8 16l-4 4",
  reply: "M20 18v-4a5 5 0 0 0-5-5H5m4-4L5 9l4 4",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.400 1.400m11.200 11.200L19 19M19 5l-1.400 1.400M6.400 17.600 5 19",
  moon: "M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500Z",
  send: "M4 12 3 4l18 8-18 8 1-8Zm0 0h8",
  eye: "M2 12s4-6.500 10-6.500S22 12 22 12s-4 6.500-10 6.500S2 12 2 12Zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  users: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 9a7 7 0 0 1 14 0M16 3.500a4 4 0 0 1 0 7.500m2.500 3.500A7 7 0 0 1 22 20",
  pulse: "M2 12h5l3-8 4 16 3-8h5",
  chat: "M4 5h16v11H9l-5 4V5Z",
  warn: "M12 3 2 20h20L12 3Zm0 7v4m0 3v.100",
  dots: "M5 12h.100M12 12h.100M19 12h.100",
  check: "m5 12 5 5L20 7",
  plus: "M12 5v14M5 12h14",
  phone: "M6.500 3h3l1.500 5-2 1.500a12 12 0 0 0 5.500 5.500l1.500-2 5 1.500v3a2 2 0 0 1-2 2A16 16 0 0 1 4.500 5a2 2 0 0 1 2-2Z",
  lock: "M6 11h12v9H6v-9Zm3 0V8a3 3 0 0 1 6 0v3",
};

/** Return a line icon that is hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

let toasts = null;

/** Say something for a few seconds. */
export function toast(text, kind = "info") {
  toasts ??= document.getElementById("toasts");
  const note = h(`div.toast.${kind}`, {}, icon(kind === "error" ? "warn" : "check"), h("span", {}, text));
  toasts.append(note);
  setTimeout(() => note.remove(), 6000);
}
