/**
 * Calls of which one side was seen, until the other side comes or time is up. Found by the 24 bytes of trace and
 * calling span, without making text of them. Bounded in number; in order of arrival, so what is too old stands first.
 */

export interface Edge {
  readonly seenMs: number;
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

/** Where an edge's key is: 16 bytes of `traceId` at `row`, 8 of `spanId`. */
export interface EdgeKey {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly row: number;
}

export interface EdgeStore {
  readonly size: number;
  /** The edge with this key, taken out; undefined when there is none. */
  take(key: EdgeKey): Edge | undefined;
  /** Keeps an edge under the key; false when the store is full. */
  put(key: EdgeKey, edge: Edge): boolean;
  /** Takes out edges that were seen before, oldest first, at most `max`; `key` says where their ids are. */
  expire(
    seenBeforeMs: number,
    max: number,
  ): readonly { readonly edge: Edge; readonly key: EdgeKey }[];
}

const FREE = -1;
const GONE = -2;

export function createEdgeStore(edgesMax: number): EdgeStore {
  let mask = 1_023;
  /** Slot to place. `GONE` keeps a chain together after a removal. */
  let slots = new Int32Array(mask + 1).fill(FREE);
  let slotsUsed = 0;
  const keys: Uint32Array[] = [];
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
  const words = new Uint32Array(6);

  const hashOf = ({ traceId, spanId, row }: EdgeKey): number => {
    for (let i = 0; i < 4; i++) words[i] = wordAt(traceId, row * 16 + i * 4);
    words[4] = wordAt(spanId, row * 8);
    words[5] = wordAt(spanId, row * 8 + 4);
    return hashWords(words);
  };
  const find = (hash: number): number => {
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = slots[slot] as number;
      if (place === FREE) return -1;
      if (place >= 0 && isSame(keys[place] as Uint32Array, words)) return place;
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
      let slot = hashWords(keys[place] as Uint32Array) & mask;
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
      keys[place] ??= new Uint32Array(6);
      (keys[place] as Uint32Array).set(words);
      edges[place] = edge;
      size++;
      arrivalOf[place] = ++arrivals;
      order.push(place, arrivals);
      if (order.length - orderStart > 4 * size + 4_096) forgetTaken();
      return true;
    },
    expire(seenBeforeMs, max) {
      const out: { readonly edge: Edge; readonly key: EdgeKey }[] = [];
      for (; orderStart < order.length && out.length < max; orderStart += 2) {
        if (!isThere(orderStart)) continue;
        const place = order[orderStart] as number;
        if ((edges[place] as Edge).seenMs > seenBeforeMs) break;
        const key = idsOf(keys[place] as Uint32Array);
        out.push({ edge: remove(place), key });
      }
      if (orderStart > 2_048 && orderStart * 2 > order.length) forgetTaken();
      return out;
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

function idsOf(words: Uint32Array): EdgeKey {
  const bytes = new Uint8Array(24);
  words.forEach((word, i) => {
    for (let byte = 0; byte < 4; byte++) bytes[i * 4 + byte] = word >>> (byte * 8);
  });
  return { traceId: bytes.subarray(0, 16), spanId: bytes.subarray(16), row: 0 };
}

/** A hostile sender's chains are no longer than the store is bounded; ids are random otherwise. */
const SEED = (Math.random() * 0x1_0000_0000) >>> 0;

function hashWords(words: Uint32Array): number {
  let hash = SEED;
  for (let i = 0; i < 6; i++) {
    hash = Math.imul(hash ^ (words[i] as number), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < 6; i++) if (a[i] !== b[i]) return false;
  return true;
}
