// Numbers, ages and times as people read them. Unknown is a dash, never a zero.

const NONE = "–";

function grouped(text, least, most) {
  const value = text === null || text === undefined || text === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) return null;
  return {
    value,
    text: Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: least, maximumFractionDigits: most }),
  };
}

function withSign(number, plus) {
  if (number === null) return NONE;
  // A value that rounds to zero has no sign.
  const isZero = !/[1-9]/.test(number.text);
  return (isZero ? "" : number.value < 0 ? "−" : plus) + number.text;
}

export const money = (text) => withSign(grouped(text, 2, 2), "");
export const change = (text) => withSign(grouped(text, 2, 2), "+");
export const price = (text) => withSign(grouped(text, 2, 6), "");
// Of several fills: a quotient has as many digits as one likes.
export const average = (text) => withSign(grouped(text, 2, 4), "");
export const quantity = (text) => withSign(grouped(text, 0, 8), "");
export const percent = (share) => withSign(grouped(share * 100, 2, 2), "+") + " %";

export const share = (part) => withSign(grouped(part * 100, 2, 2), "") + " %";
export const ratio = (value) => withSign(grouped(value, 2, 2), "");

export function toneOf(text) {
  const number = grouped(text, 2, 2);
  if (number === null || !/[1-9]/.test(number.text)) return "";
  return number.value < 0 ? "bad" : "good";
}

export function age(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function milliseconds(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  return `${(seconds * 1000).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
}

// The daemon says UTC; people read the clock on their wall. Both are given a Date or an ISO text.

const two = (number) => String(number).padStart(2, "0");
const read = (moment) => (moment instanceof Date ? moment : new Date(moment));

export function clock(moment) {
  if (!moment) return NONE;
  const at = read(moment);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function day(moment) {
  if (!moment) return NONE;
  const at = read(moment);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

// As "UTC+2"; it depends on the season, so on the moment.
export function zone(moment) {
  const minutes = -read(moment).getTimezoneOffset();
  const rest = Math.abs(minutes) % 60;
  if (minutes === 0) return "UTC";
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${two(rest)}` : ""}`;
}

export const sentence = (kind) => {
  const spaced = kind.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
};
