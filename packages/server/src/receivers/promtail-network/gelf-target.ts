/** A `gelf` job of promtail: JSON messages in datagrams, plain, in gzip or zlib, whole or in chunks. */
import { asTriptychError, TriptychError } from "@triptych/model";
import type { PromtailGelf } from "../../config/promtail/network-targets.ts";
import { decompress } from "../decompress.ts";
import type { LogSourceDeps } from "../log-lines/submit.ts";
import type { RawLine } from "../log-stages/pipeline.ts";
import { bindUdp } from "../sockets.ts";
import { createGelfChunks } from "./gelf-chunks.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { NetworkLines } from "./network-lines.ts";
import type { Listening } from "./syslog-target.ts";
import { labelsOfLine, type TargetLabels } from "./target-labels.ts";

export interface GelfTarget {
  readonly config: PromtailGelf;
  readonly labels: TargetLabels;
}

const LEVELS = [
  ...(["emergency", "alert", "critical", "error"] as const),
  ...(["warning", "notice", "informational", "debug"] as const),
] as const;
/** What a message does not say: GELF's own default. */
const LEVEL_STANDARD = 1;
/** Messages that wait to be decompressed. */
const WAITING_MAX = 1_000;

/** Throws `port_in_use`. */
export async function listenGelf(
  target: GelfTarget,
  { host, port }: ListenAddress,
  { lines, deps }: { readonly lines: NetworkLines; readonly deps: LogSourceDeps },
): Promise<Listening> {
  const { clock, next, limits } = deps;
  const chunks = createGelfChunks(
    () => clock.monotonicMs(),
    (reason) => next.discarded(reason, 1),
  );
  let waiting = 0;
  let last = Promise.resolve();
  const take = async (message: Uint8Array, arrivalNs: bigint): Promise<void> => {
    const held: (() => void)[] = [];
    try {
      const hold = (bytes: number): void => void held.push(next.admit(bytes));
      const body = await decompress(message, encodingOf(message), limits.logLineBytesMax, hold);
      const line = lineOf(body, arrivalNs, target);
      if (line !== undefined && !lines.add(line)) next.discarded("queue_full", 1);
    } catch (thrown) {
      const error = asTriptychError(thrown);
      next.discarded(error.code, 1);
      if (error.code === "internal") deps.log("error", error.message, { job: target.labels.job });
    } finally {
      for (const release of held) release();
    }
  };
  const socket = await bindUdp(host, port);
  socket.on("message", (datagram) => {
    const message = chunks.push(datagram);
    if (message === undefined) return;
    if (waiting >= WAITING_MAX) return next.discarded("queue_full", 1);
    waiting++;
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    // One after another, so that lines keep their order.
    last = last.then(() => take(message, arrivalNs)).finally(() => waiting--);
  });
  return {
    port: socket.address().port,
    async close() {
      await new Promise<void>((resolve) => void socket.close(() => resolve()));
      await last;
    },
  };
}

function encodingOf([first, second = 0]: Uint8Array): "gzip" | "deflate" | "identity" {
  if (first === 0x1f && second === 0x8b) return "gzip";
  return first === 0x78 && ((0x78 << 8) + second) % 31 === 0 ? "deflate" : "identity";
}

const decoder = new TextDecoder();

/** The line is the whole message: stages take from it what they want. */
function lineOf(
  body: Uint8Array,
  arrivalNs: bigint,
  { config, labels }: GelfTarget,
): RawLine | undefined {
  const line = decoder.decode(body).replace(/[\0\s]+$/, "");
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch (cause) {
    throw new TriptychError("wire_malformed", "a GELF message is not JSON", { cause });
  }
  if (typeof message !== "object" || message === null || Array.isArray(message))
    throw new TriptychError("wire_malformed", "a GELF message is not a JSON object");
  const fields = message as { readonly [name: string]: unknown };
  const { level = LEVEL_STANDARD, timestamp } = fields;
  const found = labelsOfLine(labels, [
    ["__gelf_message_level", LEVELS[Number(level)] ?? ""],
    ["__gelf_message_host", textOf(fields["host"])],
    ["__gelf_message_version", textOf(fields["version"])],
    ["__gelf_message_facility", textOf(fields["facility"])],
  ]);
  if (found === undefined) return undefined;
  const seconds = config.use_incoming_timestamp ? Number(timestamp ?? 0) : 0;
  return { line, timeNs: nsOf(seconds) ?? arrivalNs, labels: found };
}

const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** The latest time that nanoseconds in 63 bits can tell, in seconds. */
const SECONDS_MAX = 9_223_372_036;

/** Seconds with a fraction: microseconds are as fine as such a number tells. */
function nsOf(seconds: number): bigint | undefined {
  if (!(seconds > 0 && seconds < SECONDS_MAX)) return undefined;
  return BigInt(Math.round(seconds * 1e6)) * 1000n;
}
