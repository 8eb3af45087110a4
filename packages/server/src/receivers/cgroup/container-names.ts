/** What containers are called: Docker is asked when its socket is there, and Kubernetes writes it into names of logs. */
import { request } from "node:http";
import { readdir } from "node:fs/promises";
import type { Clock } from "@triptych/model";

export interface ContainerName {
  readonly name: string;
  readonly image: string;
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
}

export interface ContainerNames {
  /** Looks again when an id is new or the last look is long ago, but not at each call. */
  refresh(ids: readonly string[]): Promise<void>;
  of(id: string): ContainerName | undefined;
}

const EVERY_MS = 60_000;
/** New containers are looked up this soon. */
const AT_MOST_EVERY_MS = 5_000;
const ANSWER_MS_MAX = 3_000;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const LOGS_MAX = 10_000;

export function createContainerNames(options: {
  readonly docker: string;
  readonly containerLogs: string;
  readonly clock: Clock;
}): ContainerNames {
  const { docker, containerLogs, clock } = options;
  let known: ReadonlyMap<string, ContainerName> = new Map();
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    async refresh(ids) {
      const sinceMs = clock.monotonicMs() - lastMs;
      const isNew = ids.some((id) => !known.has(id));
      if (sinceMs < (isNew ? AT_MOST_EVERY_MS : EVERY_MS) || ids.length === 0) return;
      lastMs = clock.monotonicMs();
      const found = new Map<string, ContainerName>();
      for (const [id, name] of await namesInLogs(containerLogs)) found.set(id, name);
      if (docker !== "")
        for (const [id, name] of await namesInDocker(docker).catch(() => []))
          found.set(id, { ...found.get(id), ...name });
      known = found;
    },
    of: (id) => known.get(id),
  };
}

/** `<pod>_<namespace>_<container>-<id>.log`. */
const LOG = /^([^_]+)_([^_]+)_(.+)-([0-9a-f]{64})\.log$/;

async function namesInLogs(directory: string): Promise<readonly [string, ContainerName][]> {
  const files = await readdir(directory).catch(() => []);
  const found: [string, ContainerName][] = [];
  for (const file of files.slice(0, LOGS_MAX)) {
    const [, pod = "", namespace = "", container = "", id] = LOG.exec(file) ?? [];
    if (id !== undefined) found.push([id, { name: id, image: "", container, pod, namespace }]);
  }
  return found;
}

async function namesInDocker(socketPath: string): Promise<readonly [string, ContainerName][]> {
  const answer: unknown = JSON.parse(await getText(socketPath, "/containers/json"));
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((one: unknown) => {
    const { Id, Names, Image, Labels } = (one ?? {}) as { readonly [key: string]: unknown };
    if (typeof Id !== "string") return [];
    const label = (name: string): string =>
      textOf((Labels as { readonly [key: string]: unknown } | null | undefined)?.[name]);
    const first = Array.isArray(Names) ? textOf(Names[0]) : "";
    const name: ContainerName = {
      name: first.replace(/^\//, ""),
      image: textOf(Image),
      container: label("io.kubernetes.container.name"),
      pod: label("io.kubernetes.pod.name"),
      namespace: label("io.kubernetes.pod.namespace"),
    };
    return [[Id, name] as [string, ContainerName]];
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function getText(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: ANSWER_MS_MAX }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) asked.destroy(new Error("Docker's answer is too large"));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    asked.on("timeout", () => asked.destroy(new Error("Docker did not answer")));
    asked.on("error", reject);
    asked.end();
  });
}
