// Stories about people: who approves, who refuses, who is called, and what goes without them.

import { bold, CLEAR, type } from "./steps.js";

const BREAK = ["Press ", bold("“Ship the bad release”"), ", and wait until more than 1,000 users are hit."];
const DECLARE = ["Act as ", bold("Marcus Rodriguez"), ", and write in #incident-response: ", type("!incident declare \"checkout 5xx\"")];
const ANSWER = ["Open the channel that Backout makes, and answer its two questions with ", bold("No"), "."];
const END = ["To end it, write in the incident's channel: ", type("!incident abort just playing")];

export const PEOPLE = [
  {
    id: "leads",
    title: "Two leads approve",
    steps: [BREAK, DECLARE, ANSWER,
      ["Act as ", bold("Jennifer Liu"), ": press ", bold("Approve"), ". One yes is not enough for so many users."],
      ["Act as ", bold("Alex Thompson"), ": press ", bold("Approve"), "."], CLEAR],
    see: "The card names who is missing, until both have said yes. Then the release goes back, and the incident is closed.",
  },
  {
    id: "refusal",
    title: "A refusal",
    steps: [BREAK, DECLARE, ANSWER,
      ["Still as ", bold("Marcus Rodriguez"), ": press ", bold("Approve"), ". You declared it, so you can't."],
      ["Act as ", bold("David Park"), ": press ", bold("Approve"), ". An executive can't either: you are told who can."],
      ["Act as ", bold("Jennifer Liu"), ": press ", bold("Deny…"), ", and give a reason."]],
    see: "Nothing is rolled back. The card says who said no, and why.",
    end: END,
  },
  {
    id: "escalation",
    title: "Nobody answers, up to level 3",
    steps: [["Press ", bold("Repair everything"), ", so that nothing else calls people."], DECLARE,
      ["Press nothing in the channel. Let ", bold("Emily Watson"), "'s phone ring."],
      ["Press ", bold("×10"), " at the top of this panel: 15 minutes pass in 90 seconds."],
      ["After 5 minutes of the clock the leads are called, after 15 the executives. Press ", bold("Acknowledge"), " on ", bold("Sarah Kim"), "'s phone, and then ", bold("×1"), "."]],
    see: "Every other phone stops at once, and the card says who answered, after how long.",
    end: END,
  },
  {
    id: "glass",
    title: "Break-glass, and its review",
    steps: [BREAK, DECLARE, ANSWER,
      ["Still as ", bold("Marcus Rodriguez"), ", alone at night: press ", bold("Break glass…"), ", and say why."],
      ["Look at the phones: leads and executives are told at once. The rollback has begun."],
      CLEAR,
      ["When it is closed, act as ", bold("Jennifer Liu"), " and press ", bold("Reviewed"), " on the card. Marcus can't: it was his emergency."]],
    see: "It went without approval, and everybody knows. The card shows the review that is owed, until somebody else has given it.",
  },
];
