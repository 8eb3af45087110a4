/** A client of the Beats protocol that others wrote: pylogbeat, from PyPI, in an environment of its own. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultLimits, type LogBatch } from "@triptych/model";
import { repositoryRoot } from "@triptych/testkit";
import { expect, test } from "vitest";
import { beatsSchema } from "../../config/beats-schema.ts";
import { createRecordingNext, realClock } from "../otlp/recording-next.ts";
import { createBeatsServer } from "./server.ts";

const run = promisify(execFile);

const hasPython = (): Promise<boolean> =>
  run("python3", ["--version"]).then(
    () => true,
    () => false,
  );

/** The interpreter of a virtual environment under node_modules, made once; undefined when it cannot be had. */
async function pythonWithClient(): Promise<string | undefined> {
  const directory = join(repositoryRoot, "node_modules/.cache/triptych-python-beats");
  const python = join(directory, "bin/python");
  try {
    if (existsSync(join(directory, "complete"))) return python;
    mkdirSync(directory, { recursive: true });
    await run("python3", ["-m", "venv", directory]);
    const quiet = ["-q", "--disable-pip-version-check"];
    await run(python, ["-m", "pip", "install", ...quiet, "pylogbeat==2.1.0"]);
    mkdirSync(join(directory, "complete"));
    return python;
  } catch (error) {
    if (process.env["CI"] !== undefined && (await hasPython())) throw error;
    return undefined;
  }
}

const PROGRAM = `
import sys
from pylogbeat import PyLogBeatClient
with PyLogBeatClient("127.0.0.1", int(sys.argv[1]), ssl_enable=False) as client:
    for batch in range(3):
        client.send([{"@timestamp": "2024-05-06T07:08:09.%03dZ" % (batch * 100 + n),
                      "@version": "1", "message": "line %d" % (batch * 100 + n), "level": "WARN",
                      "host": "web-1", "extra": {"user": "\\u00fc"}} for n in range(100)])
    client.send(['{"message": "as text"}'])
print("sent")
`;

test("pylogbeat delivers and is answered", async (context) => {
  const python = await pythonWithClient();
  if (python === undefined) return context.skip("pylogbeat cannot be installed here");
  const next = createRecordingNext(64 * 1024 * 1024);
  const config = beatsSchema.parse({});
  const report = (error: Error): void => {
    throw error;
  };
  const server = createBeatsServer({
    config,
    next,
    limits: defaultLimits,
    clock: realClock,
    report,
  });
  const port = await server.listen("127.0.0.1", 0);
  try {
    const { stdout } = await run(python, ["-c", PROGRAM, String(port)], { timeout: 30_000 });
    expect(stdout).toBe("sent\n");
  } finally {
    await server.close();
  }
  const texts = next.batches.flatMap((one) => {
    const { rows, body } = one as LogBatch;
    return Array.from({ length: rows }, (_, row) => body.text(row));
  });
  const want = Array.from({ length: 300 }, (_, n) => `line ${n}`);
  expect(texts).toEqual([...want, "as text"]);
  expect([...next.discards]).toEqual([]);
}, 120_000);
