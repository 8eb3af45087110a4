/**
 * Puts GELF messages together that were sent in chunks: two bytes of magic, eight of the message's id, its number and
 * how many there are. Bounded in messages, bytes and time: what is not whole by then is given up.
 * Source: docs of Graylog, "GELF via UDP".
 */
const MAGIC_0 = 0x1e;
const MAGIC_1 = 0x0f;
const HEADER_BYTES = 12;
const CHUNKS_MAX = 128;
/** As long as the format says. */
const WAIT_MS = 5_000;
const MESSAGES_MAX = 1_000;
const BYTES_MAX = 16 * 1024 * 1024;

interface Parts {
  readonly chunks: (Uint8Array | undefined)[];
  readonly sinceMs: number;
  missing: number;
  bytes: number;
}

export interface GelfChunks {
  /** The whole message, or undefined as long as parts are missing or when the datagram is not one. */
  push(datagram: Uint8Array): Uint8Array | undefined;
}

/** `lost` is told of messages that are given up. */
export function createGelfChunks(
  nowMs: () => number,
  lost: (reason: "line_incomplete" | "wire_malformed" | "queue_full") => void,
): GelfChunks {
  const open = new Map<string, Parts>();
  let bytes = 0;
  const drop = (id: string, parts: Parts): void => {
    open.delete(id);
    bytes -= parts.bytes;
  };
  const expire = (): void => {
    const untilMs = nowMs() - WAIT_MS;
    // Oldest first.
    for (const [id, parts] of open) {
      if (parts.sinceMs > untilMs) return;
      drop(id, parts);
      lost("line_incomplete");
    }
  };
  return {
    push(datagram) {
      if (datagram[0] !== MAGIC_0 || datagram[1] !== MAGIC_1) return datagram;
      expire();
      const [at = 0, count = 0] = datagram.subarray(10, HEADER_BYTES);
      const isSound = datagram.length > HEADER_BYTES && count > 0 && count <= CHUNKS_MAX;
      const id = Buffer.from(datagram.subarray(2, 10)).toString("hex");
      const found = open.get(id);
      if (!isSound || at >= count || (found !== undefined && found.chunks.length !== count)) {
        lost("wire_malformed");
        return undefined;
      }
      const size = datagram.length - HEADER_BYTES;
      if ((found === undefined && open.size >= MESSAGES_MAX) || bytes + size > BYTES_MAX) {
        lost("queue_full");
        return undefined;
      }
      const parts = found ?? {
        chunks: new Array<Uint8Array | undefined>(count).fill(undefined),
        sinceMs: nowMs(),
        missing: count,
        bytes: 0,
      };
      open.set(id, parts);
      if (parts.chunks[at] !== undefined) return undefined;
      parts.chunks[at] = Uint8Array.from(datagram.subarray(HEADER_BYTES));
      parts.bytes += size;
      bytes += size;
      if (--parts.missing > 0) return undefined;
      drop(id, parts);
      return Buffer.concat(parts.chunks.flatMap((chunk) => chunk ?? []));
    },
  };
}
