/** Asks a server as a reader does, and gives it things as a small sender does. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeRemoteWrite, encodeSnappy, type WriteSeries } from "@triptych/wire";
import type { RunningServer } from "../start-server.ts";
import { expectThat } from "./case.ts";

export interface Asked {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly ms: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

/** Reads the whole answer. */
export async function ask(url: string, timeoutMs: number, init: RequestInit = {}): Promise<Asked> {
  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = init.signal == null ? timeout : AbortSignal.any([timeout, init.signal]);
  try {
    const answer = await fetch(url, { ...init, signal });
    const text = await answer.text();
    const retryAfter = answer.headers.get("retry-after");
    return { status: answer.status, ms: elapsed(), text, retryAfter };
  } catch (error) {
    return { status: 0, ms: elapsed(), text: String(error), retryAfter: null };
  }
}

export const withParams = (path: string, params: Readonly<Record<string, string>>): string =>
  `${path}?${new URLSearchParams(params).toString()}`;

const writeHeaders = {
  "content-type": "application/x-protobuf",
  "content-encoding": "snappy",
} as const;

/** Remote write; the caller looks at the status. */
export const write = (server: RunningServer, body: Uint8Array): Promise<Asked> =>
  ask(`${server.url}/api/v1/write`, 30_000, {
    method: "POST",
    headers: writeHeaders,
    body: body as Uint8Array<ArrayBuffer>,
  });

/** Sends JSON, or remote write; anything but success is an error. */
export async function send(
  server: RunningServer,
  path: string,
  body: object | Uint8Array,
): Promise<void> {
  const answer =
    body instanceof Uint8Array
      ? await write(server, body)
      : await ask(`${server.url}${path}`, 30_000, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
  const say = `${path} answered ${answer.status}: ${answer.text.slice(0, 500)}`;
  expectThat(answer.status >= 200 && answer.status < 300, say);
}

const words = new Uint32Array(2);
const doubles = new Float64Array(words.buffer);

export function series(labels: WriteSeries["labels"], timeMs: number, value: number): WriteSeries {
  doubles[0] = value;
  return {
    labels,
    timeMs: [timeMs],
    startMs: [0],
    valueWords: [words[0] as number, words[1] as number],
    histograms: [],
    exemplars: [],
  };
}

export const remoteWrite = (all: readonly WriteSeries[]): Uint8Array =>
  encodeSnappy(encodeRemoteWrite("1.0", all));

/** A text as a literal of PromQL, LogQL and TraceQL, which share the escapes used here. */
export function quoted(text: string): string {
  const chars = [...text].map((char) => {
    if (char === "\\" || char === '"') return `\\${char}`;
    const code = char.codePointAt(0) ?? 0;
    return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, "0")}` : char;
  });
  return `"${chars.join("")}"`;
}

export const string = (key: string, value: string) => ({ key, value: { stringValue: value } });

export function configFile(directory: string, text: string): string {
  const path = join(directory, "triptych.yaml");
  writeFileSync(path, text);
  return path;
}

/** The value of one of our own metrics; undefined when it is not there. */
export async function ownMetric(server: RunningServer, name: string): Promise<number | undefined> {
  const { text } = await ask(`${server.url}/metrics`, 10_000);
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

export const counts = (statuses: ReadonlyMap<number, number>): string =>
  [...statuses].map(([status, times]) => `${status}×${times}`).join(" ");
