/**
 * The exposition formats against data of others: Prometheus' own parser cases, OpenMetrics' parser cases, and real
 * output of node exporters. Cases where we differ on purpose stand in `corpus/wire/exposition/exceptions.json`; a
 * case that no longer differs must leave that list.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultLimits, TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { parseExposition } from "./parse.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const data = join(root, "../shared/conformance");
const OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

interface Exceptions {
  readonly [suite: string]: { readonly [id: string]: string };
}
const exceptions = JSON.parse(
  readFileSync(join(root, "corpus/wire/exposition/exceptions.json"), "utf8"),
) as Exceptions;

const parse = (bytes: Uint8Array, type: string) =>
  drain(parseExposition(bytes, type, { limits: defaultLimits, nowMs: Date.now() }));
/** "" when it parses, the message when it does not. */
const outcome = (bytes: Uint8Array, type: string): string => {
  try {
    parse(bytes, type);
    return "";
  } catch (error) {
    if (error instanceof TriptychError && error.code === "wire_malformed") return error.message;
    throw error;
  }
};

/** Fails for every case that differs and is not an exception, and for every exception that does not differ. */
function compare(suite: string, cases: readonly { id: string; wantGood: boolean; got: string }[]) {
  const list = exceptions[suite] ?? {};
  const wrong = cases.filter(
    ({ id, wantGood, got }) => (got === "") !== wantGood && list[id] === undefined,
  );
  const stale = cases.filter(
    ({ id, wantGood, got }) => (got === "") === wantGood && list[id] !== undefined,
  );
  expect({ wrong, stale: stale.map(({ id }) => id) }).toEqual({ wrong: [], stale: [] });
  const known = new Set(cases.map(({ id }) => id));
  expect(Object.keys(list).filter((id) => !known.has(id))).toEqual([]);
}

describe.skipIf(!existsSync(data))("conformance (skipped without ../shared/conformance)", () => {
  test("Prometheus' parser cases", () => {
    const file = readFileSync(join(data, "prometheus-textparse/text_format_parse.json"), "utf8");
    const { cases } = JSON.parse(file) as {
      cases: { format: string; input: string; ok: boolean; table: string; line: number }[];
    };
    compare(
      "prometheus-textparse",
      cases.map(({ format, input, ok, table, line }) => {
        const type = format === "prometheus-text" ? "text/plain; version=0.0.4" : OPENMETRICS;
        // The extract holds a byte that is not UTF-8 as U+FFFD.
        const bytes = Uint8Array.from(
          Buffer.from(
            input.replaceAll("\ufffd", "\u00ff"),
            input.includes("\ufffd") ? "latin1" : "utf8",
          ),
        );
        return { id: `${table}:${line}`, wantGood: ok, got: outcome(bytes, type) };
      }),
    );
  });

  test("Prometheus' parser files", () => {
    const directory = join(data, "prometheus-textparse/model/textparse/testdata");
    for (const [name, type, samples] of [
      ["1histogram.om.txt", OPENMETRICS, 0],
      ["alltypes.5mfs.om.txt", OPENMETRICS, 0],
      ["alltypes.237mfs.prom.txt", "text/plain", 0],
      ["alltypes.237mfs.nometa.prom.txt", "text/plain", 0],
    ] as const) {
      const bytes = readFileSync(join(directory, name));
      const { batch, rejected } = parse(bytes, type);
      expect(batch.samples.rows, name).toBe(sampleLines(bytes) + samples);
      expect(rejected, name).toBe(0);
    }
  });

  test("OpenMetrics' parser cases", () => {
    const directory = join(data, "openmetrics/tests/testdata/parsers");
    const names = readdirSync(directory).sort();
    expect(names.length).toBe(211);
    compare(
      "openmetrics",
      names.map((id) => {
        const spec = JSON.parse(readFileSync(join(directory, id, "test.json"), "utf8")) as {
          file: string;
          shouldParse: boolean;
        };
        const bytes = readFileSync(join(directory, id, spec.file));
        return { id, wantGood: spec.shouldParse, got: outcome(bytes, OPENMETRICS) };
      }),
    );
  });

  const exporters = join(data, "node-exporter/collector/fixtures");
  test.each(existsSync(exporters) ? readdirSync(exporters) : [])("node exporter: %s", (name) => {
    const bytes = readFileSync(join(exporters, name));
    const { batch, rejected } = parse(bytes, "text/plain; version=0.0.4");
    expect([batch.samples.rows, rejected]).toEqual([sampleLines(bytes), 0]);
    expect(batch.metadata.length).toBe(new Set(bytes.toString().match(/^# TYPE \S+/gm)).size);
  });
});

/** Lines that are neither empty nor comments. */
function sampleLines(bytes: Buffer): number {
  return bytes
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#")).length;
}
