/** StatsD over real sockets with a real client, its lines by hand, and statsd_exporter's mapping rules. */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SampleBatch, TriptychError } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { StatsD } from "hot-shots";
import { afterEach, describe, expect, test } from "vitest";
import { statsdSchema } from "../../config/statsd-schema.ts";
import { createRecordingNext } from "../otlp/recording-next.ts";
import { createStatsdServer } from "./server.ts";

const HOST = "127.0.0.1";
const run = promisify(execFile);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(settings: Parameters<typeof statsdSchema.parse>[0] = {}) {
  const next = createRecordingNext(1024 * 1024);
  const clock = createSimClock();
  const errors: TriptychError[] = [];
  const server = createStatsdServer({
    config: statsdSchema.parse(settings),
    next,
    clock,
    report: (error) => void errors.push(error),
  });
  const port = await server.listen(HOST, 0);
  closers.push(() => server.close());
  const startMs = clock.nowMs();
  /** What one interval hands on. */
  const tick = async (): Promise<string[]> => {
    next.batches.length = 0;
    await clock.advance(10_000);
    return next.batches.flatMap((batch) => linesOf(batch as SampleBatch, startMs));
  };
  const send = async (text: string): Promise<void> => {
    const socket = connect(port, HOST);
    socket.end(`${text}\n`);
    await new Promise((resolve) => socket.once("close", resolve));
  };
  return { next, server, port, tick, send, errors };
}

function linesOf({ series, samples }: SampleBatch, startMs: number): string[] {
  const words = new Uint32Array(samples.value.buffer);
  return Array.from({ length: samples.rows }, (_, row) => {
    const of = samples.series[row] as number;
    const labels = series.labels(of).filter(([name]) => name !== "__name__");
    const inner = labels.map(([name, value]) => `${name}="${value}"`).join(",");
    const value = words[row * 2] === 2 ? "stale" : samples.value[row];
    return `${series.label(of, "__name__")}{${inner}} ${value} @${(samples.timeMs[row] as number) - startMs}`;
  });
}

/** The lines without the zeros before first samples, and without times. */
const values = (lines: readonly string[]): string[] =>
  lines.filter((line) => !line.endsWith(" 0 @1")).map((line) => line.replace(/ @\d+$/, ""));

const check = (name: string, sent: string, want: readonly string[], mapping?: string) =>
  test(name, async () => {
    let mappingFile = "";
    if (mapping !== undefined) {
      mappingFile = join(mkdtempSync(join(tmpdir(), "statsd-")), "mapping.yml");
      writeFileSync(mappingFile, mapping);
    }
    const { send, tick, next } = await serve({ mappingFile });
    await send(sent);
    const lines = values(await tick());
    const discarded = [...next.discards].map(([reason, items]) => `${reason} ${items}`);
    expect([...lines, ...discarded]).toEqual(want);
  });

describe("lines", () => {
  check("a counter, twice and sampled", "a.b-c:1|c\na.b-c:2|c|@0.5", ["a_b_c{} 5"]);
  check("a gauge with signs", "g:10|g\ng:-3|g\ng:+1|g", ["g{} 8"]);
  check("a timer in milliseconds is a summary in seconds", "t:320|ms", [
    't{quantile="0.5"} 0.32',
    't{quantile="0.9"} 0.32',
    't{quantile="0.99"} 0.32',
    "t_sum{} 0.32",
    "t_count{} 1",
  ]);
  check("a set counts what is different", "u:a|s\nu:b|s\nu:a|s", ["u{} 2"]);
  check("several values and types", "m:1|c:2|c\nh:1:3|h|@0.5|#k:v", [
    "m{} 3",
    'h{k="v",quantile="0.5"} 3',
    'h{k="v",quantile="0.9"} 3',
    'h{k="v",quantile="0.99"} 3',
    'h_sum{k="v"} 8',
    'h_count{k="v"} 4',
  ]);
  check(
    "tags in four styles, a container and a time",
    "d:1|c|#env:prod,bad-name:x|c:abc|T1656581400\ni,k=v:1|c\nl#k=v:1|c\ns[k=v]:1|c",
    ['d{bad_name="x",container_id="abc",env="prod"} 1', 'i{k="v"} 1', 'l{k="v"} 1', 's{k="v"} 1'],
  );
  check(
    "what is none is counted",
    "nothing\n:1|c\nx:a|c\ny:1|zz\nz:1\nn:1|c|@2\n_e{1,1}:a|b\n_sc|a|0\nn:1|g",
    [
      "n{} 1",
      "statsd_malformed_line 2",
      "statsd_malformed_value 1",
      "statsd_illegal_event 1",
      "statsd_not_enough_parts_after_colon 1",
      "statsd_invalid_sample_factor 1",
      "statsd_ignored 2",
      "statsd_type_conflict 1",
    ],
  );
});

describe("mapping rules", () => {
  const rules = `
defaults:
  observer_type: histogram
  histogram_options: { buckets: [0.1, 1] }
mappings:
- match: "test.dispatcher.*.*.*"
  name: "dispatcher_events_total"
  labels: { processor: "$1", action: "\${2}", outcome: "$3_x" }
- match: "(.*)\\\\.web\\\\.(\\\\w+)$"
  match_type: regex
  match_metric_type: counter
  name: "web_\${2}"
  labels: { site: $1 }
- match: "noise.*"
  action: drop
  name: dropped
- match: "timer.*"
  name: "my_timer"
  labels: { provider: "$1" }
  observer_type: summary
  summary_options: { quantiles: [{ quantile: 0.5, error: 0.05 }] }
`;
  check(
    "globs with labels",
    "test.dispatcher.Foo.send.ok:1|c",
    ['dispatcher_events_total{action="send",outcome="ok_x",processor="Foo"} 1'],
    rules,
  );
  check(
    "patterns by type",
    "a.b.web.hits:1|c\na.web.size:1|g",
    ['web_hits{site="a.b"} 1', "a_web_size{} 1"],
    rules,
  );
  check("drop", "noise.a:1|c", ["statsd_dropped_by_mapping 1"], rules);
  check(
    "observers by rule and by default",
    "timer.x:100|ms\nother:500|ms",
    [
      'my_timer{provider="x",quantile="0.5"} 0.1',
      'my_timer_sum{provider="x"} 0.1',
      'my_timer_count{provider="x"} 1',
      // The bucket of a tenth of a second stays at zero.
      'other_bucket{le="0.1"} 0',
      'other_bucket{le="1.0"} 1',
      'other_bucket{le="+Inf"} 1',
      "other_sum{} 0.5",
      "other_count{} 1",
    ],
    rules,
  );
  test("a file that cannot be used says why", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "statsd-")), "mapping.yml");
    writeFileSync(file, "mappings: [{ match: 'a', wrong: 1 }]");
    await expect(serve({ mappingFile: file })).rejects.toThrow(/mapping\.yml: mappings\.0/);
  });
});

test("hot-shots delivers over UDP", async () => {
  const { port, server, tick } = await serve();
  const client = new StatsD({ host: HOST, port, prefix: "shop.", globalTags: { env: "test" } });
  closers.push(() => new Promise<void>((done) => client.close(() => done())));
  client.increment("orders", 2, { kind: "web" });
  client.gauge("stock", 7);
  client.timing("pay", 250);
  client.distribution("size", 3);
  client.set("users", "u1");
  await expect.poll(() => server.series).toBe(5);
  const lines = values(await tick());
  expect(lines).toContain('shop_orders{env="test",kind="web"} 2');
  expect(lines).toContain('shop_stock{env="test"} 7');
  expect(lines).toContain('shop_pay_sum{env="test"} 0.25');
  expect(lines).toContain('shop_users{env="test"} 1');
});

test("a shell delivers with nc or bash", async () => {
  const { port, server } = await serve();
  await run("bash", ["-c", `printf 'a:1|c\\nb:2|g\\n' > /dev/udp/${HOST}/${port}`]);
  await expect.poll(() => server.series).toBe(2);
});

test("first samples have a zero before them, and what ends is marked", async () => {
  const { send, tick, server } = await serve({ ttlSeconds: 15 });
  await send("a:1|c");
  expect(await tick()).toEqual(["a{} 0 @1", "a{} 1 @10000"]);
  expect(await tick()).toEqual(["a{} stale @20000"]);
  expect(server.series).toBe(0);
});

test("bounded: series, lines, garbage", async () => {
  const { send, server, next, port } = await serve({ seriesMax: 10 });
  await send(Array.from({ length: 100 }, (_, i) => `m${i}:1|c`).join("\n"));
  expect(server.series).toBe(10);
  expect(next.discards.get("statsd_too_many_series")).toBe(90);
  const socket = connect(port, HOST);
  socket.on("error", () => {});
  socket.write(Buffer.alloc(200_000, 0x61));
  await expect.poll(() => next.discards.get("statsd_line_too_long")).toBe(1);
  const udp = createSocket("udp4");
  closers.push(() => udp.close());
  for (let i = 0; i < 50; i++)
    udp.send(
      Buffer.from(Array.from({ length: 500 }, (_, j) => (i * 131 + j * j * 7) % 256)),
      port,
      HOST,
    );
  udp.send("m1:1|c", port, HOST);
  await expect.poll(() => next.discards.get("statsd_malformed_line") ?? 0).toBeGreaterThan(0);
});
