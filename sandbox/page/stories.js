// Stories to play: what a newcomer can try, in steps, with what there is to see.

import { fill, h } from "./dom.js";
import { recall, remember } from "./state.js";

const BREAK = ["Press ", "“Ship the bad release”", " below, and wait until more than 1,000 users are hit."];
const DECLARE = ["Act as ", "Marcus Rodriguez", ", and write in #incident-response: ", "!incident declare \"checkout 5xx\""];
const ANSWER = ["Open the channel that Backout makes, and answer its two questions with ", "No", "."];
const END = ["To end it, write in the incident's channel: ", "!incident abort just playing"];

const STORIES = [
  {
    id: "leads",
    title: "Two leads approve",
    steps: [BREAK, DECLARE, ANSWER,
      ["Act as ", "Jennifer Liu", ": press ", "Approve", ". One yes is not enough for so many users."],
      ["Act as ", "Alex Thompson", ": press ", "Approve", "."]],
    see: "The card names who is missing, until both have said yes. Then the release goes back, and the incident closes by itself.",
  },
  {
    id: "refusal",
    title: "A refusal",
    steps: [BREAK, DECLARE, ANSWER,
      ["Still as ", "Marcus Rodriguez", ": press ", "Approve", ". You declared it, so you can't."],
      ["Act as ", "David Park", ": press ", "Approve", ". An executive can't either: you are told who can."],
      ["Act as ", "Jennifer Liu", ": press ", "Deny…", ", and give a reason."]],
    see: "Nothing is rolled back. The card says who said no, and why.",
    end: END,
  },
  {
    id: "escalation",
    title: "Nobody answers, up to level 3",
    steps: [["Press ", "Repair everything", ", so that nothing else calls people."], DECLARE,
      ["Press nothing in the channel. Let ", "Emily Watson", "'s phone ring."],
      ["Press ", "×10", " at the top of this panel: 15 minutes pass in 90 seconds."],
      ["After 5 minutes of the clock the leads are called, after 15 the executives. Press ", "Acknowledge", " on ", "Sarah Kim", "'s phone, and then ", "×1", "."]],
    see: "Every other phone stops at once, and the card says who answered, after how long.",
    end: END,
  },
  {
    id: "glass",
    title: "Break-glass, and its review",
    steps: [BREAK, DECLARE, ANSWER,
      ["Still as ", "Marcus Rodriguez", ", alone at night: press ", "Break glass…", ", and say why."],
      ["Look at the phones: leads and executives are told at once. The rollback has begun."],
      ["When it is closed, act as ", "Jennifer Liu", " and press ", "Reviewed", " on the card. Marcus can't: it was his emergency."]],
    see: "It went without approval, and everybody knows. The card shows the review that is owed, until somebody else has given it.",
  },
];

const BETWEEN = "One incident at a time: end a story before you begin the next one, and press “Repair everything”.";

/** Show the stories in an element; which one is open is remembered. */
export function mountStories(root) {
  const open = recall("story", "");
  fill(root, h("section", { "aria-label": "Stories to play" },
    h("h3", {}, "Stories to play"),
    STORIES.map((story) => one(story, story.id === open)),
    h("p.estate-note", {}, BETWEEN)));
}

function one(story, open) {
  const details = h("details.story", { name: "story" },
    h("summary", {}, story.title),
    h("ol", {}, story.steps.map((step) => h("li", {}, parts(step)))),
    h("p.story-see", {}, story.see, story.end ? [" ", parts(story.end)] : null));
  details.open = open;
  details.addEventListener("toggle", () => {
    if (details.open) remember("story", story.id);
    else if (recall("story", "") === story.id) remember("story", "");
  });
  return details;
}

// Every second part of a sentence is what is pressed, typed, or who acts.
const parts = (sentence) => sentence.map((part, index) => (index % 2 ? strong(part) : part));
const strong = (text) => (text.startsWith("!") ? h("code", {}, text) : h("b", {}, text));
