/**
 * A line of Logstash's `json_lines`: an event, or a list of them, as log records. A line that is no JSON is a record with
 * that text, as Logstash makes of it, and so is an event that is too deep or has too many members; its level is looked for in the text.
 */
import { asTriptychError, type Limits } from "@triptych/model";
import { draftOfObject } from "../log-record/draft-of-object.ts";
import { isList, isObject, type JsonValue, parseJsonValue } from "../log-record/json-value.ts";
import type { LogDraft } from "../log-record/log-drafts.ts";
import { severityOfWord } from "../log-record/severity.ts";
import { levelOfLine } from "../loki/level.ts";

export interface LogstashOptions {
  readonly limits: Limits;
  /** Nanoseconds since 1970. */
  readonly arrivalNs: bigint;
  /** Address of the sender; "" when it is not known. */
  readonly peer: string;
}

const decoder = new TextDecoder();

/** Events of one line; none for an empty one. */
export function draftsOfLogstash(line: Uint8Array, options: LogstashOptions): LogDraft[] {
  let end = line.length;
  if (end > 0 && line[end - 1] === 0x0d) end--;
  const first = firstByte(line, end);
  if (first < 0) return [];
  if (first !== 0x7b && first !== 0x5b) return [plain(line, end, options)];
  try {
    const value = parseJsonValue(
      decoder.decode(line.subarray(0, end)),
      options.limits.valueDepthMax,
    );
    const events: readonly JsonValue[] = isList(value) ? value : [value];
    if (events.length > 0 && events.every(isObject))
      return events.map((event) =>
        draftOfObject(event, {
          depthMax: options.limits.valueDepthMax,
          attributesMax: options.limits.attributesPerItemMax,
          attributes: peerAttributes(options),
        }),
      );
  } catch (thrown) {
    const error = asTriptychError(thrown);
    if (error.code === "internal") throw thrown;
  }
  return [plain(line, end, options)];
}

function firstByte(line: Uint8Array, end: number): number {
  for (let at = 0; at < end; at++) {
    const byte = line[at] as number;
    if (byte !== 0x20 && byte !== 0x09) return byte;
  }
  return -1;
}

const peerAttributes = ({ peer }: LogstashOptions): [string, string][] =>
  peer === "" ? [] : [["network.peer.address", peer]];

/** The record of a line as it is. */
function plain(line: Uint8Array, end: number, options: LogstashOptions): LogDraft {
  const level = severityOfWord(levelOfLine(line, 0, end));
  return {
    timeNs: options.arrivalNs,
    body: line.subarray(0, end),
    severityNumber: level.number,
    severityText: level.text,
    resource: [],
    attributes: peerAttributes(options),
  };
}
