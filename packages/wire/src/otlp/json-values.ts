/** Reads OTLP's KeyValue and AnyValue from JSON into attribute columns. */
import { type ByteColumn, TriptychError, ValueKind } from "@triptych/model";
import { JsonNames } from "../json-names.ts";
import type { JsonReader } from "../json-reader.ts";
import type { AttributeWriter, ValueRules } from "./attribute-writer.ts";
import {
  appendCut,
  appendInt64,
  doubleText,
  FALSE_TEXT,
  int64Text,
  TRUE_TEXT,
  type TextScratch,
} from "./value-text.ts";

const keyValueNames = new JsonNames(["key", "value"]);
const valuesNames = new JsonNames(["values"]);
const anyValueNames = new JsonNames([
  "stringValue",
  "boolValue",
  "intValue",
  "doubleValue",
  "arrayValue",
  "kvlistValue",
  "bytesValue",
]);
const kinds = [
  ValueKind.string,
  ValueKind.boolean,
  ValueKind.int,
  ValueKind.double,
  ValueKind.array,
  ValueKind.map,
  ValueKind.bytes,
] as const;

/** Reads an array of KeyValue as attributes of the writer's open item. */
export function readJsonAttributes(reader: JsonReader, writer: AttributeWriter): void {
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    if (writer.full) {
      reader.skip();
      writer.dropped++;
    } else readAttribute(reader, writer);
  }
}

function readAttribute(reader: JsonReader, writer: AttributeWriter): void {
  const { values } = writer.columns;
  const mark = values.rows;
  let key = -1;
  let kind: number = ValueKind.empty;
  let field = reader.firstMember(keyValueNames);
  while (field >= 0) {
    if (field === 0) {
      reader.string();
      key = writer.keys.intern(reader.text, reader.textStart, reader.textEnd);
    } else {
      values.rows = mark;
      kind = readJsonAnyValue(reader, values, writer.rules);
    }
    field = reader.nextMember(keyValueNames);
  }
  if (values.rows === mark) values.appendEmpty();
  writer.addKey(kind, key >= 0 ? key : writer.keys.intern(reader.bytes, 0, 0));
}

/** Appends the text form of the AnyValue that follows to `values` and returns its kind. Of several, the last counts. */
export function readJsonAnyValue(
  reader: JsonReader,
  values: ByteColumn,
  rules: ValueRules,
): number {
  const mark = values.rows;
  let kind: number = ValueKind.empty;
  let field = reader.firstMember(anyValueNames);
  while (field >= 0) {
    values.rows = mark;
    kind = kinds[field] as number;
    appendValue(reader, kind, { values, rules });
    field = reader.nextMember(anyValueNames);
  }
  if (values.rows === mark) values.appendEmpty();
  return kind;
}

function appendValue(
  reader: JsonReader,
  kind: number,
  to: { values: ByteColumn; rules: ValueRules },
): void {
  const { values, rules } = to;
  const { scratch } = rules;
  switch (kind) {
    case ValueKind.string: {
      reader.string();
      const range = { start: reader.textStart, end: reader.textEnd };
      scratch.cut = appendCut(values, reader.text, range, rules.valueBytesMax);
      return;
    }
    case ValueKind.boolean: {
      const text = reader.boolean() ? TRUE_TEXT : FALSE_TEXT;
      values.append(text, 0, text.length);
      return;
    }
    case ValueKind.int:
      reader.int64();
      appendInt64(values, reader.low, reader.high);
      return;
    case ValueKind.double:
      values.appendText(doubleText(reader.double()));
      return;
    default:
      scratch.begin(rules.valueBytesMax);
      if (kind === ValueKind.bytes) writeBytes(reader, scratch);
      else if (kind === ValueKind.array) writeArray(reader, rules, 1);
      else writeMap(reader, rules, 1);
      scratch.appendTo(values);
  }
}

/** Writes base64 of either alphabet, padded or not, as padded base64 of the standard alphabet. */
function writeBytes(reader: JsonReader, scratch: TextScratch): void {
  reader.string();
  const { text, textStart } = reader;
  let end = reader.textEnd;
  for (let i = 0; i < 2 && end > textStart && text[end - 1] === 0x3d; i++) end--;
  const size = end - textStart;
  if (size % 4 === 1) reader.fail("bytes that are not base64");
  for (let i = textStart; i < end; i++) {
    const digit = base64Digit(text[i] as number);
    if (digit < 0) reader.fail("bytes that are not base64");
    // Bits of the last digit beyond the last byte mean nothing.
    const isLast = i === end - 1;
    const kept =
      isLast && size % 4 === 2 ? digit & 0x30 : isLast && size % 4 === 3 ? digit & 0x3c : digit;
    scratch.base64Digit(kept);
  }
  for (let i = size % 4; i > 0 && i < 4; i++) scratch.byte(0x3d);
}

function base64Digit(byte: number): number {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61 + 26;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 52;
  if (byte === 0x2b || byte === 0x2d) return 62;
  return byte === 0x2f || byte === 0x5f ? 63 : -1;
}

function checkDepth(reader: JsonReader, rules: ValueRules, depth: number): void {
  if (depth <= rules.depthMax) return;
  const text = `A value is nested deeper than ${rules.depthMax} levels in ${reader.reading}, at byte ${reader.pos}`;
  throw new TriptychError("wire_too_deep", text, { offset: reader.pos });
}

function writeArray(reader: JsonReader, rules: ValueRules, depth: number): void {
  checkDepth(reader, rules, depth);
  const { scratch } = rules;
  let count = 0;
  scratch.byte(0x5b);
  let field = reader.firstMember(valuesNames);
  while (field >= 0) {
    for (let more = reader.firstElement(); more; more = reader.nextElement()) {
      if (count++ > 0) scratch.byte(0x2c);
      if (scratch.full) reader.skip();
      else writeValue(reader, rules, depth);
    }
    field = reader.nextMember(valuesNames);
  }
  scratch.byte(0x5d);
}

function writeMap(reader: JsonReader, rules: ValueRules, depth: number): void {
  checkDepth(reader, rules, depth);
  const { scratch } = rules;
  let count = 0;
  scratch.byte(0x7b);
  let field = reader.firstMember(valuesNames);
  while (field >= 0) {
    for (let more = reader.firstElement(); more; more = reader.nextElement()) {
      if (count++ > 0) scratch.byte(0x2c);
      if (scratch.full) reader.skip();
      else writeEntry(reader, rules, depth);
    }
    field = reader.nextMember(valuesNames);
  }
  scratch.byte(0x7d);
}

/** Key and value come in any order, so the value is read after the end was seen. */
function writeEntry(reader: JsonReader, rules: ValueRules, depth: number): void {
  const { scratch } = rules;
  const mark = scratch.length;
  let valueAt = -1;
  let hasKey = false;
  let field = reader.firstMember(keyValueNames);
  const inside = reader.depth;
  while (field >= 0) {
    if (field === 0) {
      reader.string();
      scratch.length = mark;
      scratch.jsonString(reader.text, reader.textStart, reader.textEnd);
      hasKey = true;
    } else {
      valueAt = reader.pos;
      reader.skip();
    }
    field = reader.nextMember(keyValueNames);
  }
  if (!hasKey) scratch.ascii('""');
  scratch.byte(0x3a);
  if (valueAt < 0) {
    scratch.ascii("null");
    return;
  }
  const { pos, depth: outside } = reader;
  reader.jump(valueAt, inside);
  writeValue(reader, rules, depth);
  reader.jump(pos, outside);
}

function writeValue(reader: JsonReader, rules: ValueRules, depth: number): void {
  const { scratch } = rules;
  const mark = scratch.length;
  let field = reader.firstMember(anyValueNames);
  if (field < 0) scratch.ascii("null");
  while (field >= 0) {
    scratch.length = mark;
    writeKnownValue(reader, kinds[field] as number, { rules, depth });
    field = reader.nextMember(anyValueNames);
  }
}

function writeKnownValue(
  reader: JsonReader,
  kind: number,
  at: { rules: ValueRules; depth: number },
): void {
  const { rules, depth } = at;
  const { scratch } = rules;
  switch (kind) {
    case ValueKind.string:
      reader.string();
      scratch.jsonString(reader.text, reader.textStart, reader.textEnd);
      return;
    case ValueKind.boolean:
      scratch.ascii(reader.boolean() ? "true" : "false");
      return;
    case ValueKind.int:
      reader.int64();
      scratch.ascii(int64Text(reader.low, reader.high));
      return;
    case ValueKind.double:
      scratch.jsonDouble(reader.double());
      return;
    case ValueKind.array:
      writeArray(reader, rules, depth + 1);
      return;
    case ValueKind.map:
      writeMap(reader, rules, depth + 1);
      return;
    default:
      scratch.byte(0x22);
      writeBytes(reader, scratch);
      scratch.byte(0x22);
  }
}
