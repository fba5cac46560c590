// Both files at once, in sync: one leads, the other follows. What is heard leads where it can, so that switching between
// them is instant and never makes a jump.

import { A, B } from "./line.js";

export const HEARD = { A: [A], B: [B], both: [A, B] };

const TICK_MS = 50;
// Above it a seek; below it the follower's rate is changed, by less where it is heard: with "both".
const SEEK_SECONDS = 0.25;
const GOOD_SECONDS = 0.015;
const RATE_PER_SECOND = 3;
const MOST_MUTED = 0.3;
const MOST_HEARD = 0.1;
// A file may have been reloaded here already, and failed again.
const SAME_PLACE_SECONDS = 1;

export class Transport {
  #line;
  #players;
  #changed;
  #lead = A;
  #timer = null;
  #reloadedAt = [-Infinity, -Infinity];

  /**
   * @param {import("./line.js").Line} line
   * @param {HTMLAudioElement[]} players of A and of B
   * @param {() => void} changed called whenever something is to be shown anew
   * @param {(side: number, code: number) => void} failed a player cannot go on
   */
  constructor(line, players, changed, failed) {
    this.#line = line;
    this.#players = players;
    this.#changed = changed;
    this.usable = [true, true];
    this.playing = false;
    this.heard = "A";
    players.forEach((player, side) => {
      player.preservesPitch = true;
      player.addEventListener("error", () => this.#error(side, failed));
      player.addEventListener("loadedmetadata", changed);
      player.muted = side !== A;
      // It may have failed before this script was there.
      if (player.error) queueMicrotask(() => this.#error(side, failed));
    });
  }

  /** Place on A's time line, also where A itself has not begun or has ended. */
  get position() {
    const own = this.#players[this.#lead].currentTime;
    return this.#lead === A ? own : this.#line.across(B, own);
  }

  /** Where each of the two is, in its own time. */
  get places() {
    return this.#players.map((player) => player.currentTime);
  }

  /** The sides that are to be heard, and have no sound at this place. */
  get silent() {
    return HEARD[this.heard].filter((side) => !this.usable[side] || !this.#has(side, this.#placeOf(side)));
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  play() {
    if (!this.usable.includes(true)) return;
    const wish = this.#wish();
    // From the beginning again, where all that is heard has ended.
    if (HEARD[this.heard].every((side) => !this.usable[side] || this.#players[side].ended)) this.seek(wish, 0);
    this.playing = true;
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  pause() {
    this.playing = false;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#players.forEach((player) => player.pause());
    const other = 1 - this.#lead;
    if (this.#has(other, this.#placeOf(other))) this.#follow(other, this.#placeOf(other));
    this.#changed();
  }

  /** @param {"A" | "B" | "both"} what */
  hear(what) {
    this.heard = what;
    this.#players.forEach((player, side) => {
      player.muted = !HEARD[what].includes(side);
    });
    this.#chooseLeader();
    this.#changed();
  }

  /** Go to a place in one of the two; the other goes with it. */
  seek(side, seconds) {
    const places = [seconds, seconds];
    places[1 - side] = this.#line.across(side, seconds);
    const wish = this.#wish();
    const other = 1 - wish;
    this.#lead = !this.#has(wish, places[wish]) && this.#has(other, places[other]) ? other : wish;
    this.#players.forEach((player, each) => this.#go(player, places[each], this.#seconds(each)));
    // What leads may have been kept inside its file: the other follows that.
    const own = this.#players[this.#lead].currentTime;
    this.#go(this.#players[1 - this.#lead], this.#line.across(this.#lead, own), this.#seconds(1 - this.#lead));
    this.#changed();
  }

  /** Go on or back by so many seconds of what leads. */
  skip(seconds) {
    this.seek(this.#lead, this.#players[this.#lead].currentTime + seconds);
  }

  #wish() {
    const wish = HEARD[this.heard][0];
    return this.usable[wish] ? wish : 1 - wish;
  }

  #seconds(side) {
    const { duration } = this.#players[side];
    return Number.isFinite(duration) ? duration : Infinity;
  }

  #placeOf(side) {
    const own = this.#players[this.#lead].currentTime;
    return side === this.#lead ? own : this.#line.across(this.#lead, own);
  }

  #has(side, seconds) {
    return this.usable[side] && seconds >= 0 && seconds < this.#seconds(side);
  }

  #chooseLeader() {
    const wish = this.#wish();
    if (wish === this.#lead || !this.#has(wish, this.#placeOf(wish))) return;
    // Where it has waited for its beginning it is not there yet.
    this.#follow(wish, this.#placeOf(wish));
    this.#lead = wish;
  }

  #tick() {
    if (!this.usable.includes(true)) return this.pause();
    if (!this.usable[this.#lead]) this.#lead = 1 - this.#lead;
    this.#chooseLeader();
    const leader = this.#players[this.#lead];
    const follower = this.#players[1 - this.#lead];
    if (leader.ended && !this.#goOnWithout()) return this.pause();
    const place = this.#line.across(this.#lead, leader.currentTime);
    const pace = this.#line.pace(this.#lead, leader.currentTime);
    this.#setRate(leader, this.#lead === B ? pace : 1);
    this.#start(leader);
    // It waits where it has no such place, and while the leader itself waits for data.
    if (!this.#has(1 - this.#lead, place) || leader.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
      follower.pause();
    } else {
      this.#follow(1 - this.#lead, place, this.#lead === B ? 1 : pace);
      this.#start(follower);
    }
    this.#changed();
  }

  /** What is heard has ended: with "both" the other may be longer. */
  #goOnWithout() {
    const other = 1 - this.#lead;
    if (!HEARD[this.heard].includes(other) || !this.usable[other] || this.#players[other].ended) return false;
    if (!this.#has(other, this.#placeOf(other))) return false;
    this.#lead = other;
    return true;
  }

  #follow(side, place, pace = 1) {
    const player = this.#players[side];
    if (player.seeking) return;
    const late = place - player.currentTime;
    if (Math.abs(late) > SEEK_SECONDS || player.ended || player.paused) {
      if (Math.abs(late) > GOOD_SECONDS) this.#go(player, place, this.#seconds(side));
      this.#setRate(player, pace);
    } else {
      const change = Math.abs(late) < GOOD_SECONDS ? 0 : late * RATE_PER_SECOND;
      const most = player.muted ? MOST_MUTED : MOST_HEARD;
      this.#setRate(player, pace * (1 + Math.min(Math.max(change, -most), most)));
    }
  }

  #go(player, seconds, end) {
    player.currentTime = Math.min(Math.max(seconds, 0), end === Infinity ? Math.max(seconds, 0) : end);
  }

  #setRate(player, rate) {
    if (Math.abs(player.playbackRate - rate) > 0.0005) player.playbackRate = rate;
  }

  #start(player) {
    if (!player.paused || player.ended) return;
    // What it cannot play it tells by an event; a pause in between is no failure.
    player.play().catch((error) => {
      if (error.name === "NotAllowedError") this.pause();
    });
  }

  /** A signed URL may have expired: the address behind `src` gives another one. Once for each place. */
  #error(side, failed) {
    const player = this.#players[side];
    const place = player.currentTime;
    const network = player.error?.code === MediaError.MEDIA_ERR_NETWORK;
    if (network && Math.abs(place - this.#reloadedAt[side]) > SAME_PLACE_SECONDS) {
      this.#reloadedAt[side] = place;
      player.load();
      player.currentTime = place;
      return;
    }
    this.usable[side] = false;
    failed(side, player.error?.code ?? 0);
    this.#changed();
  }
}
