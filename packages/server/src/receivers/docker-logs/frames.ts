/**
 * Docker's log stream as lines: frames with a header of eight bytes (stream, length), or raw text when the container
 * has a terminal. Each entry begins with its time; Docker cuts long lines into several entries, which are joined.
 */
import { TriptychError } from "@triptych/model";

export interface DockerLine {
  /** `stdout` or `stderr`. */
  readonly stream: string;
  /** As Docker writes it, in nanoseconds and of fixed width. */
  readonly time: string;
  /** The time of its last part. */
  readonly until: string;
  /** From here on everything must be read again to lose nothing: parts of the other stream's line may be older. */
  readonly since: string;
  readonly text: string;
}

export interface DockerDecoder {
  /** Lines that are complete with this piece. Throws `wire_malformed` for what is no log stream. */
  push(piece: Uint8Array): DockerLine[];
  /** The stream ended: what is open is a line. */
  end(): DockerLine[];
}

const HEADER_BYTES = 8;
/** Entries have 16 KiB; other log drivers write up to a megabyte. */
const FRAME_BYTES_MAX = 16 * 1024 * 1024;
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const LF = 0x0a;
const STREAMS = ["stdin", "stdout", "stderr"] as const;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ?/;

interface Open {
  time: string;
  until: string;
  parts: string[];
  bytes: number;
}

export function createDockerDecoder(hasTerminal: boolean): DockerDecoder {
  const open = new Map<string, Open>();
  let rest: Uint8Array = new Uint8Array(0);
  const finish = (stream: string, line: Open): DockerLine => {
    open.delete(stream);
    const text = line.parts.join("");
    let since = line.until;
    for (const other of open.values()) if (other.time < since) since = other.time;
    const { time, until } = line;
    return { stream, time, until, since, text: text.endsWith("\r") ? text.slice(0, -1) : text };
  };
  /** One entry, or for raw streams one line. */
  const entry = (stream: string, bytes: Uint8Array, isEnded: boolean): DockerLine | undefined => {
    const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
    const time = TIME.exec(given);
    const text = given.slice(time?.[0].length ?? 0);
    const line = open.get(stream) ?? { time: time?.[1] ?? "", until: "", parts: [], bytes: 0 };
    line.until = time?.[1] ?? line.until;
    line.parts.push(text);
    line.bytes += bytes.length;
    if (isEnded || line.bytes > LINE_BYTES_MAX) return finish(stream, line);
    open.set(stream, line);
    return undefined;
  };
  const split = (stream: string, bytes: Uint8Array, out: DockerLine[]): void => {
    let start = 0;
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, start)) {
      const line = entry(stream, bytes.subarray(start, at), true);
      if (line !== undefined) out.push(line);
      start = at + 1;
    }
    if (start < bytes.length) {
      const line = entry(stream, bytes.subarray(start), false);
      if (line !== undefined) out.push(line);
    }
  };
  return {
    push(piece) {
      const out: DockerLine[] = [];
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      let at = 0;
      if (hasTerminal) {
        const last = bytes.lastIndexOf(LF);
        const end = last < 0 && bytes.length > LINE_BYTES_MAX ? bytes.length - 1 : last;
        if (end >= 0) split("stdout", bytes.subarray(0, end + 1), out);
        at = end + 1;
      } else
        while (at + HEADER_BYTES <= bytes.length) {
          const stream = STREAMS[bytes[at] as number];
          const length = new DataView(bytes.buffer, bytes.byteOffset + at + 4, 4).getUint32(0);
          if (stream === undefined || length > FRAME_BYTES_MAX)
            throw new TriptychError("wire_malformed", "the answer is no stream of Docker's logs");
          if (at + HEADER_BYTES + length > bytes.length) break;
          split(stream, bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length), out);
          at += HEADER_BYTES + length;
        }
      // A copy: the piece belongs to who gave it.
      rest = bytes.slice(at);
      return out;
    },
    end() {
      const out: DockerLine[] = [];
      if (hasTerminal && rest.length > 0)
        split("stdout", Buffer.concat([rest, Buffer.from([LF])]), out);
      rest = new Uint8Array(0);
      for (const [stream, line] of [...open]) out.push(finish(stream, line));
      return out;
    },
  };
}
