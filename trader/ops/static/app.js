// Follows the daemon's event stream, and says loudly when the stream has stopped.

import { clock } from "./format.js";
import { show } from "./view.js";

const STALE_AFTER_MS = 3500;
const RETRY_MS = 3000;

const stale = document.getElementById("stale");
const loadedAt = Date.now();
let heardAt = null; // the local time of the last status
let heardUtc = null; // the daemon's time in it
let stream = null;

function hear(text) {
  const status = JSON.parse(text);
  show(status);
  // Only after it is on the page: a status that cannot be shown counts as none.
  heardAt = Date.now();
  heardUtc = status.now_utc;
  judge();
}

function judge() {
  const silence = Date.now() - (heardAt ?? loadedAt);
  const isStale = silence > STALE_AFTER_MS;
  stale.hidden = !isStale;
  document.body.classList.toggle("is-stale", isStale);
  if (!isStale) return;
  const since = heardUtc === null ? "this page was opened" : clock(heardUtc);
  stale.textContent = `Stale since ${since}: no word from the daemon for ${Math.round(silence / 1000)} s. What is below may be wrong.`;
  document.title = "Stale · trader";
}

function follow() {
  stream?.close();
  stream = new EventSource("/ops/events");
  stream.onmessage = (event) => hear(event.data);
  stream.onerror = () => {
    // The browser retries by itself unless it was refused, as when too many pages follow.
    if (stream.readyState === EventSource.CLOSED) {
      askOnce();
      setTimeout(follow, RETRY_MS);
    }
  };
}

async function askOnce() {
  try {
    // 503 means "not ready", and its body is as complete as that of a 200.
    const response = await fetch("/ops/status", { cache: "no-store" });
    hear(await response.text());
  } catch {
    judge();
  }
}

setInterval(judge, 500);
follow();
