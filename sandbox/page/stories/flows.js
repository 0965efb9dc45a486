// One story for each of AIVO's flows. Commands carry what the state knows: the moment right before
// the break, damaged keys, the restored instance, the leaked key.

import { bold, CLEAR, type } from "./steps.js";

const MARGIN = 5; // seconds before the break, so that nothing bad is in what is restored

const breaks = (id) => ["Press ", bold((state) => `“${state.scenarios.find((each) => each.id === id)?.title ?? id}”`), " above, and look at the panel."];
const declare = (what) => ["Act as ", bold("Marcus Rodriguez"), ", and write in #incident-response: ", type(`!incident declare "${what}"`)];
const answer = (security, data) => ["Open the channel that Backout makes, and answer. A security incident: ", bold(security), ...(data ? [", data in question: ", bold(data)] : []), "."];
const plan = (text, waits) => ["Write in that channel: ", type(text, waits)];
const approve = (who, why = "") => ["Act as ", bold(who), ": press ", bold("Approve"), `.${why}`];
const onCall = (then = "") => ["Act as ", bold("Emily Watson"), ", who is on call: press ", bold("Approve"), ". If the card still asks for a lead, ", bold("Jennifer Liu"), ` does, too.${then}`];

const before = ({ broken_at: at }) => at === null ? null : `${new Date((at - MARGIN) * 1000).toISOString().slice(0, 19)}Z`;
const moment = (command) => (state) => before(state) && `${command} time=${before(state)}`;

/** Where a restored instance listens that is not the one in use. */
function recovered(state) {
  const used = state.database?.instances?.find((each) => each.in_use)?.id ?? "aivo-prod-primary";
  const found = state.aws?.instances?.find((each) => each.id !== used && each.status === "available" && each.port);
  return found ? `${found.host ?? "127.0.0.1"}:${found.port}` : null;
}

function rows(state) {
  const keys = state.database?.damaged ?? {};
  const named = ["assessments", "grades"].filter((table) => keys[table]?.length).map((table) => `${table}=${keys[table].join(",")}`);
  const place = recovered(state);
  return named.length && place ? `!incident plan rows ${named.join(" ")} recovered=${place}` : null;
}

function key(state) {
  const leaked = state.aws?.keys?.find((each) => each.misuse) ?? null;
  return leaked && `!incident plan security user=${leaked.user} key=${leaked.last4}`;
}

export const FLOWS = [
  {
    id: "flow-service", scenario: "bad_release",
    title: "Service: the previous release",
    steps: [breaks("bad_release"), declare("checkout 5xx"), answer("No", "No"),
      approve("Jennifer Liu", " Once more than 1,000 users are hit, it takes a second lead:"), approve("Alex Thompson"), CLEAR],
    see: "Pods go back to the good version, the error ratio falls, and the status page is opened and resolved.",
  },
  {
    id: "flow-cache", scenario: "stale_cache",
    title: "Service: a cache left wrong",
    steps: [breaks("stale_cache"), declare("wrong course contents"), answer("No", "No"),
      plan("!incident plan service cache=cache:course:"),
      approve("Jennifer Liu"),
      ["The cache has a gate of its own: act as ", bold("Jennifer Liu"), " and press ", bold("Approve"), " once more."],
      CLEAR],
    see: "Only the keys that were named are gone; sessions and queues stay. The errors of content-service end with them.",
  },
  {
    id: "flow-gradual", scenario: "slow_version",
    title: "Gradual: traffic back in three steps",
    steps: [breaks("slow_version"), declare("pages are slow"), answer("No", "No"), plan("!incident plan gradual"),
      approve("Jennifer Liu", " It takes an Engineering Lead.")],
    see: "The bars of the load balancer go from 100 to 50, 25 and 0 %. Each share is watched for ten minutes: press ×10, and they are over in one.",
  },
  {
    id: "flow-flag", scenario: "faulty_feature",
    title: "Flag: switch one feature off",
    steps: [breaks("faulty_feature"), declare("pages are slow"), answer("No", "No"), plan("!incident plan flag"),
      approve("Jennifer Liu", " It takes an Engineering Lead.")],
    see: "The flag goes off within a second, and p95 falls below 500 ms. Then the figures are watched for ten minutes, which are one at ×10.",
  },
  {
    id: "flow-data", scenario: "corrupt_grades",
    title: "Data: the whole database, as it was",
    steps: [breaks("corrupt_grades"), declare("grades are wrong"), answer("No", "Yes"),
      plan(moment("!incident plan data")),
      onCall(" Writers stop, and the database is restored to a new instance."),
      ["When the card asks about the cut-over, read what is lost. It takes a lead and a VP or CTO: ", bold("Jennifer Liu"), " and ", bold("David Park"), "."]],
    see: "Wrong grades stay red until the cut-over; then the restored instance is in use, and says how many rows came back and how many are lost.",
  },
  {
    id: "flow-point", scenario: "corrupt_grades",
    title: "Point in time: a second database",
    steps: [breaks("corrupt_grades"), declare("grades are wrong"), answer("No", "Yes"),
      plan(moment("!incident plan point_in_time")),
      onCall()],
    see: "A new instance appears among the databases, with the rows of that moment. The one in use is not touched.",
  },
  {
    id: "flow-rows", scenario: "some_rows",
    title: "Rows: single rows back",
    steps: [breaks("some_rows"), declare("seven grades are wrong"), answer("No", "Yes"),
      plan(moment("!incident plan point_in_time")), onCall(" Wait until the new instance is available and the incident is closed."),
      declare("put seven grades back"), answer("No", "Yes"),
      plan(rows, "once rows are damaged and a restored instance is available"), onCall(),
      ["The card shows every difference, column by column. Act as ", bold("Jennifer Liu"), " and as ", bold("David Park"), ": press ", bold("Approve"), "."]],
    see: "The damaged rows are restored, in one transaction; everything that was written to others since stays.",
  },
  {
    id: "flow-files", scenario: "bad_files",
    title: "Files: uploads from the backup",
    steps: [breaks("bad_files"), declare("uploads are broken"), answer("No", "Yes"),
      plan(({ aws }) => `!incident plan files prefix=${aws?.files?.prefix ?? "user-uploads/"}`),
      approve("Jennifer Liu"), approve("David Park", " Overwriting takes a lead and a VP or CTO.")],
    see: "The bar of uploaded files fills up. What was overwritten stays as a version of the bucket.",
  },
  {
    id: "flow-security", scenario: "breach",
    title: "Security: shut, keep evidence, reopen",
    steps: [breaks("breach"), declare("stolen access key"), answer("Yes"),
      plan(key, "once the key is misused"), approve("Jennifer Liu"),
      ["The status page's words are asked for: ", bold("Jennifer Liu"), ". The key's end takes a VP or CTO: ", bold("David Park"), "."],
      ["When it is safe again, two sign off: ", bold("Jennifer Liu"), " and ", bold("David Park"), "."]],
    see: "The load balancer answers 503 by itself, the counter at the key stops, pods are stopped and come back; the executives have mail.",
  },
];
