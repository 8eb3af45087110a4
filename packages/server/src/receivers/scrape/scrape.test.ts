/** One target, scraped over real sockets with a clock that stands still. */
import { gzipSync } from "node:zlib";
import { type SampleBatch, TriptychError } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { createRecordingNext } from "../otlp/recording-next.ts";
import { createScrape, type ScrapeManager } from "./manager.ts";
import { configOf, exposes, type FakeTarget, fakeTarget } from "../../http-client/testing.ts";
import { managerDeps, ownLines, turn, until, linesOf } from "./testing.ts";

const close: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const one of close.splice(0)) await one();
});

interface Bench {
  readonly target: FakeTarget;
  readonly manager: ScrapeManager;
  readonly next: ReturnType<typeof createRecordingNext>;
  readonly clock: ReturnType<typeof createSimClock>;
  /** Steps to the next scrape and gives its batch. */
  scrape(): Promise<SampleBatch>;
  apply(job: string): Promise<void>;
  lastError(): string;
}

const INTERVAL_MS = 10_000;

/** One job `j` with one target, whose labels are `instance="t"` and `job="j"`. */
async function bench(job = "", budgetBytes = 2 ** 30): Promise<Bench> {
  const target = await fakeTarget(exposes("a 1\n"));
  const clock = createSimClock();
  const next = createRecordingNext(budgetBytes);
  const manager = createScrape(managerDeps(clock, next));
  close.push(
    () => manager.close(),
    () => target.close(),
  );
  const apply = (more: string): Promise<void> =>
    manager.apply(
      configOf(`global: { scrape_interval: ${INTERVAL_MS}ms }
scrape_configs:
  - job_name: j
    static_configs: [{ targets: ["${target.address}"], labels: { instance: t } }]
${more
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
`),
    );
  await apply(job);
  manager.start();
  await clock.advance(0);
  const isAgain = (): boolean => manager.view()[0]?.active.length === 1;
  await until(isAgain);
  return {
    target,
    manager,
    next,
    clock,
    apply,
    lastError: () => manager.view()[0]?.active[0]?.view().lastError ?? "",
    async scrape() {
      const before = next.batches.length;
      await clock.advance(INTERVAL_MS);
      await until(() => next.batches.length > before);
      const seen = (): number => manager.view()[0]?.active[0]?.view().lastScrapeMs ?? 0;
      await until(() => seen() > clock.nowMs() - INTERVAL_MS);
      const last = next.batches.at(-1);
      if (last?.signal !== "samples") throw new Error("no samples");
      return last;
    },
  };
}

const up = (batch: SampleBatch): string | undefined =>
  linesOf(batch)
    .find((line) => line.startsWith("up{"))
    ?.split(" ")[1];

describe("what is stored", () => {
  test("samples with the target's labels, and the series about the scrape", async () => {
    const one = await bench("extra_scrape_metrics: true");
    one.target.answer = exposes('a{x="1"} 1\nb{job="own"} 2 1700000000123\n');
    const batch = await one.scrape();
    expect(linesOf(batch).filter((line) => !line.startsWith("scrape_duration"))).toEqual([
      'a{instance="t",job="j",x="1"} 1',
      'b{exported_job="own",instance="t",job="j"} 2',
      'scrape_body_size_bytes{instance="t",job="j"} 40',
      'scrape_sample_limit{instance="t",job="j"} 0',
      'scrape_samples_post_metric_relabeling{instance="t",job="j"} 2',
      'scrape_samples_scraped{instance="t",job="j"} 2',
      'scrape_series_added{instance="t",job="j"} 2',
      'scrape_timeout_seconds{instance="t",job="j"} 10',
      'up{instance="t",job="j"} 1',
    ]);
    const [request] = one.target.requests;
    expect(request?.headers).toMatchObject({
      accept:
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      "accept-encoding": "gzip",
      "x-prometheus-scrape-timeout-seconds": "10",
      "user-agent": "Triptych/test",
    });
  });
  test("honor_labels keeps what the target says", async () => {
    const one = await bench("honor_labels: true");
    one.target.answer = exposes('b{job="own"} 2\n');
    expect(ownLines(await one.scrape())).toEqual(['b{instance="t",job="own"} 2']);
  });
  test("times of their own count unless honor_timestamps is off", async () => {
    const text = "b 2 1700000000123\n";
    const one = await bench();
    one.target.answer = exposes(text);
    const batch = await one.scrape();
    expect(batch.samples.timeMs[0]).toBe(1_700_000_000_123);
    const other = await bench("honor_timestamps: false");
    other.target.answer = exposes(text);
    expect((await other.scrape()).samples.timeMs[0]).not.toBe(1_700_000_000_123);
  });
  test("metrics are relabelled", async () => {
    const one = await bench(`metric_relabel_configs:
  - { source_labels: [__name__], regex: drop_.*, action: drop }
  - { regex: secret, action: labeldrop }
  - { source_labels: [x], target_label: y }`);
    one.target.answer = exposes('drop_me 1\na{secret="s",x="1"} 2\nb 3\n');
    const want = ['a{instance="t",job="j",x="1",y="1"} 2', 'b{instance="t",job="j"} 3'];
    expect(ownLines(await one.scrape())).toEqual(want);
    // The second time what relabelling made of each series is remembered.
    expect(ownLines(await one.scrape())).toEqual(want);
  });
  test("metadata comes once, and again when it changes", async () => {
    const one = await bench();
    one.target.answer = exposes("# HELP a Help.\n# TYPE a counter\na 1\n");
    expect((await one.scrape()).metadata).toEqual([
      { family: "a", type: "counter", help: "Help.", unit: "" },
    ]);
    expect((await one.scrape()).metadata).toEqual([]);
    one.target.answer = exposes("# HELP a Other.\n# TYPE a counter\na 1\n");
    expect((await one.scrape()).metadata).toHaveLength(1);
  });
  test("classic histograms become ones with custom buckets", async () => {
    const one = await bench("convert_classic_histograms_to_nhcb: true");
    one.target.answer = exposes(
      '# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 6\nh_sum 9.5\nh_count 6\n',
    );
    const batch = await one.scrape();
    expect(ownLines(batch)).toEqual([
      'h{instance="t",job="j"} histogram schema:-53 count:6 sum:9.5',
    ]);
    const { positiveCounts, customValues } = batch.histograms;
    expect([...positiveCounts.values.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect([...customValues.values.subarray(0, 2)]).toEqual([0.5, 2]);
  });
  test("of a histogram of OpenMetrics that becomes one with custom buckets the time it began is no series, nor that of what follows", async () => {
    const text =
      '# TYPE b counter\nb_total 1\nb_created 1700000000\n# TYPE h histogram\nh_bucket{le="+Inf"} 6\nh_sum 9.5\nh_count 6\nh_created 1700000000\n# TYPE c counter\nc_total 1\nc_created 1700000000\n';
    const of = async (body: string, type: string) => {
      const one = await bench("convert_classic_histograms_to_nhcb: true");
      one.target.answer = exposes(body, type);
      return ownLines(await one.scrape()).filter((line) => line.includes("_created"));
    };
    expect(await of(`${text}# EOF\n`, "application/openmetrics-text; version=1.0.0")).toEqual([
      'b_created{instance="t",job="j"} 1700000000',
    ]);
    expect(await of(text, "text/plain; version=0.0.4")).toHaveLength(3);
  });
  test("the staleness marker of a native histogram is one itself", async () => {
    const one = await bench("convert_classic_histograms_to_nhcb: true");
    one.target.answer = exposes(
      '# TYPE h histogram\nh_bucket{le="+Inf"} 6\nh_sum 9.5\nh_count 6\n',
    );
    await one.scrape();
    one.target.answer = exposes("a 1\n");
    const { histograms, samples } = await one.scrape();
    const words = new Uint32Array(histograms.sum.buffer, 0, 2);
    expect([histograms.rows, ...words]).toEqual([1, 2, 0x7ff00000]);
    expect(samples.rows).toBe(6);
  });
  test("exemplars that were there before are not stored again", async () => {
    const one = await bench();
    const text = (value: number): string =>
      `# TYPE a counter\na_total 1 # {trace_id="0af7651916cd43dd8448eb211c80319c"} ${value}\n# EOF\n`;
    one.target.answer = exposes(text(1), "application/openmetrics-text; version=1.0.0");
    expect((await one.scrape()).exemplars.rows).toBe(1);
    expect((await one.scrape()).exemplars.rows).toBe(0);
    one.target.answer = exposes(text(2), "application/openmetrics-text; version=1.0.0");
    expect((await one.scrape()).exemplars.rows).toBe(1);
  });
});

describe("staleness", () => {
  test("a series that vanishes, a scrape that fails, and one that works again", async () => {
    const one = await bench();
    one.target.answer = exposes("a 1\nb 2\n");
    await one.scrape();
    one.target.answer = exposes("a 1\n");
    expect(ownLines(await one.scrape())).toEqual([
      'a{instance="t",job="j"} 1',
      'b{instance="t",job="j"} stale',
    ]);
    one.target.answer = (_, response) => response.writeHead(503, "Busy").end();
    const failed = await one.scrape();
    expect(ownLines(failed)).toEqual(['a{instance="t",job="j"} stale']);
    expect(up(failed)).toBe("0");
    expect(one.lastError()).toBe("server returned HTTP status 503 Busy");
    expect(ownLines(await one.scrape())).toEqual([]);
    one.target.answer = exposes("a 1\n");
    const again = await one.scrape();
    expect(ownLines(again)).toEqual(['a{instance="t",job="j"} 1']);
    // As with Prometheus, a scrape that failed makes nobody forget the series.
    expect(linesOf(again)).toContain('scrape_series_added{instance="t",job="j"} 0');
  });
  test("series with times of their own, only when they are tracked", async () => {
    const plain = await bench();
    const tracked = await bench("track_timestamps_staleness: true");
    for (const [one, want] of [
      [plain, []],
      [tracked, ['a{instance="t",job="j"} stale']],
    ] as const) {
      one.target.answer = exposes("a 1 1700000000000\n");
      await one.scrape();
      one.target.answer = exposes("\n");
      expect(ownLines(await one.scrape())).toEqual(want);
    }
  });
  test("a target that goes away, when it was due, written two intervals and a tenth later", async () => {
    const one = await bench();
    await one.scrape();
    await one.manager.apply(configOf("global: {}"));
    const before = one.next.batches.length;
    const goneMs = one.clock.nowMs();
    await one.clock.advance(INTERVAL_MS * 2.2);
    await until(() => one.next.batches.length > before);
    const last = one.next.batches.at(-1);
    expect(last && linesOf(last)).toContain('a{instance="t",job="j"} stale');
    expect(last && linesOf(last)).toContain('up{instance="t",job="j"} stale');
    const atMs = last?.signal === "samples" ? (last.samples.timeMs[0] as number) : 0;
    expect(atMs).toBeGreaterThan(goneMs);
    expect(atMs).toBeLessThanOrEqual(goneMs + INTERVAL_MS);
  });
  test("none when a target is only asked in another way", async () => {
    const one = await bench("params: { a: [b] }");
    await one.scrape();
    await one.apply("params: { a: [c] }");
    await one.clock.advance(0);
    await until(() => one.manager.view()[0]?.active[0]?.target.url.endsWith("a=c") === true);
    const batch = await one.scrape();
    expect(linesOf(batch).filter((line) => line.endsWith("stale"))).toEqual([]);
    await one.clock.advance(INTERVAL_MS * 3);
    const all = one.next.batches.flatMap((each) => linesOf(each));
    expect(all.filter((line) => line.endsWith("stale"))).toEqual([]);
  });
  test("of what a job with another configuration scrapes no more", async () => {
    const one = await bench();
    await one.scrape();
    await one.apply("relabel_configs: [{ target_label: k, replacement: v }]");
    await until(() => one.manager.view()[0]?.active[0]?.target.labels.get("k") === "v");
    const before = one.next.batches.length;
    await one.clock.advance(INTERVAL_MS * 2.2);
    const lines = () => one.next.batches.slice(before).flatMap((each) => linesOf(each));
    await until(() => lines().includes('a{instance="t",job="j"} stale'));
    expect(lines().filter((line) => /k="v".*stale/.test(line))).toEqual([]);
  });
  test("none when the configuration of a job changes", async () => {
    const one = await bench();
    await one.scrape();
    await one.apply("sample_limit: 1000");
    await until(() => one.manager.view()[0]?.active.length === 1);
    const batch = await one.scrape();
    expect(ownLines(batch)).toEqual(['a{instance="t",job="j"} 1']);
    expect(linesOf(batch)).toContain('scrape_series_added{instance="t",job="j"} 0');
  });
});

describe("limits and hostile answers", () => {
  const check = (title: string, job: string, answer: FakeTarget["answer"], error: string) =>
    test(title, async () => {
      const one = await bench(job);
      one.target.answer = answer;
      const batch = await one.scrape();
      expect(one.lastError()).toContain(error);
      expect(up(batch)).toBe("0");
      expect(ownLines(batch)).toEqual([]);
      expect(one.next.heldBytes).toBe(0);
    });
  check("sample_limit", "sample_limit: 1", exposes("a 1\nb 1\n"), "sample limit exceeded");
  check(
    "label_limit",
    "label_limit: 3",
    exposes('a{x="1"} 1\n'),
    "label_limit exceeded (metric: a, number of labels: 4, limit: 3)",
  );
  check(
    "label_name_length_limit",
    "label_name_length_limit: 8",
    exposes('a{a_long_name="1"} 1\n'),
    "label_name_length_limit exceeded (metric: a, label name: a_long_name, length: 11, limit: 8)",
  );
  check(
    "label_value_length_limit",
    "label_value_length_limit: 4",
    exposes('a{x="12345"} 1\n'),
    "label_value_length_limit exceeded",
  );
  check(
    "names when the scheme is legacy",
    "metric_name_validation_scheme: legacy",
    exposes('{"a.b"} 1\n'),
    "invalid metric name or label names",
  );
  check(
    "a name that relabelling took away",
    'metric_relabel_configs: [{ target_label: __name__, replacement: "" }]',
    exposes("a 1\n"),
    "missing metric name",
  );
  check("text that is none", "", exposes("<html>\n"), "Line 1");
  check("no content type", "", (_, response) => response.end("a 1\n"), "blank Content-Type");
  check(
    "another content type",
    "",
    exposes("a 1\n", "text/html"),
    'received unsupported Content-Type "text/html"',
  );
  check(
    "a body that never ends",
    "body_size_limit: 1MB",
    (_, response) => {
      response.setHeader("content-type", "text/plain");
      const more = (): void => {
        while (response.writable && !response.destroyed && response.write("#".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    },
    "body size limit exceeded",
  );
  check(
    "a gzip bomb",
    "body_size_limit: 1MB",
    (_, response) => {
      response.setHeader("content-type", "text/plain");
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(Buffer.alloc(50_000_000, 35)));
    },
    "body size limit exceeded",
  );
  check(
    "gzip that is none",
    "",
    (_, response) => {
      response.setHeader("content-type", "text/plain");
      response.setHeader("content-encoding", "gzip");
      response.end("not gzip");
    },
    "incorrect header check",
  );
  check(
    "a connection cut off",
    "",
    (_, response) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": "100" });
      response.write("a 1\n");
      setImmediate(() => response.destroy());
    },
    "",
  );

  test("a target that does not answer in time", async () => {
    const one = await bench("scrape_timeout: 1s");
    let asked = 0;
    one.target.answer = () => {
      asked++;
    };
    const before = one.next.batches.length;
    for (let second = 0; second < 10 && asked === 0; second++) {
      await one.clock.advance(1000);
      for (let turns = 0; turns < 20 && asked === 0; turns++) await turn();
    }
    await one.clock.advance(1000);
    await until(() => one.next.batches.length > before);
    await until(() => one.lastError() !== "");
    expect(one.lastError()).toContain("context deadline exceeded");
  });
  test("target_limit fails the scrapes of all", async () => {
    const one = await bench();
    await one.apply(`target_limit: 1
file_sd_configs: []`);
    expect(up(await one.scrape())).toBe("1");
    await one.manager.apply(
      configOf(`global: { scrape_interval: ${INTERVAL_MS}ms }
scrape_configs:
  - job_name: j
    target_limit: 1
    static_configs: [{ targets: ["${one.target.address}", "other"] }]
`),
    );
    await one.clock.advance(5000);
    await until(() => one.manager.view()[0]?.active.length === 2);
    await one.clock.advance(INTERVAL_MS);
    await until(() => one.lastError() !== "");
    expect(one.lastError()).toBe("target_limit exceeded (number of targets: 2, limit: 1)");
  });
  test("no room for the body: the target is not to blame", async () => {
    const one = await bench("", 10);
    one.target.answer = exposes("a_long_enough_line 1\n");
    await one.clock.advance(INTERVAL_MS);
    await until(() => one.manager.view()[0]?.active[0]?.view().lastScrapeMs !== 0);
    expect(one.next.batches).toEqual([]);
    expect(one.lastError()).toContain("in flight");
  });
  test("samples nobody took are counted", async () => {
    const one = await bench();
    one.next.failure = new TriptychError("queue_full", "full");
    await one.clock.advance(INTERVAL_MS);
    await until(() => one.next.discards.size > 0);
    expect(one.next.discards.get("scrape_not_kept")).toBe(6);
  });
});

describe("samples that come twice or late", () => {
  test("twice in one scrape, the first counts", async () => {
    const one = await bench();
    one.target.answer = exposes("a 1\na 2\n");
    expect(ownLines(await one.scrape())).toEqual(['a{instance="t",job="j"} 1']);
  });
  test("late ones are left out, unless a window is set", async () => {
    const one = await bench();
    one.target.answer = exposes("a 1 1700000005000\n");
    await one.scrape();
    one.target.answer = exposes("a 2 1700000004000\n");
    expect(ownLines(await one.scrape())).toEqual([]);
    // What is shown again with the same time is stored once.
    one.target.answer = exposes("a 1 1700000005000\n");
    expect(ownLines(await one.scrape())).toEqual([]);
    one.target.answer = exposes("a 3 1700000006000\n");
    expect(ownLines(await one.scrape())).toHaveLength(1);
  });
});

test("a window takes late samples", async () => {
  const one = await bench();
  await one.manager.apply(
    configOf(`global: { scrape_interval: ${INTERVAL_MS}ms }
storage: { tsdb: { out_of_order_time_window: 30s } }
scrape_configs: [{ job_name: j, static_configs: [{ targets: ["${one.target.address}"], labels: { instance: t } }] }]
`),
  );
  await one.clock.advance(5000);
  one.target.answer = exposes("a 1 1700000005000\n");
  await one.scrape();
  one.target.answer = exposes("a 2 1700000004000\n");
  expect(ownLines(await one.scrape())).toHaveLength(1);
  one.target.answer = exposes("a 3 1699999900000\n");
  expect(ownLines(await one.scrape())).toEqual([]);
});

describe("targets", () => {
  test("labels choose address, path, parameters and interval", async () => {
    const one = await bench(`params: { module: [http, x] }
relabel_configs:
  - { target_label: __metrics_path__, replacement: /probe }
  - { target_label: __param_target, replacement: "a b" }
  - { target_label: __scrape_interval__, replacement: 5s }
  - { target_label: __scrape_timeout__, replacement: 1s }`);
    const loop = one.manager.view()[0]?.active[0];
    expect(loop?.target.url).toBe(
      `http://${one.target.address}/probe?module=http&module=x&target=a+b`,
    );
    expect([loop?.target.intervalMs, loop?.target.timeoutMs]).toEqual([5000, 1000]);
    expect(Object.fromEntries(loop?.target.labels ?? [])).toEqual({ instance: "t", job: "j" });
  });
  test("dropped ones are shown, wrong ones are told", async () => {
    const one = await bench();
    await one.manager.apply(
      configOf(`scrape_configs:
  - job_name: j
    static_configs: [{ targets: [keep, drop, wrong] }]
    relabel_configs:
      - { source_labels: [__address__], regex: drop, action: drop }
      - { source_labels: [__address__], regex: wrong, target_label: __scrape_timeout__, replacement: 2h }
`),
    );
    await one.clock.advance(0);
    await until(() => one.manager.view()[0]?.droppedCount === 1);
    const [pool] = one.manager.view();
    expect(pool?.active).toHaveLength(1);
    expect(pool?.dropped[0]?.discovered.get("__address__")).toBe("drop");
    expect(pool?.problems[0]?.message).toContain("scrape timeout cannot be greater");
  });
  test("discoveries we do not run are told, the rest of the job works", async () => {
    const one = await bench(`gce_sd_configs: [{ project: p, zone: z }]`);
    expect(up(await one.scrape())).toBe("1");
    expect(one.manager.view()[0]?.problems[0]?.message).toContain(
      "gce service discovery is not supported",
    );
  });
});
