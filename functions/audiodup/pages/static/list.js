// The list by keyboard: arrows from row to row, a letter decides the row that has the focus.

import { UNDO, isSame, lastSaid, news, say, tell } from "./decide.js";
import { onKeys } from "./keys.js";

const filter = document.querySelector("form.filter");
const status = document.getElementById("told");
const rows = [...document.querySelectorAll("table.pairs tbody tr")].map(readRow);
const names = {};

tell(status, news() ?? "");
filter.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement) filter.requestSubmit();
});
filter.addEventListener("formdata", ({ formData }) => {
  // Without them addresses stay short; but no `review` would mean the undecided ones.
  for (const [name, value] of [...formData]) if (value === "" && name !== "review") formData.delete(name);
});

const actions = {
  ArrowDown: () => move(1),
  j: () => move(1),
  ArrowUp: () => move(-1),
  i: () => move(-1),
};
const buttons = document.getElementById("words").content;
for (const button of buttons.querySelectorAll("button")) {
  names[button.value] = button.dataset.name;
  actions[button.dataset.key] = () => decide(focused(), button.value);
}
for (const row of rows) {
  row.decision.append(buttons.cloneNode(true));
  row.decision.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button) decide(row, button.value);
  });
}
onKeys(actions);

function readRow(element) {
  const link = element.querySelector("a.open");
  const query = new URL(link.href).searchParams;
  const pair = Object.fromEntries(["a", "a_key", "b", "b_key"].map((name) => [name, query.get(name)]));
  return { element, link, pair, decision: element.querySelector(".decision") };
}

function focused() {
  return rows.find((row) => row.element.contains(document.activeElement));
}

function move(by) {
  const at = rows.indexOf(focused());
  const row = at < 0 ? rows[by > 0 ? 0 : rows.length - 1] : rows[at + by];
  row?.link.focus();
}

async function decide(row, word) {
  if (word === UNDO && !row?.element.dataset.review) return undoLast();
  if (!row) return tell(status, "No pair has the focus: choose one by the arrow keys.");
  try {
    const answer = await say(row.pair, word, row.element.dataset.seen);
    if (!answer) return;
    show(row, answer);
    tell(status, word === UNDO ? `Taken back: ${title(row)}.` : `${names[word]}: ${title(row)}. U takes it back.`);
    // Only if the person is still there.
    if (word !== UNDO && focused() === row) move(1);
  } catch (error) {
    tell(status, error.message, true);
  }
}

/** Take back what this tab has said last, be its row on this page or not. */
async function undoLast() {
  const last = lastSaid();
  if (!last) return tell(status, "This tab has said nothing that could be taken back.");
  const row = rows.find(({ pair }) => isSame(pair, last.pair));
  try {
    const answer = await say(last.pair, UNDO, last.seen);
    if (!answer) return;
    if (row) {
      show(row, answer);
      row.link.focus();
    }
    tell(status, `Taken back: ${names[last.word]} of ${last.pair.a_key} and ${last.pair.b_key}.`);
  } catch (error) {
    tell(status, error.message, true);
  }
}

function show(row, { review, seen, by }) {
  row.element.dataset.seen = seen;
  row.element.dataset.review = review ?? "";
  const word = row.decision.querySelector(".word");
  word.className = `word ${(review ?? "undecided").toLowerCase()}`;
  word.textContent = review ? names[review] : "undecided";
  row.decision.querySelector(".by").textContent = review ? `${by}, just now` : "";
  const keep = row.element.querySelector(".keep");
  const { rule, other, reason } = keep.dataset;
  const isOther = review === "KEEP_OTHER";
  keep.querySelector(".letter").textContent = isOther ? other : rule;
  keep.querySelector(".reason").textContent = isOther ? `${by} chose it` : reason;
}

function title({ pair }) {
  return `${pair.a_key} and ${pair.b_key}`;
}
