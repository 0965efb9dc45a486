// The page's start: connect, draw on every change, mount the estate beside the chat.

import { drawMain, drawThread } from "./channel.js";
import { fill, h, icon } from "./dom.js";
import { startHints } from "./hints.js";
import { showMessage } from "./messages.js";
import { drawModal } from "./modal.js";
import { mountPhones, ringingCount } from "./phones.js";
import { drawSidebar } from "./sidebar.js";
import { changed, connect, goTo, model, onChange } from "./state.js";
import { mountStories } from "./stories.js";
import { startTheme } from "./theme.js";

const find = (id) => document.getElementById(id);
const TABS = [["side", "People", "users"], ["chat", "Chat", "chat"], ["estate", "Estate", "pulse"]];

function draw() {
  if (!model.ready) return;
  if (find("banner").textContent !== model.banner) fill(find("banner"), h("span", {}, model.banner));
  drawSidebar(find("sidebar"));
  drawMain(find("main"));
  drawThread(find("thread"));
  drawModal(find("modal"));
  drawTabs();
}

function drawTabs() {
  const pane = document.body.dataset.pane;
  const rings = ringingCount();
  const mark = `${pane}/${rings}`;
  if (find("tabs").dataset.mark === mark) return;
  find("tabs").dataset.mark = mark;
  fill(find("tabs"), TABS.map(([name, label, sign]) =>
    h(`button.tab.tab-${name}`, { type: "button", "aria-current": pane === name ? "page" : undefined, onclick: () => show(name) },
      icon(sign), label, name === "estate" && rings ? h("span.tab-rings", { title: "Phones ring" }, icon("phone"), String(rings)) : null)));
}

function show(pane) {
  document.body.dataset.pane = pane;
  changed();
}

// A permalink opens its channel and marks its message.
function follow() {
  const found = location.pathname.match(/^\/archives\/(\w+)\/p(\d+)(\d{6})$/);
  if (!found) return;
  const once = () => {
    if (!model.channels.has(found[1])) return;
    goTo({ kind: "channel", id: found[1] });
    history.replaceState(null, "", "/");
    setTimeout(() => showMessage(`${found[2]}.${found[3]}`), 300);
  };
  const wait = setInterval(() => {
    if (!model.ready) return;
    clearInterval(wait);
    once();
  }, 50);
}

async function mountEstate(root) {
  try {
    const probe = await fetch("/estate/api/state");
    if (!probe.ok) throw new Error("this workspace runs without an estate");
    const { mountEstate: mount } = await import("/page/estate.js");
    for (const name of ["estate", "parts"]) document.head.append(h("link", { rel: "stylesheet", href: `/page/${name}.css` }));
    mount(root, "/estate/api");
    mountPhones(root.querySelector(".estate-phones"));
    mountStories(root.querySelector(".estate-stories"));
  } catch {
    document.body.classList.add("no-estate");
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && model.thread && !document.querySelector("dialog[open]")) {
    model.thread = null;
    changed();
  }
});
document.addEventListener("visibilitychange", changed);
startTheme();
startHints(find("hints"));
onChange(draw);
follow();
connect();
mountEstate(find("estate"));
