/** Parts that Zipkin's two JSON formats share: ids, endpoints, times and texts. */
import type { Limits } from "@triptych/model";
import { JsonNames } from "../json-names.ts";
import type { JsonReader } from "../json-reader.ts";
import type { StepMeter } from "../otlp/steps.ts";
import { int64Text } from "../otlp/value-text.ts";
import type { ZipkinEndpoint, ZipkinSpan, ZipkinTarget } from "./span.ts";
import { textOf } from "./span-draft.ts";

/** What a reader of one of the two formats is given. */
export interface ZipkinJson extends ZipkinTarget {
  readonly reader: JsonReader;
  readonly limits: Limits;
  readonly meter: StepMeter;
}

const endpointNames = new JsonNames(["serviceName", "ipv4", "ipv6", "port"]);
const SKIP_BYTES_PER_STEP = 256 * 1024;
const PORT_MAX = 65_535;
const HEX = /^[0-9a-fA-F]+$/;

/** A span is nothing without its ids. */
export function requireIds(reader: JsonReader, span: ZipkinSpan): void {
  if (span.id === 0n) reader.fail("a span's id is missing or zero");
  if (span.traceHigh === 0n && span.traceLow === 0n)
    reader.fail("a span's traceId is missing or zero");
}

/** Takes a string, cut to the limit of an attribute's value. */
export function takeText({ reader, limits }: ZipkinJson): string {
  reader.string();
  const range = { start: reader.textStart, end: reader.textEnd };
  return textOf(reader.text, range, limits.attributeValueBytesMax);
}

/** Takes a tag's value: texts by the specification, but numbers and booleans are sent too and mean their text. */
export function takeTagText(json: ZipkinJson): string {
  const { reader, limits } = json;
  const next = reader.peek();
  if (next === 0x22) return takeText(json);
  if (next === 0x7b || next === 0x5b) reader.fail("a tag's value that is not text");
  const start = reader.pos;
  reader.skip();
  return textOf(reader.bytes, { start, end: reader.pos }, limits.attributeValueBytesMax);
}

/** Takes an id of up to 16 hexadecimal digits; a shorter one is padded on the left. "" is 0. */
export function takeId(reader: JsonReader): bigint {
  const [high, low] = takeDigits(reader, 16);
  return high === "" ? BigInt(low === "" ? 0 : `0x${low}`) : 0n;
}

/** The same with up to 32 digits, as two halves. */
export function takeTraceId(reader: JsonReader): { high: bigint; low: bigint } {
  const [high, low] = takeDigits(reader, 32);
  return {
    high: BigInt(high === "" ? 0 : `0x${high}`),
    low: BigInt(low === "" ? 0 : `0x${low}`),
  };
}

function takeDigits(reader: JsonReader, max: number): readonly [high: string, low: string] {
  const at = reader.pos;
  reader.string();
  const { text, textStart, textEnd } = reader;
  const size = textEnd - textStart;
  const digits = size > max ? "" : textOf(text, { start: textStart, end: textEnd }, max);
  if (size > max || (size > 0 && !HEX.test(digits))) {
    reader.pos = at;
    reader.fail(`an id that is not 1 to ${max} hexadecimal digits`);
  }
  return [digits.slice(0, -16), digits.slice(-16)];
}

/** Takes microseconds, which are never negative; 0 means unknown. */
export function takeMicroseconds(reader: JsonReader): bigint {
  const at = reader.pos;
  reader.int64();
  if (reader.high > 0x7fff_ffff) {
    reader.pos = at;
    reader.fail("a negative number of microseconds");
  }
  return BigInt(int64Text(reader.low, reader.high));
}

export function takeEndpoint(json: ZipkinJson): ZipkinEndpoint {
  const { reader } = json;
  let serviceName = "";
  let ipv4 = "";
  let ipv6 = "";
  let port = 0;
  let field = reader.firstMember(endpointNames);
  while (field >= 0) {
    if (field === 0) serviceName = takeText(json);
    else if (field === 1) ipv4 = takeText(json);
    else if (field === 2) ipv6 = takeText(json);
    else port = reader.int32();
    field = reader.nextMember(endpointNames);
  }
  return { serviceName, ipv4, ipv6, port: port > PORT_MAX ? 0 : port };
}

/** Skips a member that is not known; it may be as large as the body. */
export function* skipInSteps(reader: JsonReader): Generator<void, void> {
  reader.beginSkip();
  while (!reader.skipSome(SKIP_BYTES_PER_STEP)) yield;
}
