// The player of a pair: one transport for both files, and the picture that moves with it.

import { A, B, Line } from "./line.js";
import { tab } from "./memory.js";
import { Picture, clockTime } from "./picture.js";
import { Transport } from "./transport.js";

const SETTLED_MILLISECONDS = 400;
const LETTERS = "AB";
const SKIP_SECONDS = 5;

/** Bring it to life; returns what its keys do. */
export function listen(player) {
  const alignment = JSON.parse(player.dataset.alignment);
  const line = new Line(alignment);
  const sides = [...player.querySelectorAll(".side")];
  const players = sides.map((side) => side.querySelector("audio"));
  const picture = new Picture(player, line, sides, alignment.ranges);
  const transport = new Transport(line, players, show, failed);
  const play = player.querySelector("#play");
  const hears = [...player.querySelectorAll("[data-hear]")];
  const clock = player.querySelector("#clock");
  const silence = player.querySelector("#silence");
  const volume = player.querySelector("#volume");
  const position = player.querySelector("#position");

  player.classList.add("ready");
  for (const audio of players) audio.controls = false;
  for (const part of player.querySelectorAll("[data-scripted]")) part.hidden = false;

  // A button that was clicked would take the next Space for itself.
  player.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur());
  play.addEventListener("click", () => transport.toggle());
  for (const button of hears) button.addEventListener("click", () => transport.hear(button.dataset.hear));
  position.addEventListener("input", () => transport.seek(A, Number(position.value)));
  setVolume(tab.recall("volume") ?? 1);
  volume.addEventListener("input", () => {
    setVolume(Number(volume.value));
    tab.keep("volume", Number(volume.value));
  });
  picture.onPlace((side, seconds) => transport.seek(side, seconds));
  picture.onRange(playRange);
  for (const button of document.querySelectorAll("[data-range]")) {
    button.hidden = false;
    button.addEventListener("click", () => playRange(Number(button.dataset.range)));
  }
  show();
  // Whoever only passes by on his way through the list has nothing decoded.
  setTimeout(() => picture.load(), SETTLED_MILLISECONDS);

  function playRange(index) {
    transport.seek(A, alignment.ranges[index][0]);
    transport.play();
  }

  function setVolume(value) {
    volume.value = value;
    for (const audio of players) audio.volume = value;
  }

  function show() {
    play.textContent = transport.playing ? "Pause" : "Play";
    for (const button of hears) button.setAttribute("aria-pressed", String(button.dataset.hear === transport.heard));
    const places = transport.places;
    setText(clock, places.map((seconds, side) => `${LETTERS[side]} ${clockTime(seconds)}`).join(" · "));
    setText(silence, transport.silent.map((side) => why(side)).join(" "));
    picture.show(transport.position, places);
  }

  function why(side) {
    if (!transport.usable[side]) return `${LETTERS[side]} cannot be played.`;
    return `${LETTERS[side]} has no sound here.`;
  }

  function failed(side, code) {
    const trouble = sides[side].querySelector(".trouble");
    const isRefused = code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED;
    trouble.textContent = isRefused
      ? `This browser cannot play ${LETTERS[side]}: it does not know the format, or the file cannot be reached. All else works.`
      : `${LETTERS[side]} cannot be played on from here. Load the page again to try once more; all else works.`;
    trouble.hidden = false;
  }

  return {
    " ": () => transport.toggle(),
    a: () => transport.hear("A"),
    b: () => transport.hear("B"),
    m: () => transport.hear("both"),
    x: () => transport.hear(transport.heard === "A" ? "B" : "A"),
    ArrowLeft: () => transport.skip(-SKIP_SECONDS),
    ArrowRight: () => transport.skip(SKIP_SECONDS),
  };
}

/** A status line is read out anew whenever it is written. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
