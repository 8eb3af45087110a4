/** A stored log line as our own API shows it, and the cursor that names its place. */
import type { LogLine } from "@triptych/contract";
import type { StoredLine } from "../../query/logs/source.ts";
import { attributesOf } from "../../query/traces/attributes.ts";
import type { LinePlace } from "../../store/clickhouse/select/logs.ts";
import { levelOf } from "../../store/clickhouse/select/logs-level.ts";

export function logLine(line: StoredLine): LogLine {
  return {
    id: `${line.writer}-${line.seq}-${dayText(line.timeNs)}-${line.n}`,
    timeNs: String(line.timeNs),
    level: levelOf(line.severityNumber, line.severityText),
    severityText: line.severityText,
    service: line.service,
    body: line.body,
    traceId: line.traceId,
    spanId: line.spanId,
    attributes: attributesOf({ entries: line.attributes, kinds: line.kinds }),
    resource: attributesOf({ entries: line.resource, kinds: line.resourceKinds }),
    scope: line.scopeName,
  };
}

/** The day's partition, as in 20261121. */
function dayText(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  return date.toISOString().slice(0, 10).replaceAll("-", "");
}

export function cursorOf({ timeNs, writer, seq, n }: LinePlace): string {
  return `${timeNs}-${writer}-${seq}-${n}`;
}

const U64_MAX = 2n ** 64n - 1n;
const U32_MAX = 0xffff_ffff;

export function parseCursor(text: string): LinePlace | undefined {
  const found = /^(\d{1,19})-(\d{1,10})-(\d{1,20})-(\d{1,10})$/.exec(text);
  if (found === null) return undefined;
  const [, time = "", writer = "", seq = "", n = ""] = found;
  const place = { timeNs: BigInt(time), writer: Number(writer), seq: BigInt(seq), n: Number(n) };
  const fits = place.seq <= U64_MAX && place.writer <= U32_MAX && place.n <= U32_MAX;
  return fits ? place : undefined;
}
