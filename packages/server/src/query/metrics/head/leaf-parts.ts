/** One leaf for several threads, by steps: each group is added up in its order, whoever does it. */
import type { LeafJob, LeafResult } from "./leaf-job.ts";

export interface LeafPart {
  readonly job: LeafJob;
  /** Its first step. */
  readonly from: number;
}

/** Less than this is not worth a second message. */
const VALUES_MIN = 40_000;
const STEPS_MIN = 16;

/** At most `threads` parts of about the same work. */
export function partsOf(job: LeafJob, threads: number): readonly LeafPart[] {
  const { refs, steps } = job;
  const isSmall = refs.length * steps.steps < VALUES_MIN || steps.steps < STEPS_MIN;
  if (threads < 2 || isSmall) return [{ job, from: 0 }];
  const each = Math.ceil(steps.steps / threads);
  const parts: LeafPart[] = [];
  for (let from = 0; from < steps.steps; from += each) {
    const count = Math.min(each, steps.steps - from);
    const some = { ...steps, endMs: steps.endMs + from * steps.stepMs, steps: count };
    parts.push({ job: { ...job, steps: some }, from });
  }
  return parts;
}

/** `undefined` when one has no result. Samples that two parts read count twice: a few of many. */
export function joinParts(
  parts: readonly LeafPart[],
  results: readonly (LeafResult | undefined)[],
): LeafResult | undefined {
  const [first] = results;
  if (results.length === 1 || first === undefined) return first;
  const tooMany = results.find((one) => one?.kind === "too_many");
  if (tooMany !== undefined) return tooMany;
  const folded = results.flatMap((one) => (one?.kind === "groups" ? [one] : []));
  if (folded.length < results.length) return undefined;
  const groups = folded[0]?.firsts.length ?? 0;
  const steps = parts.reduce((sum, { job }) => sum + job.steps.steps, 0);
  const has = new Uint8Array(groups * steps);
  const value = new Float64Array(groups * steps);
  const firsts = new Uint32Array(groups);
  const samples = folded.reduce((sum, one) => sum + one.samples, 0);
  for (const [i, part] of parts.entries()) {
    const some = folded[i] as (typeof folded)[number];
    const count = part.job.steps.steps;
    for (let group = 0; group < groups; group++) {
      const to = group * steps + part.from;
      has.set(some.has.subarray(group * count, (group + 1) * count), to);
      value.set(some.value.subarray(group * count, (group + 1) * count), to);
      const first = some.firsts[group] as number;
      if (first === 0) continue;
      const known = firsts[group] as number;
      firsts[group] = known === 0 ? first : Math.min(known, first);
    }
  }
  return { kind: "groups", has, value, firsts, samples };
}
