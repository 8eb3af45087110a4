/** Reads OTLP's Span from JSON. */
import { JsonNames } from "../json-names.ts";
import type { JsonReader } from "../json-reader.ts";
import { readJsonAttributes } from "./json-values.ts";
import type { JsonItems } from "./json-walk.ts";
import type { SpanWriter } from "./span-writer.ts";

const spanNames = new JsonNames([
  "traceId",
  "spanId",
  "parentSpanId",
  "name",
  "kind",
  "startTimeUnixNano",
  "endTimeUnixNano",
  "attributes",
  "traceState",
  "flags",
  "droppedAttributesCount",
  "events",
  "droppedEventsCount",
  "links",
  "droppedLinksCount",
  "status",
]);
const statusNames = new JsonNames(["message", "code"]);
const eventNames = new JsonNames(["timeUnixNano", "name", "attributes", "droppedAttributesCount"]);
const linkNames = new JsonNames([
  "traceId",
  "spanId",
  "traceState",
  "attributes",
  "droppedAttributesCount",
  "flags",
]);

export function jsonSpans(writer: SpanWriter): JsonItems {
  return {
    entities: writer.entities,
    name: "a span",
    members: { resources: "resourceSpans", scopes: "scopeSpans", items: "spans" },
    item(reader) {
      readSpan(reader, writer);
      return undefined;
    },
  };
}

function readSpan(reader: JsonReader, writer: SpanWriter): void {
  writer.begin(reader.pos);
  const { batch, row } = writer;
  let field = reader.firstMember(spanNames);
  while (field >= 0) {
    switch (field) {
      case 0:
        writer.traceIdSize = reader.hexId(batch.traceId, row * 16, 16);
        break;
      case 1:
        writer.spanIdSize = reader.hexId(batch.spanId, row * 8, 8);
        break;
      case 2:
        writer.parentSize = reader.hexId(batch.parentSpanId, row * 8, 8);
        break;
      case 3:
        reader.string();
        writer.name = batch.strings.intern(reader.text, reader.textStart, reader.textEnd);
        break;
      case 4:
        writer.kind = reader.enumNumber();
        break;
      case 5:
        reader.uint64();
        writer.setStart(reader.low, reader.high);
        break;
      case 6:
        reader.uint64();
        writer.setEnd(reader.low, reader.high);
        break;
      case 7:
        readJsonAttributes(reader, writer.attributes);
        break;
      default:
        readRarerMember(reader, writer, field);
    }
    field = reader.nextMember(spanNames);
  }
  writer.commit();
}

function readRarerMember(reader: JsonReader, writer: SpanWriter, field: number): void {
  switch (field) {
    case 8:
      reader.string();
      writer.setTraceState(reader.text, reader.textStart, reader.textEnd);
      break;
    case 9:
      writer.flags = reader.int32();
      break;
    case 10:
      writer.droppedAttributes = reader.int32();
      break;
    case 11:
      for (let more = reader.firstElement(); more; more = reader.nextElement())
        readEvent(reader, writer);
      break;
    case 12:
      writer.droppedEvents = reader.int32();
      break;
    case 13:
      for (let more = reader.firstElement(); more; more = reader.nextElement())
        readLink(reader, writer);
      break;
    case 14:
      writer.droppedLinks = reader.int32();
      break;
    default:
      readStatus(reader, writer);
  }
}

function readStatus(reader: JsonReader, writer: SpanWriter): void {
  let field = reader.firstMember(statusNames);
  while (field >= 0) {
    if (field === 0) {
      reader.string();
      writer.setStatusMessage(reader.text, reader.textStart, reader.textEnd);
    } else writer.statusCode = reader.enumNumber();
    field = reader.nextMember(statusNames);
  }
}

function readEvent(reader: JsonReader, writer: SpanWriter): void {
  const event = writer.beginEvent(reader.pos);
  const { events, strings } = writer.batch;
  let field = reader.firstMember(eventNames);
  while (field >= 0) {
    if (field === 0) {
      reader.uint64();
      events.timeWords[event * 2] = reader.low;
      events.timeWords[event * 2 + 1] = reader.high;
    } else if (field === 1) {
      reader.string();
      events.name[event] = strings.intern(reader.text, reader.textStart, reader.textEnd);
    } else if (field === 2) readJsonAttributes(reader, writer.eventAttributes);
    else events.dropped[event] = reader.int32();
    field = reader.nextMember(eventNames);
  }
  writer.endEvent(event);
}

function readLink(reader: JsonReader, writer: SpanWriter): void {
  const link = writer.beginLink(reader.pos);
  const { links } = writer.batch;
  let field = reader.firstMember(linkNames);
  while (field >= 0) {
    switch (field) {
      case 0:
        writer.linkTraceIdSize = reader.hexId(links.traceId, link * 16, 16);
        break;
      case 1:
        writer.linkSpanIdSize = reader.hexId(links.spanId, link * 8, 8);
        break;
      case 2: {
        reader.string();
        const range = { start: reader.textStart, end: reader.textEnd };
        writer.setLinkTraceState(link, reader.text, range);
        break;
      }
      case 3:
        readJsonAttributes(reader, writer.linkAttributes);
        break;
      case 4:
        links.dropped[link] = reader.int32();
        break;
      default:
        links.flags[link] = reader.int32();
    }
    field = reader.nextMember(linkNames);
  }
  writer.endLink(link);
}
