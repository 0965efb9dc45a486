// Everything that the acting person does goes to the workspace through here.

import { toast } from "./dom.js";
import { model } from "./state.js";

const REASONS = {
  no_socket: "is not connected",
  timeout: "did not answer in time",
  socket_closed: "lost its connection",
  connection: "cannot be reached",
};

/** Perform an act; returns its answer, or null after telling the person what went wrong. */
export async function act(name, body = {}) {
  try {
    const response = await fetch(`/control/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: model.me, ...body }),
    });
    const answer = await response.json();
    if (!answer.ok) {
      toast(`That did not work: ${answer.error.replaceAll("_", " ")}.`, "error");
      return null;
    }
    return answer;
  } catch {
    toast("The sandbox does not answer. Is it still running?", "error");
    return null;
  }
}

/** Tell the person when the app did not take an interaction. */
export function complain(answer) {
  if (answer && answer.acked === false && answer.error && answer.error !== "incomplete") {
    toast(`${model.appName} ${REASONS[answer.error] ?? "refused this"}. Try again in a moment.`, "error");
  }
  return answer;
}

/** Press a button or choose a value somewhere; `where` is {channel, ts} or {view_id}. */
export async function click(where, element, block, value) {
  return complain(await act("click", { ...where, action_id: element.action_id, block_id: block.block_id, value }));
}
