// The clock on the sandbox's wall, which the speed buttons hurry: read by the estate's poll.

let seen = null;

/** Keep what the clock showed just now: {now, speed}. */
export function setWall(view) {
  seen = { ...view, at: performance.now() };
}

/** What the clock shows, in seconds since the epoch. */
export function wallNow() {
  return seen ? seen.now + ((performance.now() - seen.at) / 1000) * seen.speed : Date.now() / 1000;
}

/** A span of seconds in words. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** A moment of the wall's clock, to the second. */
export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
