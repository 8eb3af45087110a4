/** Reads OTLP's LogRecord from JSON. */
import { JsonNames } from "../json-names.ts";
import type { JsonReader } from "../json-reader.ts";
import { readJsonAnyValue, readJsonAttributes } from "./json-values.ts";
import type { JsonItems } from "./json-walk.ts";
import type { LogWriter } from "./log-writer.ts";

const recordNames = new JsonNames([
  "timeUnixNano",
  "observedTimeUnixNano",
  "severityNumber",
  "severityText",
  "body",
  "attributes",
  "droppedAttributesCount",
  "flags",
  "traceId",
  "spanId",
  "eventName",
]);

export function jsonLogs(writer: LogWriter): JsonItems {
  return {
    entities: writer.entities,
    name: "a log record",
    members: { resources: "resourceLogs", scopes: "scopeLogs", items: "logRecords" },
    item(reader) {
      readLogRecord(reader, writer);
      return undefined;
    },
  };
}

function readLogRecord(reader: JsonReader, writer: LogWriter): void {
  writer.begin(reader.pos);
  const { batch } = writer;
  let field = reader.firstMember(recordNames);
  while (field >= 0) {
    switch (field) {
      case 0:
        reader.uint64();
        writer.setTime(reader.low, reader.high);
        break;
      case 1:
        reader.uint64();
        writer.setObserved(reader.low, reader.high);
        break;
      case 2:
        writer.severityNumber = reader.enumNumber();
        break;
      case 3:
        writer.severityText = readInterned(reader, writer);
        break;
      case 4:
        writer.beginBody();
        writer.endBody(readJsonAnyValue(reader, batch.body, writer.bodyRules));
        break;
      case 5:
        readJsonAttributes(reader, writer.attributes);
        break;
      default:
        readRarerMember(reader, writer, field);
    }
    field = reader.nextMember(recordNames);
  }
  writer.commit();
}

function readRarerMember(reader: JsonReader, writer: LogWriter, field: number): void {
  const { batch, row } = writer;
  switch (field) {
    case 6:
      writer.droppedAttributes = reader.int32();
      break;
    case 7:
      writer.flags = reader.int32();
      break;
    case 8:
      writer.traceIdSize = reader.hexId(batch.traceId, row * 16, 16);
      break;
    case 9:
      writer.spanIdSize = reader.hexId(batch.spanId, row * 8, 8);
      break;
    default:
      writer.eventName = readInterned(reader, writer);
  }
}

function readInterned(reader: JsonReader, writer: LogWriter): number {
  reader.string();
  return writer.batch.strings.intern(reader.text, reader.textStart, reader.textEnd);
}
