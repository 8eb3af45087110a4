/** The series of the service graph, with the names and labels that Tempo's generator gives them. */
import type { ServiceGraphConfig } from "../../config/derive-schema.ts";
import {
  createDerivedSeries,
  type DerivedOptions,
  type DerivedSeries,
} from "../derived-series/derived-series.ts";
import type { DerivedHistogram, LabelPairs } from "../derived-series/shape.ts";
import { labelName } from "../derived-series/span-attributes.ts";
import type { Edge, EdgeKey } from "./edge-store.ts";

export interface GraphTables {
  readonly all: readonly DerivedSeries[];
  /** Counts an edge with both sides; `key` gives its exemplars their ids, `virtual` is the one that has no spans. */
  complete(edge: Edge, key: EdgeKey, nowMs: number, virtual?: "client" | "server"): void;
  /** Forgets the edge's dimensions. */
  unpaired(edge: Edge, nowMs: number): void;
  dropped(edge: Edge, nowMs: number): void;
}

const PREFIX = "traces_service_graph";
const REQUESTS = 0;
const FAILED = 1;
const SERVER = 0;
const CLIENT = 1;
const MESSAGING = 2;
const EXEMPLARS_MAX = 5_000;

export function createGraphTables(
  config: ServiceGraphConfig,
  constantLabels: LabelPairs,
  startedMs: number,
): GraphTables {
  const common = {
    setsMax: config.setsMax,
    staleMs: config.staleSeconds * 1000,
    constantLabels,
    exemplarsMax: EXEMPLARS_MAX,
  } satisfies Omit<DerivedOptions, "shape">;
  const histogram = (name: string, help: string): DerivedHistogram => ({
    name: `${PREFIX}_request_${name}_seconds`,
    help,
    unit: "seconds",
    bounds: config.histogramBuckets,
    form: config.histograms,
  });
  const edges = createDerivedSeries(
    {
      ...common,
      shape: {
        counters: [
          { name: `${PREFIX}_request_total`, help: "Calls between services." },
          { name: `${PREFIX}_request_failed_total`, help: "Calls between services that failed." },
        ],
        histograms: [
          histogram("server", "Time of calls as the server saw it."),
          histogram("client", "Time of calls as the client saw it."),
          histogram("messaging_system", "Time between sending and receiving a message."),
        ],
      },
    },
    startedMs,
  );
  const oneCounter = (name: string, help: string): DerivedSeries =>
    createDerivedSeries(
      { ...common, shape: { counters: [{ name: `${PREFIX}_${name}`, help }], histograms: [] } },
      startedMs,
    );
  const unpaired = oneCounter("unpaired_spans_total", "Spans whose other side did not come.");
  const dropped = oneCounter("dropped_spans_total", "Spans for which there was no room.");
  const labelsOf = createEdgeLabels(config);
  const setOf = createSetOf(edges, config.setsMax);
  const oneSide = createSetOf(unpaired, config.setsMax);
  const ends = ({ client, server, connection }: Edge): LabelPairs => [
    ["client", client],
    ["server", server],
    ["connection_type", connection],
  ];
  return {
    all: [edges, unpaired, dropped],
    complete(edge, source, nowMs, virtual) {
      const set = setOf(edge, virtual, () => labelsOf(edge, virtual));
      const { weight } = edge;
      edges.add(set, REQUESTS, weight, nowMs);
      if (edge.failed) edges.add(set, FAILED, weight, nowMs);
      edges.observeFrom(set, SERVER, edge.serverSeconds, weight, source, nowMs);
      edges.observeFrom(set, CLIENT, edge.clientSeconds, weight, source, nowMs);
      if (!config.messagingLatency || edge.connection !== "messaging_system") return;
      const waitedMs = edge.serverStartMs - edge.clientEndMs;
      // Clocks that differ, or a message that was taken before it was sent to its end.
      if (edge.clientEndMs > 0 && waitedMs > 0)
        edges.observeFrom(set, MESSAGING, waitedMs / 1000, weight, source, nowMs);
    },
    unpaired(edge, nowMs) {
      // Dimensions are no labels here.
      edge.clientDimensions = undefined;
      edge.serverDimensions = undefined;
      unpaired.add(
        oneSide(edge, undefined, () => ends(edge)),
        0,
        1,
        nowMs,
      );
    },
    dropped: (edge, nowMs) => dropped.add(dropped.set(ends(edge)), 0, 1, nowMs),
  };
}

type Virtual = "client" | "server" | undefined;

/** By client, server and connection: the sets without a virtual side, with one as client, with one as server. */
type SetsByConnection = Map<string, (number | undefined)[]>;
type SetsByEnds = Map<string, Map<string, SetsByConnection>>;
const placeOf = (virtual: Virtual): number =>
  virtual === undefined ? 0 : virtual === "client" ? 1 : 2;

/**
 * Label sets of edges, remembered by what they are made of. Without dimensions nothing is put together to find one: the
 * texts of an edge are those of its batch, and each is looked at once.
 */
function createSetOf(
  edges: DerivedSeries,
  setsMax: number,
): (edge: Edge, virtual: Virtual, labels: () => LabelPairs) => number {
  const known = new Map<string, number>();
  const plain: SetsByEnds = new Map();
  let plainSets = 0;
  let generation = edges.generation;
  const forget = (): void => {
    known.clear();
    plain.clear();
    plainSets = 0;
    generation = edges.generation;
  };
  return (edge, virtual, labels) => {
    if (generation !== edges.generation || known.size + plainSets > setsMax * 2) forget();
    if (edge.clientDimensions === undefined && edge.serverDimensions === undefined) {
      const sets = setsOf(plain, edge);
      const place = placeOf(virtual);
      const found = sets[place];
      if (found !== undefined) return found;
      const set = edges.set(labels());
      sets[place] = set;
      plainSets++;
      return set;
    }
    const key = keyWithDimensions(edge, virtual);
    let set = known.get(key);
    if (set === undefined) {
      set = edges.set(labels());
      known.set(key, set);
    }
    return set;
  };
}

function setsOf(plain: SetsByEnds, { client, server, connection }: Edge): (number | undefined)[] {
  const known = plain.get(client)?.get(server)?.get(connection);
  if (known !== undefined) return known;
  const byServer = plain.get(client) ?? new Map<string, SetsByConnection>();
  const byConnection: SetsByConnection = byServer.get(server) ?? new Map();
  const sets = [undefined, undefined, undefined];
  plain.set(client, byServer.set(server, byConnection.set(connection, sets)));
  return sets;
}

function keyWithDimensions(edge: Edge, virtual: Virtual): string {
  const { client, server, connection, clientDimensions, serverDimensions } = edge;
  let key = `${client}\0${server}\0${connection}\0${virtual ?? ""}`;
  if (clientDimensions !== undefined) key += `\0c${clientDimensions.join("\0")}`;
  if (serverDimensions !== undefined) key += `\0s${serverDimensions.join("\0")}`;
  return key;
}

const VALUE_CHARS_MAX = 1_000;

function createEdgeLabels(
  config: ServiceGraphConfig,
): (edge: Edge, virtual: Virtual) => LabelPairs {
  const taken = new Set(["client", "server", "connection_type", "virtual_node", "le"]);
  const names = config.dimensions.map((name) => ({
    plain: labelName(name, taken),
    client: labelName(`client_${name}`, taken),
    server: labelName(`server_${name}`, taken),
  }));
  return ({ client, server, connection, clientDimensions, serverDimensions }, virtual) => {
    const labels = new Map<string, string>([
      ["client", client.slice(0, VALUE_CHARS_MAX)],
      ["server", server.slice(0, VALUE_CHARS_MAX)],
      ["connection_type", connection],
    ]);
    if (config.virtualNodeLabel && virtual !== undefined) labels.set("virtual_node", virtual);
    names.forEach(({ plain, client: ofClient, server: ofServer }, i) => {
      const clientValue = (clientDimensions?.[i] ?? "").slice(0, VALUE_CHARS_MAX);
      const serverValue = (serverDimensions?.[i] ?? "").slice(0, VALUE_CHARS_MAX);
      if (config.clientServerPrefix) {
        labels.set(ofClient, clientValue).set(ofServer, serverValue);
      } else if (!labels.has(plain)) labels.set(plain, serverValue || clientValue);
    });
    return [...labels];
  };
}
