// The page of one pair: hear it, see it, decide.

import { UNDO, lastSaid, news, say, tell, tellNext } from "./decide.js";
import { onKeys } from "./keys.js";
import { listen } from "./listen.js";

const form = document.getElementById("decide");
const status = document.getElementById("told");
const buttons = [...form.querySelectorAll("button")];
const names = Object.fromEntries(buttons.map((button) => [button.value, button.dataset.name]));
let isLeaving = false;

tell(status, news() ?? "");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  decide(event.submitter.value);
});
onKeys({
  ...listen(document.getElementById("player")),
  ...Object.fromEntries(buttons.map((button) => [button.dataset.key, () => decide(button.value)])),
  ".": () => go("next", "There is no next pair in this list."),
  ",": () => go("prev", "There is no previous pair in this list."),
  l: () => go("up", ""),
});

function go(relation, otherwise) {
  const link = document.querySelector(`.paging a[rel=${relation}]`);
  if (link) leave(link.href);
  else tell(status, otherwise);
}

function leave(address, words) {
  isLeaving = true;
  if (words) tellNext(words);
  location.assign(address);
}

async function decide(word) {
  if (isLeaving) return;
  const { a, a_key, b, b_key, seen } = Object.fromEntries(new FormData(form));
  if (word === UNDO && !form.dataset.review) return undoLast();
  tell(status, `${names[word]} …`);
  try {
    const answer = await say({ a, a_key, b, b_key }, word, seen);
    if (!answer) return;
    if (word !== UNDO) return leave(form.dataset.next, `${names[word]}: ${a_key} and ${b_key}. U takes it back.`);
    isLeaving = true;
    tellNext("Taken back: this pair is undecided.");
    location.reload();
  } catch (error) {
    tell(status, error.message, true);
  }
}

/** Take back what this tab has said last, and go there. */
async function undoLast() {
  const last = lastSaid();
  if (!last) return tell(status, "Nothing is said of this pair, and this tab has said nothing that could be taken back.");
  tell(status, `Taking back ${names[last.word]} of the pair before …`);
  try {
    const answer = await say(last.pair, UNDO, last.seen);
    if (answer) leave(last.page, `Taken back: ${names[last.word]}. This pair is undecided.`);
  } catch (error) {
    tell(status, error.message, true);
  }
}
