/**
 * A `loki_push_api` job of promtail: a server of its own that takes Loki's push, and plain lines as promtail does,
 * relabels the streams and sends the lines through the job's stages. Answered is what is durable.
 */
import { asTriptychError, type Limits, sleep, TriptychError } from "@triptych/model";
import { type PushTarget as Target, readLokiPush } from "@triptych/wire";
import type { FastifyInstance } from "fastify";
import type { PromtailPush } from "../../config/promtail/network-targets.ts";
import { decompress } from "../decompress.ts";
import { closeHttp, listen } from "../http-listen.ts";
import { createHttpServer } from "../http-server.ts";
import { batchOfEntries, type LogSourceDeps } from "../log-lines/submit.ts";
import type { Stage } from "../log-stages/entry.ts";
import { type RawLine, runStages } from "../log-stages/pipeline.ts";
import { lokiPushPaths, registerLokiPush } from "../loki/http.ts";
import { TENANT } from "../otlp/receiver.ts";
import type { Refused } from "../next.ts";
import { readBody } from "../read-body.ts";
import { createReservation } from "../reservation.ts";
import { drive, requestHash } from "../slices.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { Listening } from "./syslog-target.ts";
import { labelsOfLine, type TargetLabels } from "./target-labels.ts";

export interface PushTarget {
  readonly config: PromtailPush;
  readonly labels: TargetLabels;
  readonly stage: Stage;
  /** Names the job among all that take requests. */
  readonly key: string;
}

const RAW_PATH = "/promtail/api/v1/raw";
/** A stage that limits makes lines wait: no longer than a sender does. */
const WAIT_MS_MAX = 20_000;
const WAIT_MS = 250;

/** Throws `port_in_use`. */
export async function listenPush(
  target: PushTarget,
  { host, port }: ListenAddress,
  deps: LogSourceDeps,
): Promise<Listening> {
  const report = (error: TriptychError): void =>
    deps.log("error", error.message, { job: target.labels.job, code: error.code });
  const app = createHttpServer({ report });
  registerLokiPush(app, {
    ...deps,
    report,
    paths: lokiPushPaths,
    take: (body, encoding) =>
      once(target, { body, path: `push ${encoding}` }, deps, () =>
        pushedLines(target, { body, encoding }, deps),
      ),
  });
  registerRaw(app, target, deps);
  app.get("/ready", (_request, reply) => reply.type("text/plain").send("ready\n"));
  const bound = await listen(app, host, port);
  return { port: bound, close: () => closeHttp(app, deps.clock) };
}

/** Lines of plain text, with the target's labels. */
function registerRaw(app: FastifyInstance, target: PushTarget, deps: LogSourceDeps): void {
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.post(RAW_PATH, async (request, reply) => {
      const held = createReservation(deps.next);
      try {
        const { bodyBytesMax } = deps.limits;
        const sent = await readBody(request.raw, bodyBytesMax, held.hold);
        const encoding = request.headers["content-encoding"];
        const body = await decompress(sent, encoding, bodyBytesMax, held.hold);
        await once(target, { body, path: "raw" }, deps, async () => rawLines(target, body, deps));
        return await reply.code(204).send();
      } catch (thrown) {
        const error = asTriptychError(thrown);
        if (!error.spec.retry) deps.next.discarded(error.code, 1);
        return await reply.code(error.spec.status).type("text/plain").send(`${error.message}\n`);
      } finally {
        held.release();
      }
    });
    done();
  });
}

function rawLines(
  { labels }: PushTarget,
  body: Uint8Array,
  { clock, limits }: LogSourceDeps,
): RawLine[] {
  const found = labelsOfLine({ ...labels, relabel: () => true }, []);
  const timeNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
  const texts = new TextDecoder().decode(body).split("\n", limits.linesPerRequestMax + 1);
  if (texts.length > limits.linesPerRequestMax) throw tooMany(limits);
  return texts
    .filter((line) => line.trim() !== "")
    .map((line, i) => ({ line, timeNs: timeNs + BigInt(i), labels: found }));
}

/** A body that was acknowledged already is acknowledged again, and that is all. */
async function once(
  target: PushTarget,
  { body, path }: { readonly body: Uint8Array; readonly path: string },
  deps: LogSourceDeps,
  read: () => Promise<readonly RawLine[]>,
): Promise<Refused | undefined> {
  const { next, clock, limits } = deps;
  const hash = await requestHash({ tenant: TENANT, path: `${target.key} ${path}`, body }, clock);
  const earlier = next.duplicateOf(hash);
  if (earlier !== null) {
    await earlier;
    return undefined;
  }
  let refused: Refused | undefined;
  let lines = await read();
  const untilMs = clock.monotonicMs() + WAIT_MS_MAX;
  while (lines.length > 0) {
    const batch = lines;
    const result = await drive(
      runStages(
        target.stage,
        { count: batch.length, at: (i) => batch[i] as RawLine },
        { labels: new Map(), flush: true },
      ),
      clock,
    );
    lines = batch.slice(result.consumed);
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    const made = await drive(batchOfEntries(result.entries, { limits, arrivalNs }), clock);
    if (made.rows > 0)
      refused = (await next.accept(made, lines.length === 0 ? hash : null)) ?? refused;
    result.done();
    if (lines.length === 0) break;
    if (clock.monotonicMs() > untilMs)
      throw new TriptychError("memory_pressure", "a stage limits how many lines are taken", {
        retryAfterSeconds: 1,
      });
    await sleep(clock, WAIT_MS);
  }
  return refused;
}

async function pushedLines(
  { config, labels }: PushTarget,
  { body, encoding }: { readonly body: Uint8Array; readonly encoding: "protobuf" | "json" },
  { clock, limits }: LogSourceDeps,
): Promise<RawLine[]> {
  const lines: RawLine[] = [];
  const nowNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
  const decoder = new TextDecoder();
  let stream: Map<string, string> | undefined;
  let entries = 0;
  let open = { line: "", timeNs: 0n, metadata: [] as [string, string][] };
  const target: Target = {
    limits,
    stream(pairs) {
      stream = labelsOfLine({ ...labels, labels: new Map() }, [...pairs, ...labels.labels]);
    },
    begin(timeNs) {
      if (++entries > limits.linesPerRequestMax) throw tooMany(limits);
      const ownNs = config.use_incoming_timestamp ? timeNs : nowNs + BigInt(entries);
      open = { line: "", timeNs: ownNs, metadata: [] };
    },
    line(bytes, start, end) {
      open.line = decoder.decode(bytes.subarray(start, end));
    },
    meta: (name, value) => void open.metadata.push([name, value]),
    end() {
      if (stream !== undefined) lines.push({ ...open, labels: stream });
    },
  };
  await drive(readLokiPush(body, encoding, target), clock);
  return lines;
}

function tooMany({ linesPerRequestMax }: Limits): TriptychError {
  const message = `the request has more than ${linesPerRequestMax} entries`;
  return new TriptychError("wire_too_many_items", message);
}
