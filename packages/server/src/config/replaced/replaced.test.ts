import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../load.ts";
import { replacedKind, settingsOf } from "./find.ts";
import { parseReplaced } from "./replaced.ts";
import { merged } from "./settings.ts";

describe("Tempo's file", () => {
  const tempo = (text: string) => parseReplaced("tempo", text, "tempo.yaml");
  test("of a tutorial", () => {
    const { settings, notes } = tempo(
      "server:\n  http_listen_port: 3200\n\ndistributor:\n  receivers:\n    otlp:\n      protocols:\n        http:\n        grpc:\n\nstorage:\n  trace:\n    backend: local\n",
    );
    expect(settings).toEqual({});
    expect(notes.map(({ line, text }) => `${line} ${text.split(":", 1)[0]}`)).toEqual([
      "1 server",
      "11 storage",
    ]);
  });
  test("how long traces are kept, and dimensions", () => {
    const { settings } = tempo(
      "compactor: { compaction: { block_retention: 336h30m } }\nmetrics_generator: { processor: { span_metrics: { dimensions: [http.method] } } }\n",
    );
    const { retention, derive } = parseConfig("", "triptych.yaml", {}, settings);
    expect(retention.traces.days).toBe(15);
    expect(derive.spanMetrics.dimensions).toEqual(["http.method"]);
  });
  const refused: readonly (readonly [name: string, text: string, message: string])[] = [
    ["an unknown part", "server: {}\ndistribtor: {}\n", "tempo.yaml:2:1: unknown key"],
    ["a duration", "compactor:\n  compaction:\n    block_retention: soon\n", "tempo.yaml:3:22"],
    ["a receiver", "distributor: { receivers: { carrier: {} } }", "no receiver of Tempo's"],
    ["no map", "- a\n", "tempo.yaml:1:1: the file is not a map"],
    ["no YAML", "a: [\n", "tempo.yaml:2:1"],
    ["a prototype", "__proto__: {}\n", "unknown key"],
  ];
  for (const [name, text, message] of refused)
    test(name, () => expect(() => tempo(text)).toThrow(message));
});

test("Loki's file: how long lines are kept", () => {
  const text = "auth_enabled: false\nlimits_config:\n  retention_period: 744h\n";
  const { settings } = parseReplaced("loki", text, "loki.yaml");
  expect(settings).toEqual({ retention: { logs: { days: 31 } } });
});

test("data sources: which are answered, and where", () => {
  const text =
    "apiVersion: 1\ndatasources:\n  - name: Tempo\n    type: tempo\n    url: http://tempo:3200\n  - { name: Flames, type: grafana-pyroscope-datasource }\n";
  const { notes } = parseReplaced("datasources", text, "d.yaml");
  expect(notes.map(({ line, text: note }) => [line, note.includes("--classic-ports")])).toEqual([
    [3, true],
    [6, false],
  ]);
});

test("what a file is", () => {
  expect(replacedKind(["server", "distributor", "storage"])).toBe("tempo");
  expect(replacedKind(["auth_enabled", "schema_config", "ingester"])).toBe("loki");
  expect(replacedKind(["server", "positions", "clients", "scrape_configs"])).toBe("promtail");
  expect(replacedKind(["apiVersion", "datasources"])).toBe("datasources");
  expect(replacedKind(["global", "scrape_configs", "rule_files"])).toBeUndefined();
});

test("a directory with such files: what triptych.yaml says wins", () => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-replaced-"));
  writeFileSync(
    join(directory, "tempo.yaml"),
    "compactor: { compaction: { block_retention: 48h } }",
  );
  writeFileSync(join(directory, "promtail-config.yml"), "scrape_configs: []\n");
  const under = settingsOf(directory);
  rmSync(directory, { recursive: true });
  const config = parseConfig("retention: { traces: { days: 9 } }", "t.yaml", {}, under);
  expect(config.retention.traces.days).toBe(9);
  expect(config.promtail.files).toEqual([join(directory, "promtail-config.yml")]);
});

test("settings are joined level by level", () => {
  expect(merged({ a: { b: 1 }, c: [] }, { a: { b: 2, d: 3 }, e: 4 })).toEqual({
    ...{ a: { b: 1, d: 3 }, c: [], e: 4 },
  });
});

const lgtm = new URL(
  "../../../../../../shared/conformance/docker-otel-lgtm/docker/",
  import.meta.url,
);
test.skipIf(!existsSync(lgtm))("the files of an image of all of Grafana's programs", () => {
  for (const [kind, name] of [
    ["tempo", "tempo-config.yaml"],
    ["loki", "loki-config.yaml"],
    ["datasources", "grafana-datasources.yaml"],
  ] as const)
    expect(() =>
      parseReplaced(kind, readFileSync(new URL(name, lgtm), "utf8"), name),
    ).not.toThrow();
});
