/**
 * Frames of the Beats protocol (Lumberjack, versions 1 and 2): where one ends in bytes that are still arriving, and what
 * it says. https://github.com/elastic/beats and Logstash's Beats input describe it; all numbers are big-endian.
 */
import { TriptychError } from "@triptych/model";

export type BeatsVersion = 1 | 2;

export type BeatsFrame =
  /** So many events follow before the sender waits for an acknowledgement. */
  | { readonly kind: "window"; readonly version: BeatsVersion; readonly events: number }
  | { readonly kind: "event"; readonly version: BeatsVersion; readonly event: BeatsEvent }
  /** Other frames, compressed by zlib. */
  | { readonly kind: "compressed"; readonly version: BeatsVersion; readonly bytes: Uint8Array };

/** What stands in a compressed frame: one that is compressed again would multiply a bomb. */
export type PlainBeatsFrame = Exclude<BeatsFrame, { readonly kind: "compressed" }>;

export interface BeatsEvent {
  readonly sequence: number;
  /** JSON of version 2, or pairs of texts as version 1 writes them. */
  readonly form: "json" | "pairs";
  readonly bytes: Uint8Array;
}

export interface BeatsScanner {
  /**
   * Goes on with the frame that begins at 0 of `bytes`, of which the first `size` are there. Its end, or -1 when more is
   * needed; then call it again with the same bytes and more behind them. Looks at each byte of a header once. Throws
   * `wire_malformed` for what is no frame of a sender, and `wire_too_large`.
   */
  scan(bytes: Uint8Array, size: number): number;
  /** Forgets the frame that was found; the next one begins at 0 again. */
  reset(): void;
}

const VERSION_1 = 0x31;
const VERSION_2 = 0x32;
const WINDOW = 0x57;
const JSON_EVENT = 0x4a;
const PAIRS_EVENT = 0x44;
const COMPRESSED = 0x43;
/** Version and type. */
const HEAD_BYTES = 2;
const COUNT_BYTES = 4;
const WINDOW_END = HEAD_BYTES + COUNT_BYTES;
/** A sequence number, then a length or a count. */
const EVENT_START = HEAD_BYTES + 2 * COUNT_BYTES;
const COMPRESSED_START = HEAD_BYTES + COUNT_BYTES;

export function createBeatsScanner(bytesMax: number): BeatsScanner {
  /** Of an event of pairs: texts that are still to come, and where the next one begins. */
  let texts = -1;
  let at = 0;
  const bounded = (end: number): number => {
    if (end > bytesMax)
      throw new TriptychError("wire_too_large", `a frame is larger than ${bytesMax} bytes`);
    return end;
  };
  const skipTexts = (bytes: Uint8Array, size: number): number => {
    if (texts < 0) {
      texts = 2 * readU32(bytes, HEAD_BYTES + COUNT_BYTES);
      at = EVENT_START;
    }
    bounded(at + texts * COUNT_BYTES);
    for (; texts > 0; texts--) {
      if (at + COUNT_BYTES > size) return -1;
      const end = bounded(at + COUNT_BYTES + readU32(bytes, at));
      if (end > size) return -1;
      at = end;
    }
    return at;
  };
  return {
    scan(bytes, size) {
      if (size < HEAD_BYTES) {
        if (size > 0) checkVersion(bytes);
        return -1;
      }
      const whole = wholeAt(bytes, size, bounded, skipTexts);
      return whole <= size ? whole : -1;
    },
    reset() {
      texts = -1;
      at = 0;
    },
  };
}

/** Where the frame ends as far as its head says; -1 when the head is not whole. */
function wholeAt(
  bytes: Uint8Array,
  size: number,
  bounded: (end: number) => number,
  skipTexts: (bytes: Uint8Array, size: number) => number,
): number {
  checkVersion(bytes);
  switch (bytes[1]) {
    case WINDOW:
      return WINDOW_END;
    case COMPRESSED:
      if (size < COMPRESSED_START) return -1;
      return bounded(COMPRESSED_START + readU32(bytes, HEAD_BYTES));
    case JSON_EVENT:
      if (size < EVENT_START) return -1;
      return bounded(EVENT_START + readU32(bytes, HEAD_BYTES + COUNT_BYTES));
    case PAIRS_EVENT:
      return size < EVENT_START ? -1 : skipTexts(bytes, size);
    default: {
      const type = (bytes[1] as number).toString(16).padStart(2, "0");
      const text = `0x${type} is no type of frame that senders of Beats' protocol have`;
      throw new TriptychError("wire_malformed", text, { offset: 1 });
    }
  }
}

function checkVersion(bytes: Uint8Array): void {
  if (bytes[0] === VERSION_1 || bytes[0] === VERSION_2) return;
  const found = (bytes[0] as number).toString(16).padStart(2, "0");
  const text = `0x${found} is no version of Beats' protocol: 0x31 or 0x32 is expected`;
  throw new TriptychError("wire_malformed", text, { offset: 0 });
}

/** Reads one frame that is whole, as `scan` found it. The frame keeps `bytes`. */
export function readBeatsFrame(bytes: Uint8Array): BeatsFrame {
  const version = bytes[0] === VERSION_1 ? 1 : 2;
  switch (bytes[1]) {
    case WINDOW:
      return { kind: "window", version, events: readU32(bytes, HEAD_BYTES) };
    case COMPRESSED:
      return { kind: "compressed", version, bytes: bytes.subarray(COMPRESSED_START) };
    default: {
      const form = bytes[1] === JSON_EVENT ? "json" : "pairs";
      const sequence = readU32(bytes, HEAD_BYTES);
      return {
        kind: "event",
        version,
        event: { sequence, form, bytes: bytes.subarray(EVENT_START) },
      };
    }
  }
}

/**
 * The frames that a compressed one holds, one after another. Throws `wire_malformed` for a frame that is cut off and for
 * one that is compressed again; `wire_too_large`.
 */
export function* readInnerFrames(bytes: Uint8Array): Generator<PlainBeatsFrame> {
  const scanner = createBeatsScanner(Number.POSITIVE_INFINITY);
  for (let start = 0; start < bytes.length; ) {
    const rest = bytes.subarray(start);
    const end = scanner.scan(rest, rest.length);
    if (end < 0)
      throw new TriptychError("wire_malformed", "a compressed frame ends within a frame", {
        offset: start,
      });
    const frame = readBeatsFrame(rest.subarray(0, end));
    if (frame.kind === "compressed")
      throw new TriptychError("wire_malformed", "a compressed frame holds a compressed frame", {
        offset: start,
      });
    yield frame;
    start += end;
    scanner.reset();
  }
}

/** What a reader answers: everything up to this sequence number is kept. 0 only says that it is still at work. */
export function writeBeatsAck(version: BeatsVersion, sequence: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + COUNT_BYTES);
  bytes[0] = version === 1 ? VERSION_1 : VERSION_2;
  bytes[1] = 0x41;
  new DataView(bytes.buffer).setUint32(HEAD_BYTES, sequence);
  return bytes;
}

/** Pairs of texts: each has its length in front. `bytes` is what `scan` found to be whole. */
export function* readBeatsPairs(bytes: Uint8Array): Generator<readonly [string, string]> {
  let at = 0;
  const text = (): string => {
    const start = at + COUNT_BYTES;
    at = start + readU32(bytes, at);
    return decoder.decode(bytes.subarray(start, at));
  };
  while (at < bytes.length) yield [text(), text()];
}

const decoder = new TextDecoder();

function readU32(bytes: Uint8Array, at: number): number {
  const high = (bytes[at] as number) * 2 ** 24;
  const low =
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number);
  return high + low;
}
