/** What is known of metrics when rules are linted: from a server's API or a file. */
import { readFileSync } from "node:fs";
import { TriptychError } from "@triptych/model";
import { z } from "zod";
import type { LintKnowledge } from "../config/rules/lints.ts";

export type MetricKnowledge = Pick<LintKnowledge, "metrics" | "types">;

const metadataSchema = z.record(z.string(), z.array(z.object({ type: z.string() })));
const answerSchema = z.object({ data: metadataSchema });
const namesSchema = z.object({ data: z.array(z.string()) });

/** Waiting longer for a lint is worth nothing. */
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export const noKnowledge: MetricKnowledge = { types: new Map() };

/** Asks a Prometheus or Triptych for its metrics' names and types. */
export async function knowledgeOf(server: string): Promise<MetricKnowledge> {
  const base = server.replace(/\/+$/, "");
  const [names, metadata] = await Promise.all([
    ask(`${base}/api/v1/label/__name__/values`, namesSchema),
    ask(`${base}/api/v1/metadata`, answerSchema),
  ]);
  return { metrics: new Set(names.data), types: typesOf(metadata.data) };
}

async function ask<T>(url: string, schema: z.ZodType<T>): Promise<T> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const text = await answer.text();
    if (text.length > ANSWER_BYTES_MAX) throw new Error("the answer is too large");
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TriptychError("config_invalid", `${url} cannot be asked for metrics: ${reason}`, {
      cause,
    });
  }
}

/** The answer of `/api/v1/metadata` as JSON, or the text that a target exposes. */
export function knowledgeIn(file: string): MetricKnowledge {
  const text = readFileSync(file, "utf8");
  if (/^\s*\{/.test(text)) {
    const json: unknown = JSON.parse(text);
    const answer = answerSchema.safeParse(json);
    return withFamilies(typesOf(answer.success ? answer.data.data : metadataSchema.parse(json)));
  }
  const types = new Map<string, string>();
  for (const line of text.split("\n")) {
    const found = /^#\s*TYPE\s+(\S+)\s+(\S+)/.exec(line);
    if (found !== null) types.set(found[1] ?? "", found[2] ?? "");
  }
  return withFamilies(types);
}

const typesOf = (metadata: z.infer<typeof metadataSchema>): Map<string, string> =>
  new Map(
    Object.entries(metadata).flatMap(([name, [first]]) => (first ? [[name, first.type]] : [])),
  );

/** A family stands for the series that it consists of. */
function withFamilies(types: ReadonlyMap<string, string>): MetricKnowledge {
  const metrics = new Set(["up", "scrape_duration_seconds", "scrape_samples_scraped"]);
  for (const [name, type] of types) {
    metrics.add(name);
    if (type === "counter") metrics.add(`${name}_total`);
    if (type === "histogram" || type === "gaugehistogram" || type === "summary")
      for (const suffix of ["_bucket", "_sum", "_count"]) metrics.add(name + suffix);
  }
  return { metrics, types };
}
