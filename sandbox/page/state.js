// The page's copy of the workspace, kept up to date by the live feed, and who is looking at what.

export const model = {
  ready: false,
  connected: false,
  banner: "",
  bot: "",
  appName: "App",
  shortcuts: [],
  commands: [],
  users: new Map(),
  groups: new Map(),
  channels: new Map(),
  messages: new Map(),
  screens: new Map(),
  calls: [],
  me: "",
  place: { kind: "channel", id: "C0INCIDENTS" },
  thread: null,
};

const bus = new EventTarget();
const stored = (key, fallback) => {
  try {
    return JSON.parse(localStorage.getItem(`backout.${key}`)) ?? fallback;
  } catch {
    return fallback;
  }
};

/** Remember a small thing between visits. */
export function remember(key, value) {
  try {
    localStorage.setItem(`backout.${key}`, JSON.stringify(value));
  } catch {
    // Private windows may refuse; the page works without.
  }
}

export const recall = stored;
const reads = stored("reads", {});

/** Call `listener` (at most once a frame) whenever something changed. */
export function onChange(listener) {
  bus.addEventListener("change", listener);
}

let scheduled = false;

/** Ask for the page to be drawn again. */
export function changed() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    markRead();
    bus.dispatchEvent(new Event("change"));
  });
}

/** Hear of one kind of change as it arrives: `on("message", ({message}) => …)`. */
export function on(kind, listener) {
  bus.addEventListener(`kind:${kind}`, (event) => listener(event.detail));
}

export const me = () => model.users.get(model.me);
export const channelOf = (id) => model.channels.get(id);
export const nameOf = (id) => (id === model.bot ? model.appName : model.users.get(id)?.real_name ?? id);
export const screen = () => model.screens.get(model.me) ?? { modal: null, home: null, depth: 0 };
export const people = () => [...model.users.values()].filter((user) => !user.is_bot && !user.deleted);

/** The messages of a channel that the acting person may see, oldest first. */
export function visible(channelId) {
  const all = [...(model.messages.get(channelId)?.values() ?? [])];
  return all
    .filter((message) => !message.ephemeral_to || message.ephemeral_to === model.me)
    .sort((one, other) => one.ts.localeCompare(other.ts));
}

export const inChannel = (channelId) => visible(channelId).filter((message) => message.in_channel);
export const replies = (channelId, ts) =>
  visible(channelId).filter((message) => message.ts === ts || message.thread_ts === ts);

/** The channels that the acting person is in: joined ones, open ones to join, direct messages. */
export function places() {
  const all = [...model.channels.values()];
  const joined = all.filter((one) => one.members.includes(model.me));
  return {
    joined: joined.filter((one) => !one.is_im && !one.is_archived),
    archived: joined.filter((one) => one.is_archived),
    direct: joined.filter((one) => one.is_im),
    open: all.filter((one) => !joined.includes(one) && !one.is_private && !one.is_archived),
  };
}

/**
 * How many messages the person has not seen in a channel, whether one names everybody there or
 * the person (`named`), and whether one wants this person in particular (`wanted`).
 */
export function unread(channelId, userId = model.me) {
  const last = reads[`${userId}/${channelId}`] ?? "0";
  const groups = [...model.groups.values()].filter((group) => group.users.includes(userId));
  const direct = [`<@${userId}`, ...groups.map((group) => `<!subteam^${group.id}`)];
  const everybody = ["<!channel", "<!here", "<!everyone"];
  let count = 0;
  let named = false;
  let wanted = false;
  for (const message of model.messages.get(channelId)?.values() ?? []) {
    if (message.ts <= last || message.user === userId || !message.in_channel) continue;
    if (message.ephemeral_to ? message.ephemeral_to !== userId : message.subtype) continue;
    count += 1;
    wanted ||= Boolean(message.ephemeral_to) || direct.some((name) => message.search.includes(name));
    named ||= wanted || everybody.some((name) => message.search.includes(name));
  }
  return { count, named, wanted };
}

function markRead() {
  if (model.place.kind !== "channel" || document.hidden) return;
  const last = visible(model.place.id).at(-1)?.ts;
  const key = `${model.me}/${model.place.id}`;
  if (last && reads[key] !== last) {
    reads[key] = last;
    remember("reads", reads);
  }
}

/** Become another person. */
export function actAs(userId) {
  model.me = userId;
  model.thread = null;
  remember("me", userId);
  const channel = channelOf(model.place.id);
  const hidden = channel && (channel.is_private || channel.is_im) && !channel.members.includes(userId);
  if (hidden) model.place = { kind: "channel", id: "C0INCIDENTS" };
  changed();
}

/** Go to a channel or to the app's Home. */
export function goTo(place) {
  model.place = place;
  model.thread = null;
  document.body.dataset.pane = "chat";
  changed();
}

function put(message) {
  message.search = message.text + JSON.stringify(message.blocks ?? "");
  if (!model.messages.has(message.channel)) model.messages.set(message.channel, new Map());
  model.messages.get(message.channel).set(message.ts, message);
}

const APPLY = {
  state(body) {
    const byId = (items) => new Map(items.map((item) => [item.id, item]));
    model.banner = body.banner;
    model.bot = body.bot;
    model.appName = body.app_name;
    model.shortcuts = body.shortcuts;
    model.commands = body.commands;
    model.users = byId(body.users);
    model.groups = byId(body.groups);
    model.channels = byId(body.channels);
    model.screens = new Map(Object.entries(body.screens));
    model.messages = new Map();
    body.messages.forEach(put);
    if (!model.users.has(model.me)) {
      const last = stored("me", "");
      model.me = model.users.has(last) ? last : people()[0]?.id ?? "";
    }
    if (!model.channels.has(model.place.id)) model.place = { kind: "channel", id: body.channels[0]?.id };
    if (!model.channels.has(model.thread?.channel)) model.thread = null;
    model.ready = true;
  },
  message: ({ message }) => put(message),
  message_gone: ({ channel, ts }) => model.messages.get(channel)?.delete(ts),
  channel: ({ channel }) => model.channels.set(channel.id, channel),
  user: ({ user }) => model.users.set(user.id, user),
  screen: ({ user, ...shown }) => model.screens.set(user, shown),
  app: ({ shortcuts }) => (model.shortcuts = shortcuts),
  phones: ({ calls }) => (model.calls = calls),
};

/** Open the live feed and keep it open. */
export function connect() {
  let pause = 250;
  const open = () => {
    const socket = new WebSocket(`ws://${location.host}/page/ws`);
    socket.onmessage = ({ data }) => {
      const body = JSON.parse(data);
      pause = 250;
      model.connected = true;
      APPLY[body.kind]?.(body);
      bus.dispatchEvent(new CustomEvent(`kind:${body.kind}`, { detail: body }));
      changed();
    };
    socket.onclose = () => {
      model.connected = false;
      changed();
      setTimeout(open, pause);
      pause = Math.min(pause * 2, 4000);
    };
  };
  open();
}
