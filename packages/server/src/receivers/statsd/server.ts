/**
 * StatsD over UDP and TCP: lines are added up in memory and handed on every interval as samples. StatsD has no answers,
 * so what is refused is counted by reason.
 */
import type { Socket as UdpSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { asTriptychError, type Clock, TriptychError } from "@triptych/model";
import { parseStatsdLine } from "@triptych/wire";
import type { StatsdConfig } from "../../config/statsd-schema.ts";
import { repeat } from "../../self/repeat.ts";
import type { IngestNext } from "../next.ts";
import { bindUdp, listenTcp } from "../sockets.ts";
import { createMapping, parseStatsdMapping } from "./mapping.ts";
import { createStatsdRegistry } from "./registry.ts";

export interface StatsdDeps {
  readonly config: StatsdConfig;
  readonly next: IngestNext;
  readonly clock: Clock;
  /** Told of samples that were not taken; counters are cumulative, so the next interval repairs them. */
  readonly report: (error: TriptychError) => void;
}

export interface StatsdServer {
  /** Resolves with the port, the same for UDP and TCP; a free one when `port` is 0. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<number>;
  /** Hands on what there is; every interval by itself. */
  flush(): Promise<void>;
  /** Stops and hands on the rest. Safe to call twice. */
  close(): Promise<void>;
  /** Metrics with their tags that are kept. */
  readonly series: number;
}

/** A line of TCP may be so long; UDP's are bounded by the datagram. */
const LINE_BYTES_MAX = 64 * 1024;

/** Throws `config_invalid` when the mapping file cannot be used. */
export function createStatsdServer(deps: StatsdDeps): StatsdServer {
  const { config, next, clock } = deps;
  const mapping = createMapping(
    config.mappingFile === "" ? { mappings: [] } : readMapping(config.mappingFile),
  );
  const registry = createStatsdRegistry(
    {
      seriesMax: config.seriesMax,
      ttlMs: config.ttlSeconds * 1000,
      labels: Object.entries(config.labels),
    },
    clock.nowMs(),
  );
  const sockets = new Set<Socket>();
  let udp: UdpSocket | undefined;
  let tcp: Server | undefined;
  let stop: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();

  const takeLine = (text: string): void => {
    const line = parseStatsdLine(text);
    if (typeof line === "string") {
      next.discarded(`statsd_${line}`, 1);
      return;
    }
    for (const problem of line.problems) next.discarded(`statsd_${problem}`, 1);
    for (const sample of line.samples) {
      const mapped = mapping(line.name, sample.kind);
      if (mapped === "drop") {
        next.discarded("statsd_dropped_by_mapping", 1);
        continue;
      }
      const refused = registry.add(mapped, line.tags, sample, clock.nowMs());
      if (refused !== undefined) next.discarded(refused, 1);
    }
  };
  const takeLines = (text: string): void => {
    for (const line of text.split("\n")) {
      const trimmed = line.trim();
      if (trimmed !== "") takeLine(trimmed);
    }
  };
  const connected = (socket: Socket): void => {
    socket.on("error", () => socket.destroy());
    if (sockets.size >= config.connectionsMax) {
      next.discarded("statsd_too_many_connections", 1);
      socket.destroy();
      return;
    }
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on("data", (data) => {
      const all = rest.length === 0 ? data : Buffer.concat([rest, data]);
      const end = all.lastIndexOf(0x0a) + 1;
      takeLines(all.toString("utf8", 0, end));
      rest = Buffer.from(all.subarray(end));
      if (rest.length <= LINE_BYTES_MAX) return;
      next.discarded("statsd_line_too_long", 1);
      socket.destroy();
    });
    socket.on("close", () => {
      sockets.delete(socket);
      takeLines(rest.toString("utf8"));
      rest = Buffer.alloc(0);
    });
  };
  const flushNow = async (): Promise<void> => {
    for (const batch of registry.flush(clock.nowMs())) {
      try {
        await next.accept(batch, null);
      } catch (thrown) {
        deps.report(asTriptychError(thrown));
      }
    }
  };
  const flush = (): Promise<void> => {
    running = running.then(flushNow);
    return running;
  };

  return {
    get series() {
      return registry.size;
    },
    flush,
    async listen(host, port) {
      tcp = createServer(connected);
      const bound = await listenTcp(tcp, host, port);
      udp = await bindUdp(host, bound);
      udp.on("message", (datagram) => takeLines(datagram.toString("utf8")));
      stop = repeat(clock, config.intervalSeconds * 1000, flush);
      return bound;
    },
    async close() {
      stop?.();
      stop = undefined;
      const [openUdp, openTcp] = [udp, tcp];
      udp = undefined;
      tcp = undefined;
      for (const socket of sockets) socket.destroy();
      if (openUdp !== undefined) await new Promise<void>((done) => openUdp.close(() => done()));
      if (openTcp !== undefined) {
        await new Promise<void>((done) => openTcp.close(() => done()));
        await flush();
      }
      await running;
    },
  };
}

function readMapping(file: string): ReturnType<typeof parseStatsdMapping> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const message = `statsd.mappingFile: cannot read ${JSON.stringify(file)}`;
    throw new TriptychError("config_invalid", message, { cause });
  }
  return parseStatsdMapping(text, file);
}
