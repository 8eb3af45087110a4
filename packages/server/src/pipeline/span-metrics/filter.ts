/** Filter policies: which spans are counted at all. A span must pass every policy. */
import type { SpanBatch } from "@triptych/model";
import type { SpanFilterPolicy } from "../../config/derive-schema.ts";
import { partMatcher } from "../../regex/regex.ts";
import type { FoundAttributes, WantedNames } from "../derived-series/span-attributes.ts";
import { SPAN_KINDS, STATUS_CODES } from "./names.ts";

/** Tells whether a span passes; `found` has just looked at it. */
export type SpanFilter = (batch: SpanBatch, row: number, found: FoundAttributes) => boolean;

type Match = NonNullable<SpanFilterPolicy["include"]>;
type Read = (batch: SpanBatch, row: number, found: FoundAttributes) => string | undefined;

/** Values whose answer is remembered per pattern; beyond it they are matched each time. */
const REMEMBERED_MAX = 1_000;

/** `undefined` when there is nothing to filter. Throws `query_invalid` for a pattern that is none. */
export function createSpanFilter(
  policies: readonly SpanFilterPolicy[],
  wanted: WantedNames,
): SpanFilter | undefined {
  if (policies.length === 0) return undefined;
  const compiled = policies.map(({ include, exclude }) => ({
    include: include === undefined ? undefined : matcher(include, wanted),
    exclude: exclude === undefined ? undefined : matcher(exclude, wanted),
  }));
  return (batch, row, found) =>
    compiled.every(
      ({ include, exclude }) =>
        (include === undefined || include(batch, row, found)) &&
        (exclude === undefined || !exclude(batch, row, found)),
    );
}

function matcher({ attributes, matchType }: Match, wanted: WantedNames): SpanFilter {
  const tests = attributes.map(({ key, value }) => ({
    read: reader(key, wanted),
    matches: matchType === "regex" ? remembering(partMatcher(String(value))) : equals(value),
  }));
  return (batch, row, found) =>
    tests.every(({ read, matches }) => {
      const value = read(batch, row, found);
      return value !== undefined && matches(value);
    });
}

const equals = (wanted: string | number | boolean) => {
  const text = String(wanted);
  return (value: string): boolean => value === text;
};

function remembering(matches: (value: string) => boolean): (value: string) => boolean {
  const known = new Map<string, boolean>();
  return (value) => {
    let answer = known.get(value);
    if (answer === undefined) {
      answer = matches(value);
      if (known.size < REMEMBERED_MAX) known.set(value, answer);
    }
    return answer;
  };
}

function reader(key: string, wanted: WantedNames): Read {
  if (key === "kind" || key === "span:kind")
    return (batch, row) => SPAN_KINDS[batch.kind[row] as number];
  if (key === "status" || key === "span:status")
    return (batch, row) => STATUS_CODES[batch.statusCode[row] as number];
  if (key === "name" || key === "span:name")
    return (batch, row) => batch.strings.text(batch.name[row] as number);
  if (key.startsWith("resource.")) {
    const index = wanted.index(key.slice("resource.".length));
    return (batch, row, found) => {
      const entry = found.resource(batch.resource[row] as number)[index] as number;
      return entry < 0 ? undefined : batch.resources.attributes.values.text(entry);
    };
  }
  const index = wanted.index(key.startsWith("span.") ? key.slice("span.".length) : key);
  return (batch, _row, found) => {
    const entry = found.entries[index] as number;
    return entry < 0 ? undefined : batch.attributes.values.text(entry);
  };
}
