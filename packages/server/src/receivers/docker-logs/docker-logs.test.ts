/** A server that answers as Docker's API does, on a Unix socket: frames, terminals, breaks and restarts. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultHttpClient } from "../../config/prometheus/http-client.ts";
import { openPositions } from "../log-lines/positions.ts";
import { createTestJournal, type TestJournal, testDeps } from "../log-lines/testing.ts";
import { compileStages } from "../log-stages/pipeline.ts";
import { createStageMetrics } from "../log-stages/stage-metrics.ts";
import { createHttpClient } from "../../http-client/client.ts";
import { createListedDockerLogs, type ListedDockerLogs } from "./docker-logs.ts";
import { createDockerDecoder } from "./frames.ts";

let dir: string;
const open: (() => unknown)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-"));
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

function frame(stream: 1 | 2, text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

const at = (second: number, nano = 0): string =>
  `2026-01-01T00:00:${String(second).padStart(2, "0")}.${String(nano).padStart(9, "0")}Z`;

interface FakeContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: { readonly [name: string]: string };
  readonly tty: boolean;
  /** Time and text of all lines so far; text without a line end is a part of a line. */
  readonly log: { readonly stream: 1 | 2; readonly time: string; readonly text: string }[];
}

interface FakeDocker {
  readonly containers: FakeContainer[];
  readonly asked: string[];
  readonly followers: Map<string, ServerResponse>;
  readonly events: ServerResponse[];
  add(container: FakeContainer, line: FakeContainer["log"][number]): void;
}

const bytesOf = ({ tty }: FakeContainer, line: FakeContainer["log"][number]): Buffer =>
  tty ? Buffer.from(`${line.time} ${line.text}`) : frame(line.stream, `${line.time} ${line.text}`);

async function fakeDocker(): Promise<FakeDocker> {
  const docker: FakeDocker = {
    containers: [],
    asked: [],
    followers: new Map(),
    events: [],
    add(container, line) {
      container.log.push(line);
      docker.followers.get(container.Id)?.write(bytesOf(container, line));
    },
  };
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://docker");
    docker.asked.push(url.pathname + url.search);
    const json = (body: unknown): void => void response.end(JSON.stringify(body));
    if (url.pathname === "/containers/json") return json(docker.containers);
    if (url.pathname === "/events") {
      docker.events.push(response);
      response.flushHeaders();
      return;
    }
    const [, , id, what] = url.pathname.split("/");
    const container = docker.containers.find(({ Id }) => Id === id);
    if (container === undefined) return void response.writeHead(404).end("{}");
    if (what === "json") return json({ Config: { Tty: container.tty } });
    // Docker shows what is not before `since`, in seconds with a fraction.
    const [seconds = "0", nanos = "0"] = (url.searchParams.get("since") ?? "0").split(".");
    const since = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
    const nsOf = (time: string): bigint =>
      BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n + BigInt(time.slice(20, 29));
    response.flushHeaders();
    for (const line of container.log)
      if (nsOf(line.time) >= since) response.write(bytesOf(container, line));
    docker.followers.set(container.Id, response);
  });
  await new Promise<void>((resolve) => server.listen(join(dir, "docker.sock"), resolve));
  open.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return docker;
}

const clock = createSimClock(Date.parse("2026-01-01T00:10:00Z"));

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 50_000 && !isSo(); i++) {
    await clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(isSo()).toBe(true);
}

async function read(journal: TestJournal): Promise<ListedDockerLogs> {
  const positions = await openPositions(join(dir, "positions.json"), () => {});
  const stageDeps = {
    clock,
    random: () => 0,
    metrics: createStageMetrics(clock),
    dropped: () => {},
  };
  const logs = createListedDockerLogs(
    `unix://${join(dir, "docker.sock")}`,
    { containers: [], exclude: ["skip*"], labels: new Map([["env", "test"]]) },
    {
      ...testDeps(clock, journal),
      positions,
      client: defaultHttpClient(),
      createClient: (config) => createHttpClient(config, { clock, env: {}, userAgent: "test" }),
      stage: compileStages([], stageDeps),
      job: "docker",
    },
  );
  logs.start();
  open.push(() => logs.close());
  return logs;
}

test("lines of both streams, joined parts, new containers, breaks without doubles", async () => {
  const docker = await fakeDocker();
  const web: FakeContainer = {
    Id: "c1",
    Names: ["/shop-web-1"],
    Labels: { "com.docker.compose.service": "web", "com.docker.compose.project": "shop" },
    tty: false,
    log: [
      { stream: 1, time: at(1), text: "one\n" },
      { stream: 1, time: at(2), text: "long " },
      { stream: 2, time: at(2, 5), text: "error: bad\n" },
      { stream: 1, time: at(3), text: "line\n" },
    ],
  };
  docker.containers.push(web, { ...web, Id: "c0", Names: ["/skipped"], log: [] });
  const journal = createTestJournal();
  await read(journal);
  const texts = (): string[] => journal.lines.map(({ line }) => line);
  await until(() => texts().length >= 3);
  expect(texts().sort()).toEqual(["error: bad", "long line", "one"]);
  expect(journal.lines.find(({ line }) => line === "error: bad")).toMatchObject({
    level: "error",
    timeNs: BigInt(Date.parse("2026-01-01T00:00:02Z")) * 1_000_000n + 5n,
    labels: {
      job: "docker",
      container: "shop-web-1",
      "service.name": "web",
      compose_project: "shop",
      env: "test",
      stream: "stderr",
    },
  });
  // The connection breaks; lines with the same time as the last one are not lost, and none comes twice.
  docker.followers.get("c1")?.destroy();
  docker.followers.delete("c1");
  web.log.push(
    { stream: 1, time: at(3), text: "same time\n" },
    { stream: 1, time: at(4), text: "later\n" },
  );
  await until(() => texts().length >= 5);
  expect(texts().slice(3).sort()).toEqual(["later", "same time"]);
  // A container that starts is told of; one with a terminal has raw text.
  const tty: FakeContainer = {
    Id: "c2",
    Names: ["/term"],
    Labels: {},
    tty: true,
    log: [{ stream: 1, time: at(5), text: "raw\r\n" }],
  };
  docker.containers.push(tty);
  docker.events[0]?.write('{"Type":"container","Action":"start"}\n');
  await until(() => texts().includes("raw"));
  docker.add(tty, { stream: 1, time: at(6), text: "more\r\n" });
  await until(() => texts().includes("more"));
  expect(docker.asked.some((path) => path.startsWith("/containers/c0/"))).toBe(false);
  expect(texts().length).toBe(7);
});

test("a restart goes on behind the last line that was stored", async () => {
  const docker = await fakeDocker();
  const one: FakeContainer = { Id: "c1", Names: ["/a"], Labels: {}, tty: false, log: [] };
  for (let i = 0; i < 5; i++) one.log.push({ stream: 1, time: at(i), text: `${i}\n` });
  docker.containers.push(one);
  const journal = createTestJournal();
  const first = await read(journal);
  await until(() => journal.lines.length === 5);
  await first.close();
  one.log.push({ stream: 2, time: at(9), text: "9\n" });
  await read(journal);
  await until(() => journal.lines.length === 6);
  expect(journal.lines.at(-1)?.line).toBe("9");
  expect(journal.duplicates()).toBe(0);
});

test("frames in pieces of any size, and what is none", () => {
  const bytes = Buffer.concat([
    frame(1, `${at(1)} a\n`),
    frame(2, `${at(2)} b `),
    frame(2, `${at(3)} c\n`),
  ]);
  for (let size = 1; size < bytes.length; size += 3) {
    const decoder = createDockerDecoder(false);
    const lines = [];
    for (let i = 0; i < bytes.length; i += size)
      lines.push(...decoder.push(bytes.subarray(i, i + size)));
    expect(lines).toEqual([
      { stream: "stdout", time: at(1), until: at(1), since: at(1), text: "a" },
      { stream: "stderr", time: at(2), until: at(3), since: at(3), text: "b c" },
    ]);
  }
  expect(() => createDockerDecoder(false).push(Buffer.from("HTTP/1.1 400 Bad"))).toThrow(
    /no stream/,
  );
  const open = createDockerDecoder(false);
  expect(open.push(frame(1, `${at(1)} unended`))).toEqual([]);
  expect(open.end()).toMatchObject([{ stream: "stdout", time: at(1), text: "unended" }]);
});
