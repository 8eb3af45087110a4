/** Stages that set labels, metadata and the line from what was found: `labels`, `output`, `template`, `pack`, … */
import { decolorize } from "@triptych/lang";
import type { StageConfig } from "../../config/promtail/stages.ts";
import { type Entry, perEntry, type Stage, type StageDeps, textOf } from "./entry.ts";
import { compileStageTemplate } from "./template.ts";

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function checkNames(names: Iterable<string>): void {
  for (const name of names)
    if (!LABEL_NAME.test(name)) throw new Error(`invalid label name: ${name}`);
}

/** Sets those of `sources` that were found in `target`. */
function setFound(
  entry: Entry,
  sources: ReadonlyMap<string, string>,
  target: Map<string, string>,
): void {
  for (const [name, source] of sources) {
    const value = textOf(entry.extracted.get(source));
    if (value !== undefined && !/\p{Surrogate}/u.test(value)) target.set(name, value);
  }
}

export function labelsStage(config: StageConfig<"labels">): Stage {
  checkNames(config.keys());
  return perEntry((entry) => {
    setFound(entry, config, entry.labels);
    return true;
  });
}

export function metadataStage(config: StageConfig<"structured_metadata">): Stage {
  return perEntry((entry) => {
    setFound(entry, config, entry.metadata);
    return true;
  });
}

export function metadataDropStage(names: StageConfig<"structured_metadata_drop">): Stage {
  return perEntry((entry) => {
    for (const name of names) entry.metadata.delete(name);
    return true;
  });
}

export function labelallowStage(names: StageConfig<"labelallow">): Stage {
  if (names.length === 0) throw new Error("labelallow stage config cannot be empty");
  const allowed = new Set(names);
  return perEntry(({ labels }) => {
    for (const name of [...labels.keys()]) if (!allowed.has(name)) labels.delete(name);
    return true;
  });
}

export function labeldropStage(names: StageConfig<"labeldrop">): Stage {
  if (names.length === 0) throw new Error("labeldrop stage config cannot be empty");
  return perEntry(({ labels }) => {
    for (const name of names) labels.delete(name);
    return true;
  });
}

export function staticLabelsStage(config: StageConfig<"static_labels">): Stage {
  if (config.size === 0) throw new Error("static_labels stage config cannot be empty");
  checkNames(config.keys());
  return perEntry(({ labels }) => {
    for (const [name, value] of config) labels.set(name, value);
    return true;
  });
}

export function outputStage(config: StageConfig<"output">): Stage {
  return perEntry((entry) => {
    const value = textOf(entry.extracted.get(config.source));
    if (value !== undefined) entry.line = value;
    return true;
  });
}

export function templateStage(config: StageConfig<"template">): Stage {
  const run = compileStageTemplate(config.template, "pipeline_template");
  return perEntry((entry) => {
    const { extracted } = entry;
    const made = run(entry, { value: textOf(extracted.get(config.source)) });
    if (made === undefined) return true;
    if (made === "") extracted.delete(config.source);
    else extracted.set(config.source, made);
    return true;
  });
}

/** The line as one JSON object with the packed labels; LogQL's `unpack` undoes it. */
export function packStage(config: StageConfig<"pack">, { clock }: StageDeps): Stage {
  return perEntry((entry) => {
    const packed: { [name: string]: string } = Object.create(null);
    for (const name of config.labels) {
      const value = entry.labels.get(name) ?? textOf(entry.extracted.get(name));
      if (value === undefined) continue;
      packed[name] = value;
      entry.labels.delete(name);
    }
    packed["_entry"] = entry.line;
    entry.line = JSON.stringify(packed);
    if (config.ingest_timestamp) entry.timeNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    return true;
  });
}

export function decolorizeStage(): Stage {
  return perEntry((entry) => {
    entry.line = decolorize(entry.line);
    return true;
  });
}

/** There is one tenant here: the stage is read and does nothing. */
export function tenantStage(): Stage {
  return perEntry(() => true);
}
