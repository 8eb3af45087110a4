/** The kinds of files that `triptych check` knows; the first that recognises a file checks it. */
import { loadConfig } from "../config/load.ts";
import { loadPromtailConfig } from "../config/promtail/load.ts";
import { replacedKind } from "../config/replaced/find.ts";
import { parseReplaced } from "../config/replaced/replaced.ts";
import type { CheckedFile, CheckKind, CheckVerdict } from "./check-kind.ts";
import { checkMetrics, looksLikeExposition } from "./check-metrics.ts";
import { checkPrometheusFile, looksLikePrometheusFile } from "./check-prometheus.ts";
import { checkRules } from "./check-rules.ts";
import { checkWebConfig, looksLikeWebConfig } from "./check-web-config.ts";

/**
 * The top-level keys of a YAML file, without reading it: a file that is broken is recognised too. They are not indented,
 * except in JSON, where nothing tells them from the others.
 */
function topKeys({ text }: CheckedFile): string[] {
  const keys = /^\s*\{/.test(text) ? inJson : inYaml;
  return [...text.matchAll(keys)].map(([, key]) => key ?? "");
}
const inYaml = /^["']?([A-Za-z_][\w-]*)["']?[ \t]*:/gm;
const inJson = /^\{?\s*["']?([A-Za-z_][\w-]*)["']?\s*:/gm;

export const checkKinds: readonly CheckKind[] = [
  {
    name: "exposed metrics",
    recognises: looksLikeExposition,
    check: checkMetrics,
  },
  {
    name: "web configuration of Prometheus",
    recognises: (given) => looksLikeWebConfig(topKeys(given)),
    check: checkWebConfig,
  },
  {
    name: "rules",
    recognises: (given) => topKeys(given).includes("groups"),
    check: checkRules,
  },
  {
    name: "promtail, Tempo, Loki, Grafana's data sources",
    recognises: (given) => replacedKind(topKeys(given)) !== undefined,
    check: replacedVerdict,
  },
  {
    name: "prometheus.yml",
    recognises: (given) => looksLikePrometheusFile(topKeys(given), given.text),
    check: ({ file }) => prometheusVerdict(file),
  },
  {
    name: "triptych.yaml",
    recognises: () => true,
    check({ file }) {
      loadConfig(file);
      return { errors: [], warnings: [] };
    },
  },
];

function replacedVerdict(given: CheckedFile): CheckVerdict {
  const { file, text } = given;
  const kind = replacedKind(topKeys(given));
  if (kind === "promtail") {
    const { jobs, ignored, unserved } = loadPromtailConfig(file, {
      expandEnv: false,
      env: () => undefined,
    });
    const told = unserved.map(
      ({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`,
    );
    const warnings = [...told, ...ignored];
    return { errors: [], warnings, summary: `promtail, ${jobs.length} jobs` };
  }
  const { notes } = parseReplaced(kind ?? "loki", text, file);
  const warnings = notes.map(
    ({ line, column, text: note }) => `${file}:${line}:${column}: note: ${note}`,
  );
  return { errors: [], warnings, summary: kind };
}

function prometheusVerdict(file: string): CheckVerdict {
  const problems = checkPrometheusFile(file);
  const told = (wanted: "error" | "warning"): string[] =>
    problems
      .filter(({ severity }) => severity === wanted)
      .map(({ file: at, line, column, message }) => {
        const mark = wanted === "warning" ? "warning: " : "";
        return `${at}:${line}:${column}: ${mark}${message}`;
      });
  return { errors: told("error"), warnings: told("warning") };
}
