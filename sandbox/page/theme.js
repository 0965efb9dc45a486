// Light and dark: the system's choice until the person chooses.

import { h, icon } from "./dom.js";
import { changed, recall, remember } from "./state.js";

const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

/** Apply the remembered choice; called once at the start. */
export function startTheme() {
  const chosen = recall("theme", "");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

/** The button that switches. */
export function themeButton() {
  const next = dark() ? "light" : "dark";
  return h("button.tool", { type: "button", title: `Switch to ${next}`, "aria-label": `Switch to ${next} colours`, data: { focus: "theme" },
    onclick: () => {
      document.documentElement.dataset.theme = next;
      remember("theme", next);
      changed();
    } }, icon(dark() ? "sun" : "moon"));
}
