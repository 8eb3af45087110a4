/** Aggregated leaves of queries that the head answers alone, computed by its readers beside the event loop. */
import type { FoldAnswer, FoldQuestion, LeafQuestion, Matcher } from "@triptych/lang";
import { createPacing, inSteps, type Pacing } from "../../pacing.ts";
import { indexMatcher } from "../matchers.ts";
import type { Ask } from "../source.ts";
import type { Head } from "./head.ts";
import type { HeadReaders } from "./head-readers.ts";
import type { SeriesSet } from "./series-sets.ts";
import type { LeafGroups } from "./leaf-job.ts";

/** Fewer series are computed as fast where the query is. */
const SERIES_MIN = 200;
const SERIES_PER_GROUP_MIN = 2;

export interface HeadLeaves {
  /** `undefined` when the head or its readers cannot. */
  fold(question: FoldQuestion, ask: Ask): Promise<FoldAnswer | undefined>;
}

interface Parts {
  readonly head: Head;
  readonly readers: Pick<HeadReaders, "run">;
}

export function createHeadLeaves(parts: Parts): HeadLeaves {
  return {
    async fold(question, ask) {
      const pacing = createPacing(ask.signal, ask.priority);
      const series = await seriesFor(parts, question, pacing);
      if (series === undefined) return undefined;
      const { refs } = series;
      const { leaf, rangeMs, endMs, stepMs, steps, op, samplesMax } = question;
      const { groupOf, labels } = await inSteps(series.groups(question.groups), pacing);
      // Where nearly every series is a group of its own there is little to add up.
      if (labels.length * SERIES_PER_GROUP_MIN > refs.length) return undefined;
      ask.memory?.take(refs.length * 12 + labels.length * (BYTES_PER_ROW + steps * BYTES_PER_SUM));
      const result = await parts.readers.run(
        {
          leaf,
          steps: { rangeMs, endMs, stepMs, steps },
          refs,
          op,
          groupOf,
          groups: labels.length,
          samplesMax,
        },
        ask,
      );
      if (result?.kind === "too_many") return { groups: [], samples: result.samples };
      if (result?.kind !== "groups") return undefined;
      const { firsts, samples } = result;
      const groups = labels
        .map((one, group) => ({
          first: firsts[group] as number,
          labels: one,
          ...valuesAt(result, group, steps),
        }))
        .filter(({ first, has }) => first > 0 && has.includes(1))
        .sort((a, b) => a.first - b.first);
      return { groups, samples };
    },
  };
}

/** Labels, and objects for a row's parts. */
const BYTES_PER_ROW = 300;
/** What is added up for a step of a group, in parts and together. */
const BYTES_PER_SUM = 48;

const valuesAt = ({ has, value }: LeafGroups, row: number, steps: number) => ({
  has: has.subarray(row * steps, (row + 1) * steps),
  value: value.subarray(row * steps, (row + 1) * steps),
});

/** The series that match, when the head has all their samples and they are worth a question to a reader. */
async function seriesFor(
  { head }: Parts,
  { matchers, rangeMs, endMs, stepMs }: LeafQuestion,
  pacing: Pacing,
): Promise<SeriesSet | undefined> {
  const afterMs = endMs - rangeMs;
  const isWhole = [endMs, rangeMs, stepMs].every(Number.isInteger);
  if (!isWhole || afterMs < head.completeAfterMs || isMarked(matchers)) return undefined;
  const found = await inSteps(head.bulk.series(matchers.map(indexMatcher)), pacing);
  if (found.refs.length < SERIES_MIN || head.bulk.isLate(found.refs, afterMs)) return undefined;
  return found;
}

/** Whether more is asked of the store than samples: see `coarse.ts`. */
const isMarked = (matchers: readonly Matcher[]): boolean =>
  matchers.some(({ name }) => name === "");
