/** The log of one container, followed: from where it was left, again after each break, until the container is gone. */
import type { IncomingMessage } from "node:http";
import { parseGoTime } from "@triptych/lang";
import { askJson, objectOf } from "../discovery/ask-json.ts";
import type { Positions } from "../log-lines/positions.ts";
import { createMarkedLines, type MarkedLines } from "../log-lines/marked-lines.ts";
import { type LogSourceDeps, sleepUnless } from "../log-lines/submit.ts";
import type { Stage } from "../log-stages/entry.ts";
import type { HttpClient } from "../../http-client/client.ts";
import { createDockerDecoder, type DockerLine } from "./frames.ts";

export interface Container {
  readonly id: string;
  /** Labels of lines of a stream; undefined leaves them out. */
  readonly labels: (stream: string) => ReadonlyMap<string, string> | undefined;
}

export interface DockerPlace {
  readonly client: HttpClient;
  readonly base: string;
  readonly socketPath: string | undefined;
}

export interface ContainerReader {
  /** It is not in the list any more: what is left is read, then it ends. */
  gone(): void;
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export interface ReaderDeps extends LogSourceDeps {
  readonly positions: Positions;
  readonly stage: Stage;
  /** Names the source among others that read the same container. */
  readonly job: string;
  readonly failing: (id: string, message: string) => void;
  readonly worked: (id: string) => void;
}

const ASK_TIMEOUT_MS = 10_000;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;
const RFC3339 = "2006-01-02T15:04:05.999999999Z07:00";

export function createContainerReader(
  container: Container,
  place: DockerPlace,
  deps: ReaderDeps,
): ContainerReader {
  const abort = new AbortController();
  const lines = createMarkedLines(
    { key: `docker\n${deps.job}\n${container.id}`, labels: new Map(), stage: deps.stage },
    deps,
  );
  let isGone = false;
  const run = async (): Promise<void> => {
    let waitMs = RETRY_MS_MIN;
    for (;;) {
      try {
        const read = await follow(container, { place, lines, signal: abort.signal });
        deps.worked(container.id);
        if (read > 0) waitMs = RETRY_MS_MIN;
      } catch (error) {
        if (!abort.signal.aborted && !isGone)
          deps.failing(container.id, error instanceof Error ? error.message : String(error));
      }
      if (abort.signal.aborted) return;
      await lines.drain();
      if (isGone) return;
      await sleepUnless(abort.signal, deps.clock, waitMs);
      if (abort.signal.aborted || isGone) return;
      waitMs = Math.min(RETRY_MS_MAX, waitMs * 2);
    }
  };
  const ended = run().finally(() => lines.close());
  return {
    gone() {
      isGone = true;
    },
    ended,
    async close() {
      abort.abort();
      await lines.close();
      await ended;
    },
  };
}

/** Resolves with the number of lines when the stream ends. */
async function follow(
  { id, labels }: Container,
  how: { readonly place: DockerPlace; readonly lines: MarkedLines; readonly signal: AbortSignal },
): Promise<number> {
  const { place, lines, signal } = how;
  const path = `${place.base}/containers/${encodeURIComponent(id)}`;
  const { socketPath } = place;
  const inspected = await askJson(place.client, {
    url: `${path}/json`,
    timeoutMs: ASK_TIMEOUT_MS,
    signal,
    socketPath,
  });
  const hasTerminal = objectOf(objectOf(inspected.body)["Config"])["Tty"] === true;
  const last = markOf(lines.mark());
  const since = last === undefined ? "0" : sinceOf(last.since);
  const query = `follow=1&stdout=1&stderr=1&timestamps=1&since=${since}`;
  const answer = await place.client.open({
    url: `${path}/logs?${query}`,
    timeoutMs: 0,
    signal,
    socketPath,
  });
  if (answer.statusCode !== 200) {
    answer.destroy();
    throw new Error(`Docker answered ${answer.statusCode} for the log of ${id.slice(0, 12)}`);
  }
  return readLines(answer, { hasTerminal, last, lines, labels, signal });
}

async function readLines(
  answer: IncomingMessage,
  how: {
    readonly hasTerminal: boolean;
    readonly last: Mark | undefined;
    readonly lines: MarkedLines;
    readonly labels: Container["labels"];
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const decoder = createDockerDecoder(how.hasTerminal);
  const numbered = createNumbering(how.last);
  const labelsOf = new Map<string, ReadonlyMap<string, string> | undefined>();
  let count = 0;
  const take = async (found: readonly DockerLine[]): Promise<void> => {
    for (const line of found) {
      const mark = numbered(line);
      if (mark === undefined) continue;
      if (!labelsOf.has(line.stream)) labelsOf.set(line.stream, how.labels(line.stream));
      const labels = labelsOf.get(line.stream);
      if (labels === undefined) continue;
      count++;
      const timeNs = parseGoTime(RFC3339, line.time) ?? 0n;
      const room = how.lines.push({ line: line.text, timeNs, labels, mark });
      if (room !== undefined) await room;
    }
  };
  const stop = (): void => void answer.destroy();
  how.signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const piece of answer) await take(decoder.push(piece as Uint8Array));
    await take(decoder.end());
  } finally {
    how.signal.removeEventListener("abort", stop);
    answer.destroy();
  }
  return count;
}

interface Mark {
  /** The end of the last line that was sent, and how many with this very time. */
  readonly until: string;
  readonly count: number;
  /** Where to read from: parts of lines that were open then are older. */
  readonly since: string;
}

function markOf(mark: string): Mark | undefined {
  const [until, count, since] = mark.split("#");
  if (until === undefined || count === undefined || since === undefined) return undefined;
  return { until, count: Number(count), since };
}

/** Gives each line its mark; undefined for those that were sent before. */
function createNumbering(last: Mark | undefined): (line: DockerLine) => string | undefined {
  let time = "";
  let count = 0;
  return ({ until, since }) => {
    count = until === time ? count + 1 : 1;
    time = until;
    const isKnown =
      last !== undefined && (until < last.until || (until === last.until && count <= last.count));
    return isKnown ? undefined : `${until}#${count}#${since}`;
  };
}

/** Docker takes seconds with a fraction. */
function sinceOf(time: string): string {
  const ns = parseGoTime(RFC3339, time) ?? 0n;
  return `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
}
