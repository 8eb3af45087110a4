/**
 * Our answers to random queries beside those of Debian's Prometheus, which was written the same samples. It is 2.42:
 * samples and steps lie so that none is at the very edge of a range, where 2.x and 3.x differ.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createRandomPromql,
  createRng,
  ensureProgram,
  freePort,
  type RunningServer,
  startServer,
} from "@triptych/testkit";
import { encodeRemoteWrite, encodeSnappy, type WriteSeries } from "@triptych/wire";
import { afterAll, beforeAll, expect, test } from "vitest";

const QUERIES = 500;
const SEED = Number(process.env["TRIPTYCH_SEED"] ?? 20_261_121);
const STEP_MS = 15_000;
/** An hour and a half, ending some minutes ago; never on a whole second. */
const endMs = Math.floor(Date.now() / 60_000) * 60_000 - 120_000;
const startMs = endMs - 90 * 60_000;
const directory = mkdtempSync(join(tmpdir(), "triptych-random-"));

let ours: RunningServer;
let prometheus: ChildProcess | undefined;
let theirs = "";

beforeAll(async () => {
  const program = await ensureProgram("prometheus");
  if (program === undefined) return;
  ours = await startServer({ dataDir: join(directory, "ours") });
  const port = await freePort();
  theirs = `http://127.0.0.1:${port}`;
  const file = join(directory, "prometheus.yml");
  writeFileSync(file, "{}\n");
  prometheus = spawn(
    program,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, "theirs")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      "--enable-feature=promql-at-modifier,promql-negative-offset",
    ],
    { stdio: "ignore" },
  );
  await eventually(async () => (await fetch(`${theirs}/-/ready`)).ok);
  const body = encodeSnappy(encodeRemoteWrite("1.0", series()));
  for (const url of [ours.url, theirs]) {
    const headers = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
    const answer = await fetch(`${url}/api/v1/write`, { method: "POST", headers, body });
    expect(answer.ok, `${url}: ${answer.status}`).toBe(true);
  }
  await eventually(async () => {
    const query = encodeURIComponent(`count({job=~".+"}) @ ${endMs / 1000 - 30}`);
    const answers = await Promise.all(
      [ours.url, theirs].map((url) => ask(url, `query?query=${query}`)),
    );
    return answers[0]?.text === answers[1]?.text;
  });
}, 180_000);

afterAll(async () => {
  prometheus?.kill();
  await ours?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function eventually(good: () => Promise<boolean>): Promise<void> {
  for (let left = 100; ; left--) {
    if (await good().catch(() => false)) return;
    if (left === 0) throw new Error("it never became so");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const doubles = new Float64Array(1);
const words = new Uint32Array(doubles.buffer);

function series(): WriteSeries[] {
  const rng = createRng(7);
  const out: WriteSeries[] = [];
  const add = (labels: Record<string, string>, next: (i: number) => number | undefined): void => {
    const timeMs: number[] = [];
    const valueWords: number[] = [];
    for (let t = startMs, i = 0; t < endMs; t += STEP_MS, i++) {
      const value = next(i);
      if (value === undefined) continue;
      timeMs.push(t + 337 + rng.below(600));
      doubles[0] = value;
      valueWords.push(words[0] as number, words[1] as number);
    }
    const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const startMs0 = timeMs.map(() => 0);
    out.push({
      labels: pairs,
      timeMs,
      startMs: startMs0,
      valueWords,
      histograms: [],
      exemplars: [],
    });
  };
  for (let n = 0; n < 6; n++) {
    const labels = {
      job: n % 2 ? "api" : "web",
      instance: `host-${n}`,
      ...(n % 3 === 0 ? { kind: "x" } : {}),
    };
    let total = rng.below(1000);
    add({ __name__: "c_total", ...labels }, () => {
      total += rng.below(50);
      return total;
    });
    let level = 10;
    add({ __name__: "g", ...labels }, () => {
      level += rng.next() * 10 - 5;
      return level;
    });
    let reset = 0;
    add({ __name__: "resets_total", ...labels }, () => {
      reset = rng.chance(0.05) ? 0 : reset + rng.next() * 3;
      return reset;
    });
    add({ __name__: "gaps", ...labels }, (i) =>
      Math.floor(i / 37) % 3 === n % 3 ? undefined : Math.sin(i / 9) * n,
    );
    const bounds = ["0.1", "0.5", "1", "5", "+Inf"];
    const counts = bounds.map(() => 0);
    const buckets = new Map(bounds.map((le) => [le, [] as number[]]));
    for (let t = startMs; t < endMs; t += STEP_MS) {
      const at = rng.below(bounds.length);
      for (let b = at; b < bounds.length; b++) counts[b] = (counts[b] as number) + 1 + rng.below(4);
      let highest = 0;
      for (const [b, le] of bounds.entries()) {
        highest = Math.max(highest, counts[b] as number);
        counts[b] = highest;
        buckets.get(le)?.push(highest);
      }
    }
    for (const le of bounds)
      add({ __name__: "h_seconds_bucket", le, ...labels }, (i) => buckets.get(le)?.[i]);
    add({ __name__: "h_seconds_count", ...labels }, (i) => buckets.get("+Inf")?.[i]);
  }
  return out;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(url: string, path: string): Promise<Answer> {
  const answer = await fetch(`${url}/api/v1/${path}`);
  return { status: answer.status, text: await answer.text() };
}

/** Each point under its labels and time. */
function points(text: string): Map<string, number> {
  const { data } = JSON.parse(text) as {
    data: {
      resultType: string;
      result: { metric: object; value?: [number, string]; values?: [number, string][] }[];
    };
  };
  const out = new Map<string, number>();
  for (const one of data.result) {
    const labels = JSON.stringify(Object.entries(one.metric).sort());
    for (const [t, value] of one.values ?? (one.value === undefined ? [] : [one.value]))
      out.set(`${labels}@${t}`, Number(value.replace("Inf", "Infinity")));
  }
  return out;
}

function isNear(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (Object.is(a, b) || a === b) return true;
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)) + 1e-6;
}

/** What differs, in one line; nothing when the answers are the same. */
function difference(mine: Answer, other: Answer): string | undefined {
  if (mine.status !== other.status)
    return `status ${mine.status}, ${other.status} there: ${(mine.status === 200 ? other : mine).text.slice(0, 200)}`;
  if (mine.status !== 200) return undefined;
  const a = points(mine.text);
  const b = points(other.text);
  for (const [key, value] of a)
    if (!isNear(value, b.get(key))) return `${key}: ${value}, there ${b.get(key)}`;
  for (const [key, value] of b) if (!a.has(key)) return `${key}: nothing, there ${value}`;
  return undefined;
}

test(`${QUERIES} random queries are answered as Prometheus does`, { timeout: 180_000 }, async ({
  skip,
}) => {
  if (prometheus === undefined) skip("no Prometheus, and it cannot be installed");
  const random = createRandomPromql(createRng(SEED));
  const wrong: string[] = [];
  // Seven seconds after the minute, where no subquery has a step at the edge of its range.
  const from = startMs / 1000 + 40 * 60 + 7;
  for (let n = 0; n < QUERIES; n++) {
    const query = random.vector();
    const encoded = encodeURIComponent(query);
    const path =
      n % 3 === 0
        ? `query?query=${encoded}&time=${from + 60 * (n % 40)}`
        : `query_range?query=${encoded}&start=${from}&end=${from + 40 * 60}&step=${60 * (1 + (n % 4))}`;
    const [mine, other] = await Promise.all([ask(ours.url, path), ask(theirs, path)]);
    const told = difference(mine, other);
    if (told !== undefined) wrong.push(`${query}\n    ${path.slice(0, 12)} ${told}`);
  }
  expect(wrong.slice(0, 20).join("\n"), `${wrong.length} of ${QUERIES} differ (seed ${SEED})`).toBe(
    "",
  );
});
