// Where the one file is while the other is at some place: position_b = tempo * position_a + offset, and inside a matched
// range along that range's own line, for the parts of an edited file may have changed places.

export const A = 0;
export const B = 1;

export class Line {
  /** @param {{tempo: number, offset: number, ranges: number[][]}} alignment as the page has it: [a0, a1, b0, b1], seconds */
  constructor(alignment) {
    this.tempo = alignment.tempo;
    this.offset = alignment.offset;
    this.ranges = alignment.ranges.filter(([a0, a1, b0, b1]) => a1 > a0 && b1 > b0);
  }

  /** What of the other file is heard where `side` is at `seconds`; it may lie before its start or behind its end. */
  across(side, seconds) {
    const range = this.#range(side, seconds);
    if (!range) return side === A ? this.tempo * seconds + this.offset : (seconds - this.offset) / this.tempo;
    const [a0, , b0] = range;
    const pace = slope(range);
    return side === A ? b0 + (seconds - a0) * pace : a0 + (seconds - b0) / pace;
  }

  /** How fast B plays beside A where `side` is at `seconds`. */
  pace(side, seconds) {
    const range = this.#range(side, seconds);
    return range ? slope(range) : this.tempo;
  }

  /** Where B's time is drawn on A's time line: always by the one line, or B's waveform would be torn. */
  drawn(side, seconds) {
    return side === A ? seconds : (seconds - this.offset) / this.tempo;
  }

  /** The reverse: what of `side` is drawn at a time of A's line. */
  shown(side, at) {
    return side === A ? at : this.tempo * at + this.offset;
  }

  #range(side, seconds) {
    const first = side === A ? 0 : 2;
    return this.ranges.find((range) => range[first] <= seconds && seconds < range[first + 1]);
  }
}

function slope([a0, a1, b0, b1]) {
  return (b1 - b0) / (a1 - a0);
}
