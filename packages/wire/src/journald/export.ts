/**
 * systemd's Journal Export Format (systemd.io/JOURNAL_EXPORT_FORMATS): `NAME=value` lines, fields with any bytes as name,
 * 64-bit length and data, an empty line behind each entry. Takes pieces as they come and gives whole entries.
 */
import { TriptychError } from "@triptych/model";

/** Fields by name; of one that comes several times the last counts. Bytes that are no UTF-8 are replaced. */
export type JournalEntry = ReadonlyMap<string, string>;

export interface JournalExportReader {
  /** Entries that are complete with this piece. Throws `wire_malformed` for what is not the format. */
  push(piece: Uint8Array): JournalEntry[];
  /** The stream ended: the last entry needs no empty line behind it. */
  end(): JournalEntry[];
}

/** journald's own limit of a field that clients send is 768 MiB by default; core dumps are not logs. */
const FIELD_BYTES_MAX = 16 * 1024 * 1024;
const FIELDS_MAX = 1024;
const NAME_CHARS_MAX = 256;
const LF = 0x0a;
const EQUALS = 0x3d;
const LENGTH_BYTES = 8;

const decoder = new TextDecoder();

export function createJournalExportReader(): JournalExportReader {
  let rest: Uint8Array = new Uint8Array(0);
  let pieces: Uint8Array[] = [];
  let held = 0;
  /** Nothing is complete before so many bytes are there. */
  let need = 1;
  let entry = new Map<string, string>();

  const gather = (): Uint8Array => {
    const all = new Uint8Array(held);
    let at = 0;
    for (const piece of [rest, ...pieces]) {
      all.set(piece, at);
      at += piece.length;
    }
    pieces = [];
    return all;
  };
  const parse = (bytes: Uint8Array, out: JournalEntry[]): void => {
    let at = 0;
    need = 1;
    for (;;) {
      const end = bytes.indexOf(LF, at);
      if (end < 0) {
        if (bytes.length - at > FIELD_BYTES_MAX) throw malformed("a field is too long");
        need = bytes.length - at + 1;
        break;
      }
      if (end === at) {
        if (entry.size > 0) out.push(entry);
        entry = new Map();
        at++;
        continue;
      }
      const equals = bytes.subarray(at, end).indexOf(EQUALS);
      if (equals >= 0) {
        put(entry, bytes.subarray(at, at + equals), bytes.subarray(at + equals + 1, end));
        at = end + 1;
        continue;
      }
      const size = binarySize(bytes, end + 1);
      const whole = end + 1 + LENGTH_BYTES + (size ?? 0) + 1;
      if (size === undefined || whole > bytes.length) {
        need = whole - at;
        break;
      }
      const data = end + 1 + LENGTH_BYTES;
      put(entry, bytes.subarray(at, end), bytes.subarray(data, data + size));
      if (bytes[data + size] !== LF) throw malformed("a field with a length has no end");
      at = whole;
    }
    rest = bytes.slice(at);
    held = rest.length;
  };
  return {
    push(piece) {
      const out: JournalEntry[] = [];
      // Pieces are reused by those who read them.
      pieces.push(piece.slice());
      held += piece.length;
      if (held >= need) parse(gather(), out);
      return out;
    },
    end() {
      const out: JournalEntry[] = [];
      if (held > 0) parse(Uint8Array.from([...gather(), LF]), out);
      if (entry.size > 0) out.push(entry);
      entry = new Map();
      return out;
    },
  };
}

/** Undefined when the length itself is not there yet. */
function binarySize(bytes: Uint8Array, at: number): number | undefined {
  if (at + LENGTH_BYTES > bytes.length) return undefined;
  const size = new DataView(bytes.buffer, bytes.byteOffset + at, LENGTH_BYTES).getBigUint64(
    0,
    true,
  );
  if (size > BigInt(FIELD_BYTES_MAX)) throw malformed(`a field has ${size} bytes`);
  return Number(size);
}

function put(entry: Map<string, string>, name: Uint8Array, value: Uint8Array): void {
  if (name.length === 0 || name.length > NAME_CHARS_MAX) throw malformed("a field has no name");
  if (entry.size >= FIELDS_MAX) throw malformed(`an entry has more than ${FIELDS_MAX} fields`);
  entry.set(decoder.decode(name), decoder.decode(value));
}

function malformed(what: string): TriptychError {
  return new TriptychError("wire_malformed", `this is not the journal's export format: ${what}`);
}

/**
 * An entry as a line of `journalctl -o json`: values are texts, lists of bytes, lists of both, or null when they were
 * too large. Undefined for what is no JSON object.
 */
export function journalEntryOfJson(line: string): JournalEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entry = new Map<string, string>();
  for (const [name, field] of Object.entries(value)) {
    if (entry.size >= FIELDS_MAX) break;
    const text = jsonText(field);
    if (text !== undefined && name.length <= NAME_CHARS_MAX) entry.set(name, text);
  }
  return entry;
}

function jsonText(field: unknown): string | undefined {
  if (typeof field === "string") return field;
  if (!Array.isArray(field)) return undefined;
  if (field.every((one) => typeof one === "number")) return decoder.decode(Uint8Array.from(field));
  return jsonText(field.at(-1));
}
