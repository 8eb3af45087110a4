/**
 * Calls of which one side was seen, until the other side comes or time is up. Found by the 24 bytes of trace and
 * calling span, without making text of them. Bounded in number; in order of arrival, so what is too old stands first.
 */

export interface Edge {
  seenMs: number;
  client: string;
  server: string;
  connection: string;
  /** Seconds. */
  clientSeconds: number;
  serverSeconds: number;
  clientEndMs: number;
  serverStartMs: number;
  failed: boolean;
  /** The server side has no parent at all. */
  isRoot: boolean;
  peer: string;
  weight: number;
  /** Values of the dimensions of both sides; undefined where there are none. */
  clientDimensions: readonly string[] | undefined;
  serverDimensions: readonly string[] | undefined;
}

/** Where an edge's key is: 16 bytes of `traceId` at `row`, 8 of `spanId`. Callers use one for many spans. */
export interface EdgeKey {
  traceId: Uint8Array;
  spanId: Uint8Array;
  row: number;
}

export interface EdgeStore {
  readonly size: number;
  /** The edge with this key, taken out; undefined when there is none. */
  take(key: EdgeKey): Edge | undefined;
  /** Keeps an edge under the key; false when the store is full. */
  put(key: EdgeKey, edge: Edge): boolean;
  /**
   * Takes out edges that were seen before, oldest first, at most `max`, and gives each to `each`; returns how many.
   * `key` says where its ids are, until `each` returns.
   */
  expire(seenBeforeMs: number, max: number, each: (edge: Edge, key: EdgeKey) => void): number;
}

const FREE = -1;
const GONE = -2;
/** 16 and 8 bytes. */
const KEY_WORDS = 6;
const FIRST_PLACES = 512;

export function createEdgeStore(edgesMax: number): EdgeStore {
  let mask = 1_023;
  /** Slot to place. `GONE` keeps a chain together after a removal. */
  let slots = new Int32Array(mask + 1).fill(FREE);
  let slotsUsed = 0;
  /** Six words for each place. */
  let keys = new Uint32Array(FIRST_PLACES * KEY_WORDS);
  const slotOf: number[] = [];
  const edges: (Edge | undefined)[] = [];
  const free: number[] = [];
  /** How many edges had been put when the one at a place was. */
  const arrivalOf: number[] = [];
  let arrivals = 0;
  /** Places in order of arrival, each with its arrival; one that was taken since is skipped. Edges are not held here. */
  let order: number[] = [];
  let orderStart = 0;
  let size = 0;
  const words = new Uint32Array(KEY_WORDS);
  const expired = expiredKey();

  const hashOf = ({ traceId, spanId, row }: EdgeKey): number => {
    for (let i = 0; i < 4; i++) words[i] = wordAt(traceId, row * 16 + i * 4);
    words[4] = wordAt(spanId, row * 8);
    words[5] = wordAt(spanId, row * 8 + 4);
    return hashWords(words, 0);
  };
  const find = (hash: number): number => {
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = slots[slot] as number;
      if (place === FREE) return -1;
      if (place >= 0 && isSame(keys, place * KEY_WORDS, words)) return place;
    }
  };
  const remove = (place: number): Edge => {
    const edge = edges[place] as Edge;
    slots[slotOf[place] as number] = GONE;
    edges[place] = undefined;
    free.push(place);
    size--;
    return edge;
  };
  const rebuild = (): void => {
    while ((size + 1) * 4 > mask) mask = mask * 2 + 1;
    slots = new Int32Array(mask + 1).fill(FREE);
    slotsUsed = size;
    edges.forEach((edge, place) => {
      if (edge === undefined) return;
      let slot = hashWords(keys, place * KEY_WORDS) & mask;
      while (slots[slot] !== FREE) slot = (slot + 1) & mask;
      slots[slot] = place;
      slotOf[place] = slot;
    });
  };

  const isThere = (at: number): boolean => {
    const place = order[at] as number;
    return edges[place] !== undefined && arrivalOf[place] === order[at + 1];
  };
  /** Most edges are taken soon: what stands for them goes before it outnumbers those that wait. */
  const forgetTaken = (): void => {
    const left: number[] = [];
    for (let at = orderStart; at < order.length; at += 2)
      if (isThere(at)) left.push(order[at] as number, order[at + 1] as number);
    order = left;
    orderStart = 0;
  };

  return {
    get size() {
      return size;
    },
    take(key) {
      const place = find(hashOf(key));
      return place < 0 ? undefined : remove(place);
    },
    put(key, edge) {
      if (size >= edgesMax) return false;
      if ((slotsUsed + 1) * 2 > mask) rebuild();
      let slot = hashOf(key) & mask;
      while (slots[slot] !== FREE) slot = (slot + 1) & mask;
      const place = free.pop() ?? edges.length;
      slots[slot] = place;
      slotsUsed++;
      slotOf[place] = slot;
      if ((place + 1) * KEY_WORDS > keys.length) {
        const grown = new Uint32Array(keys.length * 2);
        grown.set(keys);
        keys = grown;
      }
      const at = place * KEY_WORDS;
      for (let i = 0; i < KEY_WORDS; i++) keys[at + i] = words[i] as number;
      edges[place] = edge;
      size++;
      arrivalOf[place] = ++arrivals;
      order.push(place, arrivals);
      if (order.length - orderStart > 4 * size + 4_096) forgetTaken();
      return true;
    },
    expire(seenBeforeMs, max, each) {
      let count = 0;
      for (; orderStart < order.length && count < max; orderStart += 2) {
        if (!isThere(orderStart)) continue;
        const place = order[orderStart] as number;
        if ((edges[place] as Edge).seenMs > seenBeforeMs) break;
        expired.set(keys, place * KEY_WORDS);
        each(remove(place), expired.key);
        count++;
      }
      if (orderStart > 2_048 && orderStart * 2 > order.length) forgetTaken();
      return count;
    },
  };
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** One key, whose bytes are written again for each edge that expires. */
function expiredKey(): { readonly key: EdgeKey; set(words: Uint32Array, from: number): void } {
  const bytes = new Uint8Array(KEY_WORDS * 4);
  const key: EdgeKey = { traceId: bytes.subarray(0, 16), spanId: bytes.subarray(16), row: 0 };
  return {
    key,
    set(words, from) {
      for (let i = 0; i < KEY_WORDS; i++) {
        const word = words[from + i] as number;
        for (let byte = 0; byte < 4; byte++) bytes[i * 4 + byte] = word >>> (byte * 8);
      }
    },
  };
}

/** A hostile sender's chains are no longer than the store is bounded; ids are random otherwise. */
const SEED = (Math.random() * 0x1_0000_0000) >>> 0;

function hashWords(words: Uint32Array, from: number): number {
  let hash = SEED;
  for (let i = 0; i < KEY_WORDS; i++) {
    hash = Math.imul(hash ^ (words[from + i] as number), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isSame(keys: Uint32Array, from: number, words: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (keys[from + i] !== words[i]) return false;
  return true;
}
