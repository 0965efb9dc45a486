// Confirmation dialogs of buttons and menus.

import { fill, h } from "./dom.js";
import { mrkdwn, plain } from "./mrkdwn.js";

const body = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : h("p", {}, plain(object.text)));

/** Ask and resolve to true when confirmed; Esc and the other button mean no. */
export function ask(confirm) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close();
      resolve(answer);
    };
    const no = h("button.button", { type: "button", onclick: () => close(false) }, plain(confirm.deny.text));
    const yes = h("button.button", { type: "button", class: confirm.style ?? "primary", onclick: () => close(true) }, plain(confirm.confirm.text));
    fill(dialog,
      h("h2", { id: "confirm-title" }, plain(confirm.title.text)),
      h("div.dialog-body", {}, body(confirm.text)),
      h("div.dialog-actions", {}, no, yes));
    dialog.oncancel = (event) => {
      event.preventDefault();
      close(false);
    };
    dialog.showModal();
    no.focus();
  });
}
