// Saying a word on a pair: the request, the words of this tab that can still be taken back, and what is told on the
// next page. No word is lost silently: whatever goes wrong is thrown as an Error whose message is for the person.

import { tab } from "./memory.js";

export const UNDO = "UNDO";
const SECONDS = 30;
const REMEMBERED = 200;
const NO_ANSWER =
  "No answer from the server: the word may not be stored. Load the page again to see; you may have been signed out.";

const LOOK = "The word may not be stored: load the page again to see.";
const [NOT_THERE, CHANGED] = [404, 409];

let underway = false;

addEventListener("beforeunload", (event) => {
  if (underway) event.preventDefault();
});
// Gone back to, a page would show what held when it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

/**
 * Say it, unless another word is on its way.
 *
 * @param {{a: string, a_key: string, b: string, b_key: string}} pair
 * @param {string} word
 * @param {string} seen the id of the word that the person has looked at
 * @returns {Promise<{review: string | null, seen: string, by: string} | null>} null: another word is on its way
 */
export async function say(pair, word, seen) {
  if (underway) return null;
  underway = true;
  try {
    const answer = await post({ ...pair, word, seen });
    if (word !== UNDO) keep([...kept(), { pair, word, seen: answer.seen, page: pairPage(pair) }]);
    // What was taken back here cannot be taken back from elsewhere.
    else forget(pair);
    return answer;
  } catch (error) {
    // Nor can what is not there any more, or what somebody else has decided since.
    if (word === UNDO && [NOT_THERE, CHANGED].includes(error.status)) forget(pair);
    throw error;
  } finally {
    underway = false;
  }
}

/** The word that this tab has said last and that was not taken back. */
export function lastSaid() {
  return kept().at(-1) ?? null;
}

/** Tell something on the page that comes next. */
export function tellNext(words) {
  tab.keep("news", words);
}

/** What the page before wanted told here. */
export function news() {
  return tab.take("news");
}

/** @param {HTMLElement} status @param {string} words @param {boolean} isBad */
export function tell(status, words, isBad = false) {
  status.textContent = words;
  status.classList.toggle("bad", isBad);
  if (!isBad) return;
  const again = document.createElement("a");
  again.href = location.href;
  again.textContent = "Load the page again";
  status.append(" ", again);
}

export function isSame(one, other) {
  return ["a", "a_key", "b", "b_key"].every((name) => one[name] === other[name]);
}

async function post(fields) {
  let response;
  try {
    response = await fetch("/decide", {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(fields),
      // Sent to its end, though the page is left.
      keepalive: true,
      signal: AbortSignal.timeout(SECONDS * 1000),
    });
  } catch {
    throw new Error(NO_ANSWER);
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    // A proxy in between answers as it likes.
    throw refused(response.status, response.ok ? NO_ANSWER : `The server answered ${response.status}. ${LOOK}`);
  }
  // What changed meanwhile says itself what became of the word; above 500 nobody knows.
  const before = response.status === CHANGED ? "" : response.status < 500 ? "Not stored." : LOOK;
  if (!response.ok) throw refused(response.status, [before, answer.error, answer.remedy].filter(Boolean).join(" "));
  return answer;
}

function refused(status, words) {
  return Object.assign(new Error(words), { status });
}

/** The page of the pair in the list that is looked at now. */
function pairPage(pair) {
  const query = new URLSearchParams(location.search);
  query.delete("page");
  for (const [name, value] of Object.entries(pair)) query.set(name, value);
  return `/pair?${query}`;
}

function forget(pair) {
  keep(kept().filter((said) => !isSame(said.pair, pair)));
}

function kept() {
  return tab.recall("said") ?? [];
}

function keep(said) {
  tab.keep("said", said.slice(-REMEMBERED));
}
