/** Reads OTLP's KeyValue and AnyValue messages from protobuf into attribute columns. */
import { type ByteColumn, TriptychError, ValueKind } from "@triptych/model";
import type { ProtobufReader } from "../protobuf-reader.ts";
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

/** Reads one KeyValue as an attribute of the writer's open item. */
export function readAttribute(reader: ProtobufReader, writer: AttributeWriter): void {
  if (writer.full) {
    const size = reader.length();
    reader.pos += size;
    writer.dropped++;
    return;
  }
  const outer = reader.enter();
  const { end, bytes } = reader;
  const { values } = writer.columns;
  const mark = values.rows;
  let keyStart = 0;
  let keyEnd = 0;
  let kind: number = ValueKind.empty;
  while (reader.pos < end) {
    const tag = reader.tag();
    if (tag === 10) {
      const size = reader.length();
      keyStart = reader.pos;
      keyEnd = keyStart + size;
      reader.pos = keyEnd;
    } else if (tag === 18) {
      values.rows = mark;
      kind = readAnyValue(reader, values, writer.rules);
    } else reader.skip(tag);
  }
  reader.leave(outer);
  if (values.rows === mark) values.appendEmpty();
  writer.add(kind, bytes, keyStart, keyEnd);
}

/** Appends the text form of the AnyValue that follows to `values` and returns its kind. Of several, the last counts. */
export function readAnyValue(
  reader: ProtobufReader,
  values: ByteColumn,
  rules: ValueRules,
): number {
  const outer = reader.enter();
  const { end } = reader;
  const mark = values.rows;
  let kind: number = ValueKind.empty;
  while (reader.pos < end) {
    const tag = reader.tag();
    if (tag === 10) {
      const size = reader.length();
      const start = reader.pos;
      reader.pos = start + size;
      values.rows = mark;
      if (size <= rules.valueBytesMax) values.append(reader.bytes, start, start + size);
      else
        rules.scratch.cut = appendCut(
          values,
          reader.bytes,
          { start, end: start + size },
          rules.valueBytesMax,
        );
      kind = ValueKind.string;
    } else {
      const found = readOtherValue(reader, tag, { values, mark, rules });
      if (found !== ValueKind.empty) kind = found;
    }
  }
  reader.leave(outer);
  if (values.rows === mark) values.appendEmpty();
  return kind;
}

function readOtherValue(
  reader: ProtobufReader,
  tag: number,
  to: { values: ByteColumn; mark: number; rules: ValueRules },
): number {
  const { values, mark, rules } = to;
  switch (tag) {
    case 16: {
      reader.varint();
      const text = (reader.low | reader.high) !== 0 ? TRUE_TEXT : FALSE_TEXT;
      values.rows = mark;
      values.append(text, 0, text.length);
      return ValueKind.boolean;
    }
    case 24:
      reader.varint();
      values.rows = mark;
      appendInt64(values, reader.low, reader.high);
      return ValueKind.int;
    case 33: {
      const value = reader.double();
      values.rows = mark;
      values.appendText(doubleText(value));
      return ValueKind.double;
    }
    case 42:
    case 50:
    case 58: {
      const { scratch } = rules;
      scratch.begin(rules.valueBytesMax);
      if (tag === 58) jsonBytes(reader, scratch);
      else if (tag === 42) jsonArray(reader, rules, 1);
      else jsonMap(reader, rules, 1);
      values.rows = mark;
      scratch.appendTo(values);
      if (tag === 58) return ValueKind.bytes;
      return tag === 42 ? ValueKind.array : ValueKind.map;
    }
    default:
      reader.skip(tag);
      return ValueKind.empty;
  }
}

function jsonBytes(reader: ProtobufReader, scratch: TextScratch): void {
  const size = reader.length();
  scratch.base64(reader.bytes, reader.pos, reader.pos + size);
  reader.pos += size;
}

function checkDepth(reader: ProtobufReader, rules: ValueRules, depth: number): void {
  if (depth <= rules.depthMax) return;
  const text = `A value is nested deeper than ${rules.depthMax} levels in ${reader.reading}, at byte ${reader.pos}`;
  throw new TriptychError("wire_too_deep", text, { offset: reader.pos });
}

function jsonArray(reader: ProtobufReader, rules: ValueRules, depth: number): void {
  checkDepth(reader, rules, depth);
  const { scratch } = rules;
  const outer = reader.enter();
  let count = 0;
  scratch.byte(0x5b);
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) {
      if (count++ > 0) scratch.byte(0x2c);
      jsonValue(reader, rules, depth);
      if (scratch.full) reader.pos = reader.end;
    } else reader.skip(tag);
  }
  scratch.byte(0x5d);
  reader.leave(outer);
}

function jsonMap(reader: ProtobufReader, rules: ValueRules, depth: number): void {
  checkDepth(reader, rules, depth);
  const { scratch } = rules;
  const outer = reader.enter();
  let count = 0;
  scratch.byte(0x7b);
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) {
      if (count++ > 0) scratch.byte(0x2c);
      jsonEntry(reader, rules, depth);
      if (scratch.full) reader.pos = reader.end;
    } else reader.skip(tag);
  }
  scratch.byte(0x7d);
  reader.leave(outer);
}

function jsonEntry(reader: ProtobufReader, rules: ValueRules, depth: number): void {
  const outer = reader.enter();
  const { end } = reader;
  let keyStart = 0;
  let keyEnd = 0;
  let valueAt = -1;
  while (reader.pos < end) {
    const tag = reader.tag();
    if (tag === 10) {
      const size = reader.length();
      keyStart = reader.pos;
      keyEnd = keyStart + size;
      reader.pos = keyEnd;
    } else {
      if (tag === 18) valueAt = reader.pos;
      reader.skip(tag);
    }
  }
  rules.scratch.jsonString(reader.bytes, keyStart, keyEnd);
  rules.scratch.byte(0x3a);
  if (valueAt < 0) rules.scratch.ascii("null");
  else {
    reader.pos = valueAt;
    jsonValue(reader, rules, depth);
    reader.pos = end;
  }
  reader.leave(outer);
}

function jsonValue(reader: ProtobufReader, rules: ValueRules, depth: number): void {
  const outer = reader.enter();
  const { scratch } = rules;
  const mark = scratch.length;
  let found = false;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    const known =
      tag === 10 ||
      tag === 16 ||
      tag === 24 ||
      tag === 33 ||
      tag === 42 ||
      tag === 50 ||
      tag === 58;
    if (!known) {
      reader.skip(tag);
      continue;
    }
    scratch.length = mark;
    found = true;
    jsonKnownValue(reader, tag, { rules, depth });
  }
  if (!found) scratch.ascii("null");
  reader.leave(outer);
}

function jsonKnownValue(
  reader: ProtobufReader,
  tag: number,
  at: { rules: ValueRules; depth: number },
): void {
  const { rules, depth } = at;
  const { scratch } = rules;
  if (tag === 10) {
    const size = reader.length();
    scratch.jsonString(reader.bytes, reader.pos, reader.pos + size);
    reader.pos += size;
  } else if (tag === 16) {
    reader.varint();
    scratch.ascii((reader.low | reader.high) !== 0 ? "true" : "false");
  } else if (tag === 24) {
    reader.varint();
    scratch.ascii(int64Text(reader.low, reader.high));
  } else if (tag === 33) scratch.jsonDouble(reader.double());
  else if (tag === 42) jsonArray(reader, rules, depth + 1);
  else if (tag === 50) jsonMap(reader, rules, depth + 1);
  else {
    scratch.byte(0x22);
    jsonBytes(reader, scratch);
    scratch.byte(0x22);
  }
}
