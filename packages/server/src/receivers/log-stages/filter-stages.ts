/** Stages that let some entries pass: `match`, `drop`, `limit`, `sampling`. */
import { compilePipeline, type Matcher, parseLogQuery, streamOf } from "@triptych/lang";
import type { StageConfig } from "../../config/promtail/stages.ts";
import { partGroups, partMatcher, partReplacer, wholeMatcher } from "../../regex/regex.ts";
import {
  type Entry,
  perEntry,
  type RunContext,
  type Stage,
  type StageDeps,
  type StageRun,
  textOf,
} from "./entry.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** Whether an entry is selected by a LogQL selector with filters. Throws for what is no log query. */
function selects(selector: string, { clock }: StageDeps): (entry: Entry) => boolean {
  const query = parseLogQuery(selector);
  const tests = query.matchers.map((matcher) => matcherTest(matcher));
  const regexes = {
    whole: (pattern: string) => wholeMatcher(pattern),
    part: (pattern: string) => partMatcher(pattern),
    named: partGroups,
    replacer: partReplacer,
  };
  const pipeline =
    query.stages.length === 0
      ? undefined
      : compilePipeline(query, { regexes, nowMs: () => clock.nowMs() });
  return (entry) => {
    if (!tests.every((test) => test(entry.labels))) return false;
    return (
      pipeline === undefined ||
      pipeline.run({
        timeNs: entry.timeNs,
        text: entry.line,
        stream: streamOf(entry.labels),
        metadata: entry.metadata,
      })
    );
  };
}

function matcherTest({ name, op, value }: Matcher): (labels: Entry["labels"]) => boolean {
  const of = (labels: Entry["labels"]): string => labels.get(name) ?? "";
  if (op === "=") return (labels) => of(labels) === value;
  if (op === "!=") return (labels) => of(labels) !== value;
  const matches = wholeMatcher(value);
  return op === "=~" ? (labels) => matches(of(labels)) : (labels) => !matches(of(labels));
}

/** `inner` is the pipeline of the stage's own stages. */
export function matchStage(config: StageConfig<"match">, inner: Stage, deps: StageDeps): Stage {
  const isSelected = selects(config.selector, deps);
  if (config.action === "drop")
    return perEntry((entry) => {
      if (!isSelected(entry)) return true;
      deps.dropped(config.drop_counter_reason);
      return false;
    });
  return {
    maxWaitMs: inner.maxWaitMs,
    begin(context): StageRun {
      const run = inner.begin(context);
      return {
        get held() {
          return run.held;
        },
        push(entry, emit) {
          if (isSelected(entry)) run.push(entry, emit);
          else emit(entry);
        },
        end: (emit, flush) => run.end(emit, flush),
      };
    },
  };
}

export function dropStage(config: StageConfig<"drop">, { clock, dropped }: StageDeps): Stage {
  const { source, separator, value, older_than: olderMs, longer_than: longerBytes } = config;
  const matches = config.expression === undefined ? undefined : partMatcher(config.expression);
  const isDropped = (entry: Entry): boolean => {
    if (longerBytes !== undefined && Buffer.byteLength(entry.line) <= longerBytes) return false;
    if (olderMs !== undefined) {
      const ageMs = clock.nowMs() - Number(entry.timeNs / 1_000_000n);
      if (ageMs <= olderMs) return false;
    }
    if (source.length === 0) return matches === undefined || matches(entry.line);
    const found: string[] = [];
    for (const name of source) {
      if (!entry.extracted.has(name)) return false;
      found.push(textOf(entry.extracted.get(name)) ?? "");
    }
    const joined = found.join(separator);
    if (value !== undefined) return joined === value;
    return matches === undefined || matches(joined);
  };
  return perEntry((entry) => {
    if (!isDropped(entry)) return true;
    dropped(config.drop_counter_reason);
    return false;
  });
}

/** Tokens that come back with time, up to `burst`. */
function tokens(rate: number, burst: number, nowMs: () => number): () => boolean {
  let left = burst;
  let atMs = nowMs();
  return () => {
    const now = nowMs();
    left = Math.min(burst, left + ((now - atMs) / 1000) * rate);
    atMs = now;
    if (left < 1) return false;
    left--;
    return true;
  };
}

/** How long lines wait for a token before they are tried again. */
const RETRY_MS = 100;

export function limitStage(config: StageConfig<"limit">, { clock, dropped }: StageDeps): Stage {
  const make = (): (() => boolean) => tokens(config.rate, config.burst, () => clock.monotonicMs());
  const label = config.by_label_name;
  if (label !== "") {
    const known = new Map<string, () => boolean>();
    return perEntry((entry) => {
      const value = entry.labels.get(label);
      if (value === undefined) return true;
      let take = known.get(value);
      if (take === undefined) {
        // As promtail does: with too many values all begin again.
        if (known.size >= config.max_distinct_labels) known.clear();
        take = make();
        known.set(value, take);
      }
      if (take()) return true;
      dropped("limit_stage");
      return false;
    });
  }
  const take = make();
  if (config.drop)
    return perEntry(() => {
      if (take()) return true;
      dropped("limit_stage");
      return false;
    });
  return { maxWaitMs: RETRY_MS, begin: () => waitingRun(take) };
}

/** What finds no token, and all behind it, is read again: the source waits. */
function waitingRun(take: () => boolean): StageRun {
  let held = NEVER;
  return {
    get held() {
      return held;
    },
    push(entry, emit) {
      if (held !== NEVER) held = Math.min(held, entry.from);
      else if (take()) emit(entry);
      else held = entry.from;
    },
    end() {
      // Waiting lines are not handed on, whoever asks.
    },
  };
}

export function samplingStage(
  config: StageConfig<"sampling">,
  { random, dropped }: StageDeps,
): Stage {
  return perEntry((_entry: Entry, _context: RunContext) => {
    if (random() < config.rate) return true;
    dropped(config.drop_counter_reason);
    return false;
  });
}
