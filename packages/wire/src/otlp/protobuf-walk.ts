/**
 * Walks an export request in protobuf: resources, their scopes, the items of these. The three signals share this
 * shape and its field numbers. Fields come in any order, so resource and scope are looked for before the items.
 */
import { TriptychError } from "@triptych/model";
import { ProtobufReader } from "../protobuf-reader.ts";
import { readAttribute } from "./protobuf-values.ts";
import type { EntityWriter } from "./entities.ts";
import { FIELDS_PER_ITEM_MAX, StepMeter } from "./steps.ts";

export interface ProtobufItems {
  readonly entities: EntityWriter;
  /** What an item is called in error messages. */
  readonly name: string;
  /**
   * Reads the item the reader stands in; false when it did a part of it and wants to be called again, with the
   * reader where it left it.
   */
  item(reader: ProtobufReader): boolean;
  /** Called after the last item of a resource that had items. */
  endResource?(): void;
}

/** Fields looked at in one go while looking for a resource or scope. */
const FIELDS_PER_STEP = 20_000;
/** A message may be sent in parts, which merge; nobody sends more of them than one. */
const PARTS_MAX = 1_000;

/** Where the head of a resource's or scope's message is: the entity itself (often one range) and the schema URL. */
class Head {
  readonly entity: number[] = [];
  schemaStart = 0;
  schemaEnd = 0;
  open = false;

  begin(): void {
    this.entity.length = 0;
    this.schemaStart = 0;
    this.schemaEnd = 0;
    this.open = false;
  }

  /** Looks at some thousand fields from the reader's place; true when it has seen the message's end. */
  scan(reader: ProtobufReader): boolean {
    for (let i = 0; i < FIELDS_PER_STEP; i++) {
      if (reader.pos >= reader.end) return true;
      const tag = reader.tag();
      if (tag === 10) {
        if (this.entity.length === PARTS_MAX * 2)
          reader.fail(`more than ${PARTS_MAX} parts of one message`, reader.pos);
        const size = reader.length();
        this.entity.push(reader.pos, reader.pos + size);
        reader.pos += size;
      } else if (tag === 26) {
        const size = reader.length();
        this.schemaStart = reader.pos;
        this.schemaEnd = reader.pos + size;
        reader.pos += size;
      } else reader.skip(tag);
    }
    return reader.pos >= reader.end;
  }
}

export function* walkProtobuf(reader: ProtobufReader, items: ProtobufItems): Generator<void, void> {
  const meter = new StepMeter();
  const resource = new Head();
  const scope = new Head();
  while (reader.pos < reader.end) {
    reader.reading = "the request";
    const tag = reader.tag();
    if (meter.due(reader.pos, 0)) yield;
    if (tag !== 10) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    const start = reader.pos;
    reader.reading = "a resource";
    resource.begin();
    while (!resource.scan(reader)) yield;
    reader.pos = start;
    while (reader.pos < reader.end) {
      const inner = reader.tag();
      if (meter.due(reader.pos, 0)) yield;
      if (inner === 18) yield* walkScope(reader, items, { meter, resource, scope });
      else reader.skip(inner);
    }
    reader.leave(outer);
    if (resource.open) items.endResource?.();
  }
}

function* walkScope(
  reader: ProtobufReader,
  items: ProtobufItems,
  at: { meter: StepMeter; resource: Head; scope: Head },
): Generator<void, void> {
  const { meter, resource, scope } = at;
  const outer = reader.enter();
  const start = reader.pos;
  reader.reading = "a scope";
  scope.begin();
  while (!scope.scan(reader)) yield;
  reader.pos = start;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag !== 18) {
      reader.skip(tag);
      if (meter.due(reader.pos, 0)) yield;
      continue;
    }
    if (!resource.open) openResource(reader, items.entities, resource);
    if (!scope.open) openScope(reader, items.entities, scope);
    reader.reading = items.name;
    const scopeEnd = reader.enter();
    reader.boundFields(FIELDS_PER_ITEM_MAX);
    while (!items.item(reader)) {
      yield;
      reader.boundFields(FIELDS_PER_ITEM_MAX);
    }
    reader.boundFields();
    reader.leave(scopeEnd);
    if (meter.due(reader.pos)) yield;
  }
  reader.leave(outer);
}

/**
 * How many items a request has, up to `max`: columns that are made as long as they need to be leave half as much behind
 * to collect. Looks only at lengths, about 10 ns an item. Of what is malformed, what it found so far.
 */
export function countItems(body: Uint8Array, max: number): number {
  const reader = new ProtobufReader(body);
  let items = 0;
  const each = (field: number, run: () => void): void => {
    while (reader.pos < reader.end && items < max) {
      const tag = reader.tag();
      if (tag === field) run();
      else reader.skip(tag);
    }
  };
  const within = (run: () => void): void => {
    const outer = reader.enter();
    run();
    reader.leave(outer);
  };
  const count = (): void => {
    items++;
    const size = reader.length();
    reader.pos += size;
  };
  reader.boundFields(max * FIELDS_AROUND);
  try {
    each(10, () => within(() => each(18, () => within(() => each(18, count)))));
  } catch (error) {
    // Whoever decodes it says what is wrong with it.
    if (!(error instanceof TriptychError)) throw error;
  }
  return items;
}

/** Fields that stand between so many items, about: of resources and scopes. */
const FIELDS_AROUND = 8;

function openResource(reader: ProtobufReader, entities: EntityWriter, head: Head): void {
  const { pos, end } = reader;
  reader.reading = "a resource";
  entities.beginResource();
  reader.boundFields(FIELDS_PER_ITEM_MAX);
  for (let i = 0; i < head.entity.length; i += 2) {
    reader.pos = head.entity[i] as number;
    reader.end = head.entity[i + 1] as number;
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 10) readAttribute(reader, entities.resourceAttributes);
      else reader.skip(tag);
    }
  }
  reader.boundFields();
  entities.endResource(reader.bytes, head.schemaStart, head.schemaEnd);
  head.open = true;
  reader.pos = pos;
  reader.end = end;
}

function openScope(reader: ProtobufReader, entities: EntityWriter, head: Head): void {
  const { pos, end, bytes } = reader;
  reader.reading = "a scope";
  entities.beginScope();
  reader.boundFields(FIELDS_PER_ITEM_MAX);
  for (let i = 0; i < head.entity.length; i += 2) {
    reader.pos = head.entity[i] as number;
    reader.end = head.entity[i + 1] as number;
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 10 || tag === 18) {
        const size = reader.length();
        const from = reader.pos;
        if (tag === 10) entities.setScopeName(bytes, from, from + size);
        else entities.setScopeVersion(bytes, from, from + size);
        reader.pos = from + size;
      } else if (tag === 26) readAttribute(reader, entities.scopeAttributes);
      else reader.skip(tag);
    }
  }
  reader.boundFields();
  entities.endScope(bytes, head.schemaStart, head.schemaEnd);
  head.open = true;
  reader.pos = pos;
  reader.end = end;
}
