/** Log sources over a clock of their own and a journal in memory, with what they listen on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { z } from "zod";
import { logSourceFields } from "../../config/log-sources-schema.ts";
import { createHttpClient } from "../../http-client/client.ts";
import { compileRegex } from "../../regex/compile.ts";
import type { Problem } from "../../self/problems.ts";
import { createTestJournal, testDeps, type TestJournal } from "../log-lines/testing.ts";
import { createLogSources, type LogSources } from "../log-sources.ts";

export interface SourcesForTests {
  readonly directory: string;
  readonly journal: TestJournal;
  readonly sources: LogSources;
  /** Writes a file of the test's directory and gives its path. */
  write(name: string, text: string): string;
  start(): Promise<void>;
  reload(config: unknown): Promise<void>;
  /** The port that a job listens on. */
  port(job: string): number;
  problems(): readonly Problem[];
  /** Lets time pass until it holds. */
  until(holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const schema = z.strictObject(logSourceFields);
const STEPS_MAX = 20_000;

export function createSourcesForTests(config: (directory: string) => unknown): SourcesForTests {
  const directory = mkdtempSync(join(tmpdir(), "sources-"));
  mkdirSync(join(directory, "data"));
  const clock = createSimClock();
  const journal = createTestJournal();
  const base = testDeps(clock, journal);
  const ports = new Map<string, number>();
  const write = (name: string, text: string): string => {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  };
  let made: LogSources | undefined;
  const sources = (): LogSources => {
    made ??= createLogSources({
      ...base,
      log(_level, _message, fields) {
        if (typeof fields?.["port"] === "number") ports.set(String(fields["job"]), fields["port"]);
      },
      config: schema.parse(config(directory)),
      dataDirectory: join(directory, "data"),
      random: () => 0,
      env: {},
      hostname: "here",
      compileRegex,
      createClient: (client) => createHttpClient(client, { clock, env: {}, userAgent: "test" }),
    });
    return made;
  };
  return {
    directory,
    journal,
    get sources() {
      return sources();
    },
    write,
    start: () => sources().start(),
    reload: (changed) => sources().reload(schema.parse(changed)),
    port: (job) => ports.get(job) ?? 0,
    problems: () => base.problems.list(),
    async until(holds) {
      for (let i = 0; i < STEPS_MAX && !holds(); i++) {
        await clock.advance(20);
        // Files are read on other threads: this waits its turn among them.
        await stat(directory);
      }
      if (!holds()) throw new Error("it did not come to hold");
    },
    async close() {
      await made?.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
