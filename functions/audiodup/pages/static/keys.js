// Single keys, and the dialog that tells them. They can be switched off there: who speaks to his computer, or types by
// accident, would else decide without meaning to.

import { always } from "./memory.js";

const TEXT = "input:not([type=range]), textarea, select, [contenteditable]";
const PRESSED = "button";

/** @param {Record<string, () => void>} actions by the lower-case letter or the name of the key */
export function onKeys(actions) {
  const dialog = document.getElementById("keys");
  const open = document.getElementById("show-keys");
  const on = document.getElementById("keys-on");
  on.checked = always.recall("keys-off") !== true;
  on.addEventListener("change", () => always.keep("keys-off", !on.checked));
  open.hidden = false;
  open.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.isComposing || dialog.open) return;
    if (event.ctrlKey || event.altKey || event.metaKey || (event.shiftKey && event.key !== "?")) return;
    let target = event.target instanceof Element ? event.target : document.body;
    // Until the page is drawn again the focus stays in the dialog that was closed, and Space would move its switch.
    if (dialog.contains(target)) {
      target.blur();
      target = document.body;
    }
    if (target.matches(TEXT) || (event.key === " " && target.matches(PRESSED))) return;
    // The volume is moved by the arrows itself; the position by as much as everywhere on the page.
    if (event.key.startsWith("Arrow") && target.matches("input") && !("seeks" in target.dataset)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = key === "?" ? () => dialog.showModal() : Object.hasOwn(actions, key) && actions[key];
    if (!action || (!on.checked && key.length === 1)) return;
    event.preventDefault();
    action();
  });
}
