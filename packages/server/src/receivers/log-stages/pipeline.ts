/**
 * Stages in their order, compiled once. A run takes lines of one source and gives entries, and how many of the lines
 * are done with: what joining stages keep open is read again with the next run, so nothing lives only in memory.
 */
import type { StageName, StagePlan } from "../../config/promtail/stages.ts";
import { TriptychError } from "@triptych/model";
import type { Emit, Entry, RunContext, Stage, StageDeps, StageRun } from "./entry.ts";
import {
  eventlogStage,
  jsonStage,
  logfmtStage,
  regexStage,
  replaceStage,
} from "./extract-stages.ts";
import { dropStage, limitStage, matchStage, samplingStage } from "./filter-stages.ts";
import { criStage, dockerStage, multilineStage } from "./joining-stages.ts";
import {
  decolorizeStage,
  labelallowStage,
  labeldropStage,
  labelsStage,
  metadataDropStage,
  metadataStage,
  outputStage,
  packStage,
  staticLabelsStage,
  templateStage,
  tenantStage,
} from "./label-stages.ts";
import { metricsStage } from "./metrics-stage.ts";
import { timestampStage } from "./timestamp-stage.ts";

type Make<K extends StageName> = (
  config: Extract<StagePlan, { kind: K }>["config"],
  deps: StageDeps,
) => Stage;

const makers: { readonly [K in StageName]: Make<K> } = {
  docker: dockerStage,
  cri: criStage,
  regex: regexStage,
  json: jsonStage,
  logfmt: logfmtStage,
  replace: replaceStage,
  template: templateStage,
  timestamp: timestampStage,
  output: outputStage,
  labels: labelsStage,
  labelallow: labelallowStage,
  labeldrop: labeldropStage,
  static_labels: staticLabelsStage,
  structured_metadata: metadataStage,
  structured_metadata_drop: metadataDropStage,
  tenant: tenantStage,
  match: (config, deps) => matchStage(config, compileStages(config.stages, deps), deps),
  drop: dropStage,
  limit: limitStage,
  sampling: samplingStage,
  multiline: multilineStage,
  pack: packStage,
  decolorize: decolorizeStage,
  eventlogmessage: eventlogStage,
  metrics: metricsStage,
};

/** Throws `config_invalid` with the place of what cannot be compiled. */
export function compileStages(plans: readonly StagePlan[], deps: StageDeps): Stage {
  return sequence(plans.map((plan) => compileStage(plan, deps)));
}

function compileStage(plan: StagePlan, deps: StageDeps): Stage {
  const make = makers[plan.kind] as Make<StageName>;
  try {
    return make(plan.config, deps);
  } catch (error) {
    // An inner stage has said where.
    if (error instanceof TriptychError && error.code === "config_invalid") throw error;
    return plan.fail(error instanceof Error ? error.message : String(error));
  }
}

/** Several stages as one. */
function sequence(stages: readonly Stage[]): Stage {
  return {
    maxWaitMs: Math.max(0, ...stages.map(({ maxWaitMs }) => maxWaitMs)),
    begin(context): StageRun {
      const runs = stages.map((stage) => stage.begin(context));
      const from = (index: number, emit: Emit): Emit => {
        const run = runs[index];
        if (run === undefined) return emit;
        const next = from(index + 1, emit);
        return (entry) => run.push(entry, next);
      };
      let emitInto: Emit | undefined;
      let first: Emit = () => {};
      return {
        get held() {
          return Math.min(Number.POSITIVE_INFINITY, ...runs.map(({ held }) => held));
        },
        push(entry, emit) {
          // The chain is built once, as a run has one place to emit to.
          if (emitInto !== emit) {
            emitInto = emit;
            first = from(0, emit);
          }
          first(entry);
        },
        end(emit, flush) {
          for (const [i, run] of runs.entries()) run.end(from(i + 1, emit), flush);
        },
      };
    },
  };
}

export interface RunResult {
  readonly entries: readonly Entry[];
  /** How many of the lines, from the first, are done with. */
  readonly consumed: number;
  /** What to do once the lines are durable. */
  readonly done: () => void;
}

export interface RunOptions {
  readonly labels: ReadonlyMap<string, string>;
  /** Hand on blocks that are still open. */
  readonly flush: boolean;
}

export interface RawLine {
  readonly line: string;
  readonly timeNs: bigint;
  /** Besides those of the source. */
  readonly labels?: ReadonlyMap<string, string> | undefined;
  readonly metadata?: Iterable<readonly [string, string]> | undefined;
}

/** Lines between two looks at the clock. */
const STEP_LINES = 32;

/** Yields now and then, so that others run. `lines` are made as they are asked for. */
export function* runStages(
  stage: Stage,
  lines: { readonly count: number; at(index: number): RawLine },
  options: RunOptions,
): Generator<void, RunResult> {
  const effects: { readonly at: number; readonly run: () => void }[] = [];
  const context: RunContext = { whenDone: (at, run) => void effects.push({ at, run }) };
  const entries: Entry[] = [];
  const emit: Emit = (entry) => void entries.push(entry);
  const run = stage.begin(context);
  for (let i = 0; i < lines.count; i++) {
    const { line, timeNs, labels: own, metadata } = lines.at(i);
    const labels = new Map(options.labels);
    if (own !== undefined) for (const [name, value] of own) labels.set(name, value);
    const entry: Entry = {
      line,
      timeNs,
      labels,
      extracted: new Map<string, unknown>(labels),
      metadata: new Map(metadata),
      from: i,
      to: i,
    };
    run.push(entry, emit);
    if (i % STEP_LINES === STEP_LINES - 1) yield;
  }
  run.end(emit, options.flush);
  const consumed = boundary(entries, Math.min(run.held, lines.count));
  const kept = entries.filter(({ from }) => from < consumed);
  // Blocks end later than they begin: who reads wants them in the order of their first lines.
  kept.sort((a, b) => a.from - b.from);
  return {
    entries: kept,
    consumed,
    done() {
      for (const { at, run: effect } of effects) if (at < consumed) effect();
    },
  };
}

/** No block may lie on both sides of where the next run begins. */
function boundary(entries: readonly Entry[], held: number): number {
  let at = held;
  for (let moved = true; moved; ) {
    moved = false;
    for (const { from, to } of entries)
      if (from < at && to >= at) {
        at = from;
        moved = true;
      }
  }
  return at;
}
