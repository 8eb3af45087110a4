/** Reads OTLP's Span message from protobuf. */
import type { ProtobufReader } from "../protobuf-reader.ts";
import { readAttribute } from "./protobuf-values.ts";
import type { ProtobufItems } from "./protobuf-walk.ts";
import type { SpanWriter } from "./span-writer.ts";

export function protobufSpans(writer: SpanWriter): ProtobufItems {
  return {
    entities: writer.entities,
    name: "a span",
    item(reader) {
      readSpan(reader, writer);
      return true;
    },
  };
}

/** Copies an id of `want` bytes to `target[at ..]`; returns the size that was there. */
export function readId(
  reader: ProtobufReader,
  target: Uint8Array,
  place: { at: number; want: number },
): number {
  const size = reader.length();
  const { pos, bytes } = reader;
  if (size === place.want)
    for (let i = 0; i < size; i++) target[place.at + i] = bytes[pos + i] as number;
  reader.pos = pos + size;
  return size;
}

function readSpan(reader: ProtobufReader, writer: SpanWriter): void {
  writer.begin(reader.pos);
  const { end, bytes } = reader;
  const { batch, row } = writer;
  while (reader.pos < end) {
    const tag = reader.tag();
    switch (tag) {
      case 10:
        writer.traceIdSize = readId(reader, batch.traceId, { at: row * 16, want: 16 });
        break;
      case 18:
        writer.spanIdSize = readId(reader, batch.spanId, { at: row * 8, want: 8 });
        break;
      case 34:
        writer.parentSize = readId(reader, batch.parentSpanId, { at: row * 8, want: 8 });
        break;
      case 42: {
        const size = reader.length();
        const start = reader.pos;
        writer.name = batch.strings.intern(bytes, start, start + size);
        reader.pos = start + size;
        break;
      }
      case 48:
        writer.kind = reader.varint();
        break;
      case 57:
        reader.fixed64();
        writer.setStart(reader.low, reader.high);
        break;
      case 65:
        reader.fixed64();
        writer.setEnd(reader.low, reader.high);
        break;
      case 74:
        readAttribute(reader, writer.attributes);
        break;
      default:
        readRarerField(reader, writer, tag);
    }
  }
  writer.commit();
}

function readRarerField(reader: ProtobufReader, writer: SpanWriter, tag: number): void {
  switch (tag) {
    case 26: {
      const size = reader.length();
      const start = reader.pos;
      reader.pos = start + size;
      writer.setTraceState(reader.bytes, start, start + size);
      break;
    }
    case 80:
      writer.droppedAttributes = reader.varint();
      break;
    case 90:
      readEvent(reader, writer);
      break;
    case 96:
      writer.droppedEvents = reader.varint();
      break;
    case 106:
      readLink(reader, writer);
      break;
    case 112:
      writer.droppedLinks = reader.varint();
      break;
    case 122:
      readStatus(reader, writer);
      break;
    case 133:
      writer.flags = reader.fixed32();
      break;
    default:
      reader.skip(tag);
  }
}

function readStatus(reader: ProtobufReader, writer: SpanWriter): void {
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 18) {
      const size = reader.length();
      const start = reader.pos;
      reader.pos = start + size;
      writer.setStatusMessage(reader.bytes, start, start + size);
    } else if (tag === 24) writer.statusCode = reader.varint();
    else reader.skip(tag);
  }
  reader.leave(outer);
}

function readEvent(reader: ProtobufReader, writer: SpanWriter): void {
  const outer = reader.enter();
  const event = writer.beginEvent(reader.pos);
  const { events, strings } = writer.batch;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 9) {
      reader.fixed64();
      events.timeWords[event * 2] = reader.low;
      events.timeWords[event * 2 + 1] = reader.high;
    } else if (tag === 18) {
      const size = reader.length();
      const start = reader.pos;
      events.name[event] = strings.intern(reader.bytes, start, start + size);
      reader.pos = start + size;
    } else if (tag === 26) readAttribute(reader, writer.eventAttributes);
    else if (tag === 32) events.dropped[event] = reader.varint();
    else reader.skip(tag);
  }
  writer.endEvent(event);
  reader.leave(outer);
}

function readLink(reader: ProtobufReader, writer: SpanWriter): void {
  const outer = reader.enter();
  const link = writer.beginLink(reader.pos);
  const { links } = writer.batch;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 10:
        writer.linkTraceIdSize = readId(reader, links.traceId, { at: link * 16, want: 16 });
        break;
      case 18:
        writer.linkSpanIdSize = readId(reader, links.spanId, { at: link * 8, want: 8 });
        break;
      case 26: {
        const size = reader.length();
        const start = reader.pos;
        reader.pos = start + size;
        writer.setLinkTraceState(link, reader.bytes, { start, end: start + size });
        break;
      }
      case 34:
        readAttribute(reader, writer.linkAttributes);
        break;
      case 40:
        links.dropped[link] = reader.varint();
        break;
      case 53:
        links.flags[link] = reader.fixed32();
        break;
      default:
        reader.skip(tag);
    }
  }
  writer.endLink(link);
  reader.leave(outer);
}
