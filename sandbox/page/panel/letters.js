// What was mailed: each letter opens by a click.

import { h } from "../dom.js";
import { moment } from "../wall.js";
import { counted, list, section, setText } from "./pieces.js";

export const buildLetters = () => section("Mail", { letters: h("ul.letters"), empty: h("p.estate-note", {}, "Nothing was mailed yet.") });

export function showLetters(part, state) {
  const letters = state.mails;
  part.root.hidden = !letters;
  if (!letters) return;
  part.empty.hidden = letters.length > 0;
  setText(part.note, letters.length ? counted(letters.length, "letter") : "");
  list(part.letters, letters, (letter) => `${letter.at}/${letter.to.join()}/${letter.subject}`, (letter) =>
    h("li", {}, h("details", {},
      h("summary", {}, h("b", {}, letter.subject), h("span.estate-note", {}, `to ${letter.to.join(", ")} · ${moment(letter.at)}`)),
      h("p.estate-note", {}, `From ${letter.from}`),
      h("p.letter-text", {}, letter.text))));
}
