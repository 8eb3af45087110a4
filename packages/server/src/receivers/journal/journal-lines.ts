/** An entry of systemd's journal as a line: its text, time, level and labels, by our names or by promtail's rules. */
import type { Relabel } from "@triptych/lang";
import type { JournalEntry } from "@triptych/wire";
import { plainLabels } from "../files/discovered-targets.ts";
import type { MarkedLine } from "../log-lines/marked-lines.ts";

/** promtail's words for syslog's priorities. */
const KEYWORDS = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];
const LEVELS = ["fatal", "fatal", "critical", "error", "warn", "info", "info", "debug"];

export type JournalLine = (entry: JournalEntry) => MarkedLine | undefined;

/** `labels` gives the labels of an entry; undefined leaves it out. `asJson` sends all fields instead of the message. */
export function journalLines(
  labels: (entry: JournalEntry) => ReadonlyMap<string, string> | undefined,
  asJson: boolean,
): JournalLine {
  return (entry) => {
    const line = asJson ? JSON.stringify(Object.fromEntries(entry)) : entry.get("MESSAGE");
    if (line === undefined) return undefined;
    const found = labels(entry);
    if (found === undefined) return undefined;
    const level = LEVELS[Number(entry.get("PRIORITY") ?? "none")];
    return {
      line,
      timeNs: timeOf(entry),
      labels: found,
      metadata: level === undefined ? [] : [["detected_level", level]],
      mark: entry.get("__CURSOR") ?? "",
    };
  };
}

function timeOf(entry: JournalEntry): bigint {
  const micros = entry.get("__REALTIME_TIMESTAMP") ?? "";
  return /^\d{1,16}$/.test(micros) ? BigInt(micros) * 1000n : 0n;
}

/** Unit, host and program, under names that people ask for. */
export function nativeLabels(
  given: ReadonlyMap<string, string>,
): (entry: JournalEntry) => ReadonlyMap<string, string> {
  return (entry) => {
    const unit = entry.get("_SYSTEMD_UNIT") ?? entry.get("UNIT") ?? "";
    const identifier = entry.get("SYSLOG_IDENTIFIER") ?? entry.get("_COMM") ?? "";
    const labels = new Map([["job", "journal"]]);
    if (unit !== "") labels.set("unit", unit);
    if (identifier !== "") labels.set("identifier", identifier);
    const host = entry.get("_HOSTNAME");
    if (host !== undefined && host !== "") labels.set("host", host);
    labels.set("service_name", unit.replace(/\.service$/, "") || identifier || "journal");
    for (const [name, value] of given) labels.set(name, value);
    return labels;
  };
}

/** promtail's: every field as `__journal_…`, then the rules of the job. */
export function promtailLabels(options: {
  readonly labels: ReadonlyMap<string, string>;
  readonly relabel: Relabel;
  readonly externalLabels: ReadonlyMap<string, string>;
  readonly job: string;
}): (entry: JournalEntry) => ReadonlyMap<string, string> | undefined {
  return (entry) => {
    const all = new Map(options.labels);
    for (const [name, value] of entry) all.set(`__journal_${name.toLowerCase()}`, value);
    const keyword = KEYWORDS[Number(entry.get("PRIORITY") ?? "none")];
    if (keyword !== undefined) all.set("__journal_priority_keyword", keyword);
    if (!options.relabel(all)) return undefined;
    const kept = plainLabels(all, options.externalLabels);
    if (kept.size === 0) kept.set("job", options.job);
    return kept;
  };
}
