// Numbers and texts as people read them.

const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A text of anybody's, fit for one line: what cannot be seen becomes visible, what is too long is cut. */
export function plain(text, max = 160) {
  const one = String(text ?? "").slice(0, max * 2).replace(HIDDEN, "\ufffd");
  const letters = Array.from(one);
  return letters.length > max ? letters.slice(0, max - 1).join("") + "…" : one;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** A share from 0 to 1 as percent. */
export function percent(share) {
  if (!isNumber(share)) return "–";
  return (share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0) + " %";
}

/** Milliseconds of latency. */
export function latency(ms) {
  if (!isNumber(ms)) return "–";
  if (ms === 0) return "0 ms";
  if (ms >= 10000) return (ms / 1000).toFixed(0) + " s";
  if (ms >= 1000) return (ms / 1000).toFixed(1) + " s";
  return (ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)) + " ms";
}

/** A span of time in milliseconds. */
export function span(ms) {
  if (!isNumber(ms)) return "–";
  if (ms < 1000) return Math.max(0, Math.round(ms)) + " ms";
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return seconds + " s";
  if (seconds < 7200) return Math.floor(seconds / 60) + " min";
  if (seconds < 172800) return Math.floor(seconds / 3600) + " h";
  return Math.floor(seconds / 86400) + " days";
}

/** Bytes with a unit. */
export function bytes(count) {
  if (!isNumber(count)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit++; }
  return (count >= 100 || unit === 0 ? count.toFixed(0) : count.toFixed(1)) + " " + units[unit];
}

/** A number of things, short. */
export function amount(value) {
  if (!isNumber(value)) return "–";
  if (value >= 1e6) return (value / 1e6).toFixed(1) + " M";
  if (value >= 1e4) return (value / 1e3).toFixed(1) + " k";
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

/** A number with two decimals. */
export const decimal = (value) => (isNumber(value) ? value.toFixed(2) : "–");

/** A moment as HH:MM:SS, with the day where it is not today. */
export function clock(ms) {
  if (!isNumber(ms)) return "–";
  const moment = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  const isToday = new Date().toDateString() === moment.toDateString();
  return isToday ? time : `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${time}`;
}

/** A number of things with their name. */
export const counted = (count, one, many = one + "s") => `${count} ${count === 1 ? one : many}`;

/** A moment for `title` and `datetime`. */
export const iso = (ms) => (isNumber(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : "");
