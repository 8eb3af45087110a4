/** A stored line as LogQL sees it. */
import { type StreamLabels, streamOf } from "@triptych/lang";
import { LOKI_SCHEMA_URL } from "@triptych/wire";
import {
  attributePair,
  joinedMetadata,
  lineMetadata,
  type Pair,
  resourceMetadata,
  scopeMetadata,
  streamPairs,
} from "../logs/loki-labels.ts";
import type { StoredLine } from "../logs/source.ts";

export function logqlLine(line: StoredLine): {
  readonly timeNs: bigint;
  readonly text: string;
  readonly stream: StreamLabels;
  readonly metadata: readonly Pair[];
} {
  const { resource, resourceSchema: schema } = line;
  const isLoki = schema === LOKI_SCHEMA_URL;
  const metadata = joinedMetadata([
    lineMetadata({ ...line, isLoki }),
    line.attributes.map(attributePair),
    scopeMetadata({ name: line.scopeName, version: line.scopeVersion, attributes: line.scope }),
    resourceMetadata(resource, schema),
  ]);
  const stream = streamOf(streamPairs(line.service, resource, schema), isLoki);
  return { timeNs: line.timeNs, text: line.body, stream, metadata };
}
