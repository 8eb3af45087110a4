/**
 * Cuts a stream of bytes into frames: lines that end with LF, and, where a sender counts, frames of RFC 6587 that begin
 * with their length. A frame beyond the bound is cut there, and what follows of it is skipped.
 */

export interface FrameSplitterOptions {
  /** Longer frames are cut. */
  readonly frameBytesMax: number;
  /** Whether frames may begin with their length in decimal digits and a space, as in `5 <1>ab`. */
  readonly countsOctets: boolean;
}

export interface FrameSplitter {
  /** The frames that `chunk` completes, in order. A frame is valid until the next one is asked for. */
  push(chunk: Uint8Array): Iterable<Uint8Array>;
  /** The last frame, which had no end; nothing is left afterwards. */
  end(): Uint8Array | undefined;
  /** Bytes of the frame that is not complete. */
  readonly pendingBytes: number;
}

const LF = 0x0a;
const SPACE = 0x20;
const LESS = 0x3c;
/** A longer count than any frame anybody sends. */
const COUNT_DIGITS_MAX = 10;

export function createFrameSplitter(options: FrameSplitterOptions): FrameSplitter {
  const { frameBytesMax, countsOctets } = options;
  let parts: Uint8Array[] = [];
  /** Bytes kept in `parts`, and bytes of the frame that were skipped after them. */
  let kept = 0;
  let skipped = 0;
  /** Bytes that are still missing of a counted frame; -1 in a line. */
  let missing = -1;

  const keep = (bytes: Uint8Array): void => {
    const room = Math.max(0, Math.min(bytes.length, frameBytesMax - kept));
    // A copy: the chunk belongs to the socket's pool and a small part would hold all of it.
    if (room > 0) parts.push(bytes.slice(0, room));
    kept += room;
    skipped += bytes.length - room;
  };
  const take = (rest: Uint8Array): Uint8Array => {
    if (parts.length === 0)
      return rest.length > frameBytesMax ? rest.subarray(0, frameBytesMax) : rest;
    keep(rest);
    const frame = joined(parts);
    parts = [];
    kept = 0;
    skipped = 0;
    return frame;
  };

  /** The beginning of what may be a count; the next bytes tell. */
  let carried: Uint8Array = new Uint8Array(0);

  function* push(received: Uint8Array): Iterable<Uint8Array> {
    const chunk = carried.length === 0 ? received : joined([carried, received]);
    carried = new Uint8Array(0);
    let at = 0;
    while (at < chunk.length) {
      const isBetween = kept === 0 && missing < 0;
      if (isBetween && countsOctets) {
        const count = octetCount(chunk, at);
        if (count === "torn") {
          carried = chunk.slice(at);
          return;
        }
        if (count !== undefined) {
          missing = count.octets;
          at = count.start;
        }
      }
      if (missing >= 0) {
        const size = Math.min(missing, chunk.length - at);
        const part = chunk.subarray(at, at + size);
        at += size;
        missing -= size;
        if (missing > 0) keep(part);
        else {
          missing = -1;
          yield take(part);
        }
        continue;
      }
      const end = chunk.indexOf(LF, at);
      if (end < 0) {
        keep(chunk.subarray(at));
        return;
      }
      yield take(chunk.subarray(at, end));
      at = end + 1;
    }
  }

  return {
    push: (chunk) => push(chunk),
    end() {
      missing = -1;
      const last = carried;
      carried = new Uint8Array(0);
      return kept + last.length === 0 ? undefined : take(last);
    },
    get pendingBytes() {
      return kept + skipped + carried.length;
    },
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const frame = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/**
 * The count in front of a message, and where the message starts; undefined when there is none, "torn" when the bytes end
 * before that is clear.
 */
function octetCount(
  bytes: Uint8Array,
  from: number,
): { readonly octets: number; readonly start: number } | "torn" | undefined {
  let at = from;
  let octets = 0;
  while (at < bytes.length && at - from < COUNT_DIGITS_MAX) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    octets = octets * 10 + digit;
    at++;
  }
  if (at === from || bytes[from] === 0x30) return undefined;
  if (at === bytes.length) return "torn";
  if (bytes[at] !== SPACE) return undefined;
  if (at + 1 === bytes.length) return "torn";
  return bytes[at + 1] === LESS ? { octets, start: at + 1 } : undefined;
}
