/** What one span says of an edge: its own side, and a guess at the other one, which may never come. */
import type { SpanBatch } from "@triptych/model";
import type { ServiceGraphConfig } from "../../config/derive-schema.ts";
import {
  durationNs,
  endMs,
  type FoundAttributes,
  startMs,
  type WantedNames,
} from "../derived-series/span-attributes.ts";
import type { Edge } from "./edge-store.ts";
import { createPeers } from "./peer.ts";

/** OTLP's kinds. */
export const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;

export const isCaller = (kind: number): boolean => kind === CLIENT || kind === PRODUCER;

/** A span, whose attributes were just found. */
export interface Side {
  readonly batch: SpanBatch;
  readonly row: number;
  readonly service: string;
}

export interface Sides {
  fill(edge: Edge, side: Side, found: FoundAttributes): void;
  /** True when nothing else is needed: the other side is a database. */
  guess(edge: Edge, side: Side, found: FoundAttributes): boolean;
}

export function createSides(config: ServiceGraphConfig, wanted: WantedNames): Sides {
  const peers = createPeers(config.peerAttributes, wanted);
  const dimensions = config.dimensions.map((name) => wanted.index(name));
  const multiplier = config.spanMultiplierKey === "" ? -1 : wanted.index(config.spanMultiplierKey);
  const weightOf = (batch: SpanBatch, row: number, found: FoundAttributes): number => {
    if (multiplier < 0) return 1;
    const share = Number(attributeText(batch, row, found, multiplier));
    return share > 0 && Number.isFinite(1 / share) ? 1 / share : 1;
  };
  const fill = (edge: Edge, side: Side, found: FoundAttributes): void => {
    const { batch, row, service } = side;
    const kind = batch.kind[row] as number;
    const seconds = durationNs(batch, row) * 1e-9;
    edge.failed ||= batch.statusCode[row] === 2;
    edge.weight = Math.max(edge.weight, weightOf(batch, row, found));
    const values =
      dimensions.length === 0
        ? undefined
        : dimensions.map((index) => attributeText(batch, row, found, index));
    if (isCaller(kind)) {
      edge.client = service;
      edge.clientSeconds = seconds;
      edge.clientEndMs = endMs(batch, row);
      edge.clientDimensions = values;
    } else {
      edge.server = service;
      edge.serverSeconds = seconds;
      edge.serverStartMs = startMs(batch, row);
      edge.serverDimensions = values;
    }
    if (kind === PRODUCER || kind === CONSUMER) edge.connection = "messaging_system";
  };
  const guess = (edge: Edge, { batch, row }: Side, found: FoundAttributes): boolean => {
    const kind = batch.kind[row] as number;
    if (kind === CLIENT) {
      const database = peers.database(batch, row, found);
      if (database !== undefined) {
        edge.connection = "database";
        edge.server = database;
        edge.serverSeconds = edge.clientSeconds;
        return true;
      }
    }
    const isMessage = kind === PRODUCER || kind === CONSUMER;
    edge.peer = peers.peer(batch, row, found);
    if (edge.peer === "" && isMessage) edge.peer = peers.queue(batch, row, found);
    return false;
  };
  return { fill, guess };
}

/** Text of an attribute, the resource's before the span's. */
function attributeText(
  batch: SpanBatch,
  row: number,
  found: FoundAttributes,
  index: number,
): string {
  const ofResource = found.resource(batch.resource[row] as number)[index] as number;
  if (ofResource >= 0) return batch.resources.attributes.values.text(ofResource);
  const ofSpan = found.entries[index] as number;
  return ofSpan < 0 ? "" : batch.attributes.values.text(ofSpan);
}
