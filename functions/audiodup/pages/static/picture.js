// What is seen of a pair, on one time line, that of A: both waveforms, where the fingerprints differ, and the matched
// stretches as bands from their place in A to their place in B.

import { A, B } from "./line.js";
import WaveSurfer from "./vendor/wavesurfer.esm.js";

const LETTERS = "AB";
const WAVE_HEIGHT = 64;
const LOUDEST = 127;
const SVG = "http://www.w3.org/2000/svg";
const BANDS_HEIGHT = 30;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const TICK_PIXELS = 70;

export class Picture {
  #line;
  #sides;
  #ranges;
  #seconds;
  #root;
  #position;
  #nonce;
  #difference;
  #waves = [null, null];

  /**
   * @param {HTMLElement} player
   * @param {import("./line.js").Line} line
   * @param {HTMLElement[]} sides with what is known of each file
   * @param {number[][]} ranges
   */
  constructor(player, line, sides, ranges) {
    this.#line = line;
    this.#sides = sides;
    this.#ranges = ranges;
    this.#nonce = player.dataset.nonce;
    this.#root = player.querySelector(".picture");
    this.#position = player.querySelector("#position");
    this.#difference = { address: player.dataset.difference, from: 0, to: 0 };
    // Until the waveforms tell.
    this.#seconds = sides.map((side, index) =>
      Math.max(Number(side.dataset.seconds) || 0, ...ranges.map((range) => range[2 * index + 1])),
    );
    this.#drawBands();
    new ResizeObserver(() => this.#layOut()).observe(this.#root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#colour());
  }

  /** Fetch what is drawn; each part for itself, so that one that fails leaves the others. */
  load() {
    return Promise.all([this.#loadWave(A), this.#loadWave(B), this.#loadDifference()]);
  }

  /** Have clicks into a waveform tell which place of which file they mean. */
  onPlace(callback) {
    this.#sides.forEach((_, side) => {
      this.#lane(side).addEventListener("click", (event) => {
        const box = this.#root.getBoundingClientRect();
        const at = this.#from + ((event.clientX - box.left) / box.width) * (this.#to - this.#from);
        callback(side, this.#line.shown(side, at));
      });
    });
  }

  onRange(callback) {
    this.#root.querySelector(".bands").addEventListener("click", ({ target }) => {
      const band = target.closest("[data-band]");
      if (band) callback(Number(band.dataset.band));
    });
  }

  /** Where it is played: on the time line, and in each file. */
  show(position, places) {
    this.#position.value = position;
    this.#position.setAttribute("aria-valuetext", `${clockTime(position)} of A`);
    places.forEach((seconds, side) => {
      const at = this.#line.drawn(side, seconds);
      this.#lane(side).querySelector(".playhead").style.left = `${this.#percent(at)}%`;
    });
  }

  get #from() {
    return Math.min(0, this.#line.drawn(B, 0));
  }

  get #to() {
    return Math.max(this.#seconds[A], this.#line.drawn(B, this.#seconds[B]), this.#from + 1);
  }

  #percent(at) {
    return (100 * (at - this.#from)) / (this.#to - this.#from);
  }

  #lane(side) {
    return this.#root.querySelector(`.lane[data-side="${side}"]`);
  }

  async #loadWave(side) {
    const lane = this.#lane(side);
    const note = lane.querySelector(".note");
    note.textContent = `The waveform of ${LETTERS[side]} is being made …`;
    try {
      const { seconds, peaks, complete } = await (await get(this.#sides[side].dataset.waveform)).json();
      if (complete || seconds > this.#seconds[side]) this.#seconds[side] = seconds;
      const container = lane.querySelector(".wave");
      container.dataset.seconds = seconds;
      this.#layOut();
      // The player is not handed over: what is played is shown on our own time line, with or without a waveform.
      this.#waves[side] = WaveSurfer.create({
        container,
        peaks: [peaks.map((peak) => peak / LOUDEST)],
        duration: seconds,
        height: WAVE_HEIGHT,
        cspNonce: this.#nonce,
        interact: false,
        cursorWidth: 0,
        hideScrollbar: true,
      });
      this.#colour();
      note.textContent = complete ? "" : `Only the first ${clockTime(seconds)} of ${LETTERS[side]} are drawn.`;
    } catch (error) {
      note.textContent = `No waveform of ${LETTERS[side]}: ${error.message}`;
    }
  }

  async #loadDifference() {
    const lane = this.#root.querySelector(".difference");
    const note = lane.querySelector(".note");
    note.textContent = "The fingerprints are being compared …";
    try {
      const response = await get(this.#difference.address);
      this.#difference.from = Number(response.headers.get("X-Start-Seconds"));
      this.#difference.to = Number(response.headers.get("X-End-Seconds"));
      // All of it, so that the image itself comes from the browser's cache.
      await response.arrayBuffer();
      const image = lane.querySelector("img");
      image.src = this.#difference.address;
      image.hidden = false;
      note.textContent = "";
      this.#layOut();
    } catch (error) {
      note.textContent = `No comparison: ${error.message}`;
    }
  }

  #layOut() {
    this.#position.min = this.#from;
    this.#position.max = this.#to;
    this.#sides.forEach((_, side) => {
      const wave = this.#lane(side).querySelector(".wave");
      const seconds = Number(wave.dataset.seconds) || this.#seconds[side];
      this.#place(wave, this.#line.drawn(side, 0), this.#line.drawn(side, seconds));
      this.#drawAxis(side);
    });
    this.#place(this.#root.querySelector(".difference img"), this.#difference.from, this.#difference.to);
    this.#placeBands();
  }

  #place(element, from, to) {
    element.style.left = `${this.#percent(from)}%`;
    element.style.width = `${this.#percent(to) - this.#percent(from)}%`;
  }

  #drawAxis(side) {
    const axis = this.#root.querySelector(`.axis[data-side="${side}"]`);
    const width = this.#root.clientWidth || 1;
    const [from, to] = [this.#line.shown(side, this.#from), this.#line.shown(side, this.#to)];
    const least = ((to - from) * TICK_PIXELS) / width;
    const step = STEPS.find((one) => one >= least) ?? Math.ceil(least / 3600) * 3600;
    const ticks = [];
    for (let at = 0; at <= Math.min(to, this.#seconds[side]); at += step) {
      const tick = document.createElement("span");
      tick.textContent = clockTime(at);
      tick.style.left = `${this.#percent(this.#line.drawn(side, at))}%`;
      ticks.push(tick);
    }
    // A word that would hang over the edge says no more than its neighbours.
    const last = ticks.at(-1);
    if (last && ticks.length > 1 && parseFloat(last.style.left) > 100 - (100 * TICK_PIXELS) / 2 / width) ticks.pop();
    axis.replaceChildren(...ticks);
  }

  #drawBands() {
    const bands = this.#root.querySelector(".bands");
    bands.replaceChildren(
      ...this.#ranges.map(([a0, a1, b0, b1], index) => {
        const band = document.createElementNS(SVG, "polygon");
        band.dataset.band = index;
        const title = document.createElementNS(SVG, "title");
        title.textContent =
          `${clockTime(a0)} to ${clockTime(a1)} of A is ${clockTime(b0)} to ${clockTime(b1)} of B: click to hear it`;
        band.append(title);
        return band;
      }),
    );
  }

  #placeBands() {
    const x = (at) => (10 * this.#percent(at)).toFixed(2);
    this.#root.querySelectorAll("[data-band]").forEach((band, index) => {
      const [a0, a1, b0, b1] = this.#ranges[index];
      const [c0, c1] = [this.#line.drawn(B, b0), this.#line.drawn(B, b1)];
      band.setAttribute(
        "points",
        `${x(a0)},0 ${x(a1)},0 ${x(c1)},${BANDS_HEIGHT} ${x(c0)},${BANDS_HEIGHT}`,
      );
    });
  }

  #colour() {
    this.#waves.forEach((wave, side) => {
      const { color } = getComputedStyle(this.#lane(side).querySelector(".wave"));
      wave?.setOptions({ waveColor: color, progressColor: color });
    });
  }
}

/** `1:02:03`; a minus before what lies before the beginning. */
export function clockTime(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = `${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${String(rest).padStart(2, "0")}`;
  return seconds <= -1 ? `-${text}` : text;
}

async function get(address) {
  let response;
  try {
    response = await fetch(address, { headers: { Accept: "application/json" } });
  } catch {
    throw new Error("no answer from the server.");
  }
  if (response.ok) return response;
  let words = `the server answered ${response.status}.`;
  try {
    const { error, remedy } = await response.json();
    words = [error, remedy].filter(Boolean).join(" ");
  } catch {
    // A proxy in between answers as it likes.
  }
  throw new Error(words);
}
