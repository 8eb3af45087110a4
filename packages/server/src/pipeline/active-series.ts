/**
 * Which series were seen within a window of time, by the 64-bit hash of their labels, and how many there are of each
 * metric name. 16 bytes a series in open addressing, cut into shards so that growing or forgetting never holds the
 * event loop for long: a shard of 2 million series has about 8,000.
 */

const SHARDS = 256;
const SHARD_SLOTS_MIN = 32;
/** A slot: two words of hash, a hash of the metric's name, and the tick it was seen last. */
const WORDS = 4;
const NAME = 2;
const SEEN = 3;
/** Set until a second batch shows the series: it may yet be taken back. */
const PENDING = 0x8000_0000;
/**
 * Slots filled at most, as parts of 512: from a half to seven eighths. Each shard has another bound, as otherwise all
 * would grow with the same batch.
 */
const FULL_LEAST = 256;
const FULL_SPREAD = 192 / SHARDS;
const TICKS_PER_WINDOW = 12;
/** Shards looked through for each batch: under a millisecond of work. */
const SWEEP_SHARDS = 4;

/** Counters per name are cells of two tables; a name's count is the smaller one, so a clash in one does no harm. */
const NAME_CELLS = 2 ** 18;

export interface ActiveSeries {
  readonly total: number;
  /** The time of `touch`: once a series was touched, doing so again changes nothing until this is another. */
  readonly tick: number;
  /** Series of a name; too high only when two names clash in both tables. */
  ofName(nameHash: number): number;
  /** Whether it was seen within the window; if so it is seen now. */
  touch(low: number, high: number): boolean;
  /** Adds a series that is not there. */
  add(low: number, high: number, nameHash: number): void;
  /** Takes back what `add` did, unless the series was seen again since. */
  takeBack(low: number, high: number): void;
  /** Moves time on: what was not seen for the window is forgotten, a few shards with each call. */
  advance(nowMs: number): void;
}

export function createActiveSeries(windowMs: number, startMs: number): ActiveSeries {
  const tickMs = windowMs / TICKS_PER_WINDOW;
  const shards: readonly Shard[] = Array.from({ length: SHARDS }, (_, i) => ({
    words: new Uint32Array(SHARD_SLOTS_MIN * WORDS),
    used: 0,
    full: FULL_LEAST + i * FULL_SPREAD,
  }));
  const cells = [new Uint32Array(NAME_CELLS), new Uint32Array(NAME_CELLS)] as const;
  const shardOf = (high: number): Shard => shards[high & (SHARDS - 1)] as Shard;
  const isAlive = (seen: number): boolean =>
    seen !== 0 && seen !== DEAD && tick - (seen & ~PENDING) <= TICKS_PER_WINDOW;
  const tickOf = (nowMs: number): number => Math.max(0, Math.floor((nowMs - startMs) / tickMs)) + 1;
  let tick = 1;
  let total = 0;
  let nextShard = 0;
  /** All of them are looked through once a tick. */
  let shardsToSweep = 0;

  const count = (nameHash: number, by: number): void => {
    total += by;
    const [first, second] = cells;
    const a = nameHash & (NAME_CELLS - 1);
    const b = secondCell(nameHash);
    first[a] = (first[a] as number) + by;
    second[b] = (second[b] as number) + by;
  };
  /** Writes a shard anew with room for one more, without what is forgotten. */
  const rewrite = (shard: Shard): void => {
    const { words } = shard;
    let alive = 0;
    for (let at = 0; at < words.length; at += WORDS) {
      const seen = words[at + SEEN] as number;
      if (seen === 0) continue;
      if (isAlive(seen)) alive++;
      else if (seen !== DEAD) {
        words[at + SEEN] = DEAD;
        count(words[at + NAME] as number, -1);
      }
    }
    let slots = SHARD_SLOTS_MIN;
    while ((alive + 1) * 512 > slots * shard.full) slots *= 2;
    const fresh = { words: new Uint32Array(slots * WORDS), used: alive };
    for (let at = 0; at < words.length; at += WORDS) {
      const seen = words[at + SEEN] as number;
      if (seen === 0 || seen === DEAD) continue;
      const to = slotOf(fresh.words, words[at] as number, words[at + 1] as number);
      fresh.words.set(words.subarray(at, at + WORDS), to);
    }
    shard.words = fresh.words;
    shard.used = fresh.used;
  };
  return {
    get total() {
      return total;
    },
    get tick() {
      return tick;
    },
    ofName: (nameHash) =>
      Math.min(
        cells[0][nameHash & (NAME_CELLS - 1)] as number,
        cells[1][secondCell(nameHash)] as number,
      ),
    touch(low, high) {
      const { words } = shardOf(high);
      const at = slotOf(words, low, high);
      const seen = words[at + SEEN] as number;
      // What is dead stays in its slot until the shard is written anew. What was not seen for the window, and not
      // looked at since, still counts: it goes on.
      if (seen === 0 || seen === DEAD) return false;
      words[at + SEEN] = tick;
      return true;
    },
    add(low, high, nameHash) {
      const shard = shardOf(high);
      if ((shard.used + 1) * WORDS * 512 > shard.words.length * shard.full) rewrite(shard);
      const { words } = shard;
      const at = slotOf(words, low, high);
      if (words[at + SEEN] === 0) shard.used++;
      words[at] = low;
      words[at + 1] = high;
      words[at + NAME] = nameHash;
      words[at + SEEN] = (tick | PENDING) >>> 0;
      count(nameHash, 1);
    },
    takeBack(low, high) {
      const { words } = shardOf(high);
      const at = slotOf(words, low, high);
      const seen = words[at + SEEN] as number;
      if (seen === DEAD || (seen & PENDING) === 0) return;
      words[at + SEEN] = DEAD;
      count(words[at + NAME] as number, -1);
    },
    advance(nowMs) {
      const now = tickOf(nowMs);
      if (now > tick) {
        tick = now;
        shardsToSweep = SHARDS;
      }
      for (let i = 0; i < SWEEP_SHARDS && shardsToSweep > 0; i++, shardsToSweep--) {
        const shard = shards[nextShard] as Shard;
        nextShard = (nextShard + 1) % SHARDS;
        if (hasForgotten(shard.words, isAlive)) rewrite(shard);
      }
    },
  };
}

interface Shard {
  words: Uint32Array;
  used: number;
  /** Slots filled before it grows, as parts of 512. */
  readonly full: number;
}

/** The tick of a slot whose series is gone: no clock comes that far. */
const DEAD = 0xffff_ffff;

function hasForgotten(words: Uint32Array, isAlive: (seen: number) => boolean): boolean {
  for (let at = SEEN; at < words.length; at += WORDS) {
    const seen = words[at] as number;
    if (seen !== 0 && !isAlive(seen)) return true;
  }
  return false;
}

/** Where in `words` a series is, or the free slot it belongs into. */
function slotOf(words: Uint32Array, low: number, high: number): number {
  const mask = words.length - WORDS;
  let at = (Math.imul(low ^ (high >>> 8), 0x9e37_79b1) >>> 4) & mask & -WORDS;
  for (;;) {
    if (words[at + SEEN] === 0) return at;
    if (words[at] === low && words[at + 1] === high) return at;
    at = (at + WORDS) & mask;
  }
}

function secondCell(nameHash: number): number {
  return (Math.imul(nameHash ^ (nameHash >>> 15), 0x85eb_ca6b) >>> 14) & (NAME_CELLS - 1);
}
