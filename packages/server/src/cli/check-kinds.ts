/** The kinds of files that `triptych check` knows; the first that recognises a file checks it. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { loadConfig } from "../config/load.ts";
import { loadPromtailConfig } from "../config/promtail/load.ts";
import { replacedKind } from "../config/replaced/find.ts";
import { parseReplaced } from "../config/replaced/replaced.ts";
import type { CheckContext, CheckedFile, CheckKind, CheckVerdict } from "./check-kind.ts";
import { checkMetrics, looksLikeExposition } from "./check-metrics.ts";
import { checkPrometheusFile, looksLikePrometheusFile, ruleFilesOf } from "./check-prometheus.ts";
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
    check: prometheusVerdict,
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

/** With the rule files that it names, as far as they are there and not among those to check. */
function prometheusVerdict({ file }: CheckedFile, context: CheckContext): CheckVerdict {
  const problems = checkPrometheusFile(file);
  const told = (wanted: "error" | "warning"): string[] =>
    problems
      .filter(({ severity }) => severity === wanted)
      .map(({ file: at, line, column, message }) => {
        const mark = wanted === "warning" ? "warning: " : "";
        return `${at}:${line}:${column}: ${mark}${message}`;
      });
  const isGiven = (path: string): boolean =>
    context.files.some((one) => resolve(one.file) === resolve(path));
  const ofRules = ruleFilesOf(file)
    .filter((path) => !isGiven(path))
    .map((path) => checkRules({ file: path, text: readFileSync(path, "utf8") }, context));
  return {
    errors: [...told("error"), ...ofRules.flatMap(({ errors }) => errors)],
    warnings: [...told("warning"), ...ofRules.flatMap(({ warnings }) => warnings)],
  };
}
