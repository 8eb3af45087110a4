/** Whom a call goes to when the other side has no spans of its own: a database, a queue, or what the call names. */
import { Dictionary, type SpanBatch } from "@triptych/model";
import type { FoundAttributes, WantedNames } from "../derived-series/span-attributes.ts";

export interface Peers {
  /** The server of a span that calls a database; undefined when it calls none. */
  database(batch: SpanBatch, row: number, found: FoundAttributes): string | undefined;
  /** What a span says of its other side, or "". */
  peer(batch: SpanBatch, row: number, found: FoundAttributes): string;
  /** The queue that a span sends to or takes from, or "". */
  queue(batch: SpanBatch, row: number, found: FoundAttributes): string;
}

export function createPeers(peerAttributes: readonly string[], wanted: WantedNames): Peers {
  const all = (names: readonly string[]): number[] => names.map((name) => wanted.index(name));
  const peers = all(peerAttributes);
  const names = all(["db.namespace", "db.name"]);
  const systems = all(["db.system.name", "db.system"]);
  const hints = [...names, ...systems];
  const [service, address, host, port] = all([
    "peer.service",
    "server.address",
    "network.peer.address",
    "network.peer.port",
  ]) as [number, number, number, number];
  const queues = all(["messaging.destination.name", "messaging.destination", "messaging.system"]);
  type Read = (index: number) => string;
  const first = (indexes: readonly number[], read: Read): string => {
    for (const index of indexes) {
      const value = read(index);
      if (value !== "") return value;
    }
    return "";
  };
  const reader =
    (batch: SpanBatch, row: number, found: FoundAttributes): Read =>
    (index) => {
      const ofSpan = found.entries[index] as number;
      if (ofSpan >= 0) return batch.attributes.values.text(ofSpan);
      const ofResource = found.resource(batch.resource[row] as number)[index] as number;
      return ofResource < 0 ? "" : batch.resources.attributes.values.text(ofResource);
    };
  /** A peer is said by the span itself: what its process says is about itself. */
  const ownFirst = (
    indexes: readonly number[],
    batch: SpanBatch,
    { entries }: FoundAttributes,
  ): string => {
    for (const index of indexes) {
      const entry = entries[index] as number;
      const value = entry < 0 ? "" : texts(batch, entry);
      if (value !== "") return value;
    }
    return "";
  };
  const texts = createTexts();
  return {
    database(batch, row, found) {
      // Most calls are of no database, which is told without reading a value.
      const ofResource = found.resource(batch.resource[row] as number);
      if (!hasAny(hints, found.entries) && !hasAny(hints, ofResource)) return undefined;
      const read = reader(batch, row, found);
      const name = first(names, read);
      const system = first(systems, read);
      if (name === "" && system === "") return undefined;
      const named = read(service) || read(address);
      if (named !== "") return named;
      const peerHost = read(host);
      const peerPort = read(port);
      if (peerHost !== "") return peerPort === "" ? peerHost : `${peerHost}:${peerPort}`;
      return name || system;
    },
    peer: (batch, _row, found) => ownFirst(peers, batch, found),
    queue: (batch, _row, found) => ownFirst(queues, batch, found),
  };
}

/** Texts that are remembered; peers are few. */
const TEXTS_MAX = 10_000;
const TEXT_BYTES_MAX = 200;

/** Texts of values, each decoded once: to find what is known takes less than to decode it. */
function createTexts(): (batch: SpanBatch, entry: number) => string {
  let known = new Dictionary();
  let texts: string[] = [];
  return (batch, entry) => {
    const { values } = batch.attributes;
    const start = values.offsets[entry] as number;
    const end = values.offsets[entry + 1] as number;
    if (end - start > TEXT_BYTES_MAX) return values.text(entry);
    if (known.size >= TEXTS_MAX) {
      known = new Dictionary();
      texts = [];
    }
    const id = known.intern(values.bytes, start, end);
    texts[id] ??= values.text(entry);
    return texts[id];
  };
}

function hasAny(indexes: readonly number[], entries: Int32Array): boolean {
  for (const index of indexes) if ((entries[index] as number) >= 0) return true;
  return false;
}
