/**
 * Walks an export request in JSON: resources, their scopes, the items of these. Members come in any order. Senders
 * write the resource before its scopes, and then everything is read once; where it comes later, the scopes are
 * skipped and read afterwards.
 */
import { JsonNames } from "../json-names.ts";
import type { JsonReader } from "../json-reader.ts";
import type { EntityWriter } from "./entities.ts";
import { readJsonAttributes } from "./json-values.ts";
import { StepMeter, VALUES_PER_ITEM_MAX } from "./steps.ts";

export interface JsonItems {
  readonly entities: EntityWriter;
  /** What an item is called in error messages. */
  readonly name: string;
  /** Names of the members that hold resources, scopes and items, such as `resourceSpans`, `scopeSpans`, `spans`. */
  readonly members: { readonly resources: string; readonly scopes: string; readonly items: string };
  /** Reads the item that follows, at once or by the steps it returns. */
  item(reader: JsonReader): Generator<void, void> | undefined;
  /** Called after the last item of a resource that had items. */
  endResource?(): void;
}

/** Bytes skipped before others may run. */
const SKIP_BYTES_PER_STEP = 512 * 1024;

const entityNames = new JsonNames(["attributes", "name", "version"]);
const NOTHING = new Uint8Array(0);

/** Skips a value of any size in steps. */
export function* skipInSteps(reader: JsonReader): Generator<void, void> {
  const bound = reader.liftBound();
  reader.beginSkip();
  while (!reader.skipSome(SKIP_BYTES_PER_STEP)) yield;
  reader.restoreBound(bound);
}

/** A resource or scope under way: where it is, its schema URL as far as known, whether its row was added. */
interface Head {
  at: number;
  depth: number;
  schemaUrl: Uint8Array;
  isOpen: boolean;
}

interface Walk {
  readonly reader: JsonReader;
  readonly items: JsonItems;
  readonly meter: StepMeter;
  /** Of a resource and of a scope: the entity, its children, its schema URL. */
  readonly resourceNames: JsonNames;
  readonly scopeNames: JsonNames;
}

export function* walkJson(reader: JsonReader, items: JsonItems): Generator<void, void> {
  const { members } = items;
  const walk: Walk = {
    reader,
    items,
    meter: new StepMeter(),
    resourceNames: new JsonNames(["resource", members.scopes, "schemaUrl"], true),
    scopeNames: new JsonNames(["scope", members.items, "schemaUrl"], true),
  };
  const names = new JsonNames([members.resources], true);
  let field = reader.firstMember(names);
  while (field >= 0) {
    if (field === 0) yield* walkResources(walk);
    else yield* skipInSteps(reader);
    if (walk.meter.due(reader.pos, 0)) yield;
    reader.reading = "the request";
    field = reader.nextMember(names);
  }
  reader.finish();
}

function* walkResources(walk: Walk): Generator<void, void> {
  const { reader, meter } = walk;
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    reader.reading = "a resource";
    yield* walkResource(walk);
    if (meter.due(reader.pos, 0)) yield;
  }
}

function* walkResource(walk: Walk): Generator<void, void> {
  const { reader, items } = walk;
  const head: Head = { at: -1, depth: 0, schemaUrl: NOTHING, isOpen: false };
  const later: number[] = [];
  let field = reader.firstMember(walk.resourceNames);
  const inside = reader.depth;
  while (field >= 0) {
    if (field === 0) {
      noteEntity(reader, head);
      yield* skipInSteps(reader);
    } else if (field === 1 && head.at >= 0) yield* walkScopes(walk, head);
    else if (field === 1) {
      later.push(reader.pos);
      yield* skipInSteps(reader);
    } else if (field > 2) yield* skipInSteps(reader);
    else {
      head.schemaUrl = takeSchemaUrl(reader);
      if (head.isOpen) items.entities.setResourceSchema(head.schemaUrl, 0, head.schemaUrl.length);
    }
    if (walk.meter.due(reader.pos, 0)) yield;
    field = reader.nextMember(walk.resourceNames);
  }
  const { pos, depth } = reader;
  for (const at of later) {
    reader.jump(at, inside);
    yield* walkScopes(walk, head);
  }
  reader.jump(pos, depth);
  if (head.isOpen) items.endResource?.();
}

function noteEntity(reader: JsonReader, head: Head): void {
  head.at = reader.pos;
  head.depth = reader.depth;
}

function takeSchemaUrl(reader: JsonReader): Uint8Array {
  reader.string();
  return reader.text.slice(reader.textStart, reader.textEnd);
}

function* walkScopes(walk: Walk, resource: Head): Generator<void, void> {
  const { reader, meter } = walk;
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    reader.reading = "a scope";
    yield* walkScope(walk, resource);
    if (meter.due(reader.pos, 0)) yield;
  }
}

function* walkScope(walk: Walk, resource: Head): Generator<void, void> {
  const { reader, items } = walk;
  const head: Head = { at: -1, depth: 0, schemaUrl: NOTHING, isOpen: false };
  const later: number[] = [];
  let field = reader.firstMember(walk.scopeNames);
  const inside = reader.depth;
  while (field >= 0) {
    if (field === 0) {
      noteEntity(reader, head);
      yield* skipInSteps(reader);
    } else if (field === 1 && head.at >= 0) yield* walkItems(walk, resource, head);
    else if (field === 1) {
      later.push(reader.pos);
      yield* skipInSteps(reader);
    } else if (field > 2) yield* skipInSteps(reader);
    else {
      head.schemaUrl = takeSchemaUrl(reader);
      if (head.isOpen) items.entities.setScopeSchema(head.schemaUrl, 0, head.schemaUrl.length);
    }
    if (walk.meter.due(reader.pos, 0)) yield;
    field = reader.nextMember(walk.scopeNames);
  }
  const { pos, depth } = reader;
  for (const at of later) {
    reader.jump(at, inside);
    yield* walkItems(walk, resource, head);
  }
  reader.jump(pos, depth);
}

function* walkItems(walk: Walk, resource: Head, scope: Head): Generator<void, void> {
  const { reader, items, meter } = walk;
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    if (!resource.isOpen) openResource(reader, items.entities, resource);
    if (!scope.isOpen) openScope(reader, items.entities, scope);
    reader.reading = items.name;
    reader.boundValues(VALUES_PER_ITEM_MAX);
    const rest = items.item(reader);
    if (rest !== undefined) yield* rest;
    reader.boundValues();
    if (meter.due(reader.pos)) yield;
  }
}

function openResource(reader: JsonReader, entities: EntityWriter, head: Head): void {
  entities.beginResource();
  readEntity(reader, head, (field) => {
    if (field === 0) readJsonAttributes(reader, entities.resourceAttributes);
    else reader.skip();
  });
  entities.endResource(head.schemaUrl, 0, head.schemaUrl.length);
  head.isOpen = true;
}

function openScope(reader: JsonReader, entities: EntityWriter, head: Head): void {
  entities.beginScope();
  readEntity(reader, head, (field) => {
    if (field === 0) {
      readJsonAttributes(reader, entities.scopeAttributes);
      return;
    }
    reader.string();
    const { text, textStart, textEnd } = reader;
    if (field === 1) entities.setScopeName(text, textStart, textEnd);
    else entities.setScopeVersion(text, textStart, textEnd);
  });
  entities.endScope(head.schemaUrl, 0, head.schemaUrl.length);
  head.isOpen = true;
}

/** Reads the resource or scope noted in `head`, then returns to where the reader was. */
function readEntity(reader: JsonReader, head: Head, take: (field: number) => void): void {
  if (head.at < 0) return;
  const { pos, depth } = reader;
  reader.jump(head.at, head.depth);
  reader.boundValues(VALUES_PER_ITEM_MAX);
  let field = reader.firstMember(entityNames);
  while (field >= 0) {
    take(field);
    field = reader.nextMember(entityNames);
  }
  reader.boundValues();
  reader.jump(pos, depth);
}
