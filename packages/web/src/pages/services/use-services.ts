/** The services of the range with what was usual before it. */
import type { RedAnswer, RedSeries, ServicesAnswer } from "@triptych/contract";
import { useMemo } from "react";
import { type Answer, useAnswer } from "../../api/answer.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { healthOf, type Judged, worstFirst } from "./service-health.ts";

/** A usual of a few minutes would take one slow request for usual. */
const usualMinMs = 3_600_000;
const seriesMax = 200;
/** The time before the range in so many steps: those without requests are time in which nothing was sent yet. */
const usualSteps = 12;

export interface ServiceRow extends Judged {
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** Absent for services beyond the busiest. */
  readonly red: RedSeries | undefined;
}

export interface Services {
  readonly answer: Answer<ServicesAnswer>;
  /** Worst first; undefined until there is an answer. */
  readonly rows: readonly ServiceRow[] | undefined;
  /** How long before the range counts as usual. */
  readonly usualMs: number;
  readonly hasUsual: boolean;
  readonly seconds: number;
  readonly red: RedAnswer | undefined;
}

export function useServices(options: { readonly everyMs?: number } = {}): Services {
  const { range } = useRange();
  const span = range.to - range.from;
  const usualMs = Math.max(usualMinMs, span);
  const answer = useAnswer<ServicesAnswer>("/services", rangeParams(range), options);
  const before = rangeParams({ from: range.from - usualMs, to: range.from });
  const usual = useAnswer<ServicesAnswer>("/services", before);
  const usualRed = useAnswer<RedAnswer>("/red", {
    ...before,
    limit: String(seriesMax),
    stepMs: String(Math.ceil(usualMs / usualSteps)),
  });
  const red = useAnswer<RedAnswer>("/red", { ...rangeParams(range), limit: String(seriesMax) });
  const rows = useMemo(() => {
    if (answer.data === undefined) return undefined;
    const before = new Map(usual.data?.services.map((one) => [one.name, one]));
    const steps = new Map(
      usualRed.data?.series.map((one) => [one.service, one.rate.filter((rate) => rate > 0).length]),
    );
    const timesLonger = (name: string): number =>
      ((steps.get(name) ?? usualSteps) / usualSteps) * (usualMs / span);
    const series = new Map(red.data?.series.map((one) => [one.service, one]));
    const now = new Map(answer.data.services.map((one) => [one.name, one]));
    const silent = [...before.values()].filter((one) => !now.has(one.name));
    const none = { requests: 0, errors: 0, p50Ns: 0, p95Ns: 0, p99Ns: 0 };
    const all = [...now.values(), ...silent.map((one) => ({ ...one, ...none }))];
    return all
      .filter((one) => one.requests > 0 || (before.get(one.name)?.requests ?? 0) > 0)
      .map(
        (one): ServiceRow => ({
          name: one.name,
          now: one,
          p50Ns: one.p50Ns,
          p99Ns: one.p99Ns,
          red: series.get(one.name),
          health: healthOf(one, before.get(one.name), timesLonger(one.name)),
        }),
      )
      .sort(worstFirst);
  }, [answer.data, usual.data, usualRed.data, red.data, usualMs, span]);
  return {
    answer,
    rows,
    usualMs,
    hasUsual: (usual.data?.services.length ?? 0) > 0,
    seconds: span / 1000,
    red: red.data,
  };
}
