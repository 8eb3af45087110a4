/**
 * What OpenTelemetry's exporters to Zipkin hide in texts, because Zipkin has no place for it: events with attributes
 * in annotations (`name|{json}|dropped`) and links in tags (`traceId|spanId|traceState|{json}|dropped`). A text that
 * only looks like it stays what it is.
 */
import { ValueKind } from "@triptych/model";
import type { DraftEvent, DraftLink, Tags, TagValue } from "./span-draft.ts";
import { booleanTag, intTag, textTag } from "./span-draft.ts";

export interface ZipkinAnnotation {
  readonly timestampUs: bigint;
  readonly value: string;
}

const EMPTY: Tags = new Map();
const HEX = /^[0-9a-fA-F]+$/;
const COUNT = /^[0-9]{1,9}$/;

export function annotationEvent({ timestampUs, value }: ZipkinAnnotation): DraftEvent {
  const timeNs = timestampUs * 1000n;
  const first = value.indexOf("|");
  const last = value.lastIndexOf("|");
  if (first >= 0 && last > first) {
    const tags = jsonTags(value.slice(first + 1, last));
    const dropped = value.slice(last + 1);
    if (tags !== undefined && COUNT.test(dropped))
      return { timeNs, name: value.slice(0, first), tags, dropped: Number(dropped) };
  }
  return { timeNs, name: value, tags: EMPTY, dropped: 0 };
}

/** Undefined when the text is no link. */
export function linkOfTag(text: string): DraftLink | undefined {
  const parts = text.split("|", 3);
  if (parts.length < 3) return undefined;
  const [traceId = "", spanId = "", traceState = ""] = parts.map(unquoted);
  const jsonAt = (parts[0]?.length ?? 0) + (parts[1]?.length ?? 0) + (parts[2]?.length ?? 0) + 3;
  const last = text.lastIndexOf("|");
  if (last < jsonAt) return undefined;
  const tags = jsonTags(text.slice(jsonAt, last));
  const dropped = text.slice(last + 1);
  if (tags === undefined || !COUNT.test(dropped)) return undefined;
  if (traceId.length !== 32 || spanId.length !== 16) return undefined;
  if (!HEX.test(traceId) || !HEX.test(spanId)) return undefined;
  return {
    traceHigh: BigInt(`0x${traceId.slice(0, 16)}`),
    traceLow: BigInt(`0x${traceId.slice(16)}`),
    spanId: BigInt(`0x${spanId}`),
    traceState,
    tags,
    dropped: Number(dropped),
  };
}

function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** An object of plain values; undefined when the text is none. Its length is that of one bounded attribute value. */
function jsonTags(text: string): Tags | undefined {
  if (!text.startsWith("{")) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Not an error: an annotation is free text, and this one only began like an exported event.
    return undefined;
  }
  const tags: Tags = new Map();
  for (const [key, value] of Object.entries(parsed as Record<string, unknown>)) {
    const tag = jsonTag(value);
    if (tag !== undefined) tags.set(key, tag);
  }
  return tags;
}

function jsonTag(value: unknown): TagValue | undefined {
  switch (typeof value) {
    case "string":
      return textTag(value);
    case "boolean":
      return booleanTag(value);
    case "number":
      return Number.isSafeInteger(value)
        ? intTag(value)
        : { kind: ValueKind.double, text: String(value) };
    default:
      return undefined;
  }
}
