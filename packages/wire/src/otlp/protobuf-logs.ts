/** Reads OTLP's LogRecord message from protobuf. */
import type { ProtobufReader } from "../protobuf-reader.ts";
import type { LogWriter } from "./log-writer.ts";
import { readId } from "./protobuf-spans.ts";
import { readAnyValue, readAttribute } from "./protobuf-values.ts";
import type { ProtobufItems } from "./protobuf-walk.ts";

export function protobufLogs(writer: LogWriter): ProtobufItems {
  return {
    entities: writer.entities,
    name: "a log record",
    item(reader) {
      readLogRecord(reader, writer);
      return true;
    },
  };
}

function readLogRecord(reader: ProtobufReader, writer: LogWriter): void {
  writer.begin(reader.pos);
  const { end } = reader;
  const { batch } = writer;
  while (reader.pos < end) {
    const tag = reader.tag();
    switch (tag) {
      case 9:
        reader.fixed64();
        writer.setTime(reader.low, reader.high);
        break;
      case 89:
        reader.fixed64();
        writer.setObserved(reader.low, reader.high);
        break;
      case 16:
        writer.severityNumber = reader.varint();
        break;
      case 26:
        writer.severityText = readInterned(reader, writer);
        break;
      case 42:
        writer.beginBody();
        writer.endBody(readAnyValue(reader, batch.body, writer.bodyRules));
        break;
      case 50:
        readAttribute(reader, writer.attributes);
        break;
      default:
        readRarerField(reader, writer, tag);
    }
  }
  writer.commit();
}

function readRarerField(reader: ProtobufReader, writer: LogWriter, tag: number): void {
  const { batch, row } = writer;
  switch (tag) {
    case 56:
      writer.droppedAttributes = reader.varint();
      break;
    case 69:
      writer.flags = reader.fixed32();
      break;
    case 74:
      writer.traceIdSize = readId(reader, batch.traceId, { at: row * 16, want: 16 });
      break;
    case 82:
      writer.spanIdSize = readId(reader, batch.spanId, { at: row * 8, want: 8 });
      break;
    case 98:
      writer.eventName = readInterned(reader, writer);
      break;
    default:
      reader.skip(tag);
  }
}

function readInterned(reader: ProtobufReader, writer: LogWriter): number {
  const size = reader.length();
  const start = reader.pos;
  reader.pos = start + size;
  return writer.batch.strings.intern(reader.bytes, start, start + size);
}
