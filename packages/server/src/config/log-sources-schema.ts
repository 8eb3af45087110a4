/** `promtail`, `files`, `dockerLogs` and `journald`: where log lines are read from. */
import { z } from "zod";

const labels = z
  .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is no label name"), z.string())
  .default({})
  .describe("Labels that all its lines get.");

const stages = z
  .array(z.record(z.string(), z.unknown()))
  .default([])
  .describe("Promtail's pipeline stages.");

/** Jobs of one process: each has timers of its own. */
const JOBS_MAX = 100;

export const promtailSchema = z
  .strictObject({
    files: z
      .array(z.string().min(1))
      .max(JOBS_MAX)
      .default([])
      .describe("Promtail's configuration files, read unchanged."),
    expandEnv: z
      .boolean()
      .default(false)
      .describe("Replace `${NAME}` in them, as promtail's `-config.expand-env`."),
  })
  .prefault({})
  .describe("Jobs written for promtail.");

const fileSourceSchema = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .min(1)
    .describe("Files to read: `*`, `?`, `[…]`, `{a,b}`, and `**` for any directories."),
  exclude: z.array(z.string()).default([]).describe("Patterns of files to leave out."),
  labels,
  format: z
    .enum(["plain", "docker", "cri"])
    .default("plain")
    .describe("How lines are wrapped: Docker's json-file, or CRI's."),
  multiline: z
    .string()
    .default("")
    .describe("A pattern of first lines; the others are joined to the one before."),
  stages,
  encoding: z.string().default("").describe("As `utf-16le` or `windows-1252`; UTF-8 if empty."),
  compressed: z.boolean().default(false).describe("Read `.gz` files too, each once."),
  ignoreOlderThanSeconds: z
    .number()
    .min(0)
    .default(0)
    .describe("Leave out files that did not change for so long; 0 reads all."),
  startAt: z
    .enum(["beginning", "end"])
    .default("beginning")
    .describe("Where a file is begun that was there at the first start."),
});

export const filesSchema = z
  .array(fileSourceSchema)
  .max(JOBS_MAX)
  .default([])
  .describe("Files whose lines are read as they grow.");

export const dockerLogsSchema = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Whether containers' logs are read."),
    host: z
      .string()
      .default("unix:///var/run/docker.sock")
      .describe("Docker's socket, or `http://host:port`."),
    labels,
    containers: z
      .array(z.string())
      .default([])
      .describe("Names with `*`; all containers if empty."),
    exclude: z.array(z.string()).default([]).describe("Names to leave out, with `*`."),
    multiline: z
      .string()
      .default("")
      .describe("A pattern of first lines; the others are joined to the one before."),
    stages,
  })
  .prefault({})
  .describe("Logs of Docker's containers, through its API.");

export const journalSchema = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Whether journald's entries are read."),
    source: z
      .string()
      .default("journalctl")
      .describe("`journalctl` runs it; a path is read as its export format (file or FIFO)."),
    format: z.enum(["export", "json"]).default("export").describe("Format of a path."),
    directory: z.string().default("").describe("A directory of journal files, for `journalctl`."),
    matches: z
      .array(z.string())
      .default([])
      .describe("Entries to read, as `_SYSTEMD_UNIT=nginx.service`; all if empty."),
    maxAgeSeconds: z
      .number()
      .min(0)
      .default(7 * 3600)
      .describe("Where the first start begins: this far back."),
    labels,
    stages,
  })
  .prefault({})
  .describe("Entries of systemd's journal.");

export type PromtailSettings = z.output<typeof promtailSchema>;
export type FileSourceSettings = z.output<typeof fileSourceSchema>;
export type DockerLogsSettings = z.output<typeof dockerLogsSchema>;
export type JournalSettings = z.output<typeof journalSchema>;

/** To be spread into the schema of the whole file. */
export const logSourceFields = {
  promtail: promtailSchema,
  files: filesSchema,
  dockerLogs: dockerLogsSchema,
  journald: journalSchema,
} as const;

export interface LogSourcesConfig {
  readonly promtail: PromtailSettings;
  readonly files: readonly FileSourceSettings[];
  readonly dockerLogs: DockerLogsSettings;
  readonly journald: JournalSettings;
}
