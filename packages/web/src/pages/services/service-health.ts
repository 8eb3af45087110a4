/** How services do against what is usual for them: a state, a word, and why in a few words. */
import { formatDuration, formatShare, plural, threeDigits } from "../../charts/format.ts";
import type { State } from "../../components/icon.tsx";

export interface Figures {
  readonly requests: number;
  readonly errors: number;
  readonly p95Ns: number;
}

export interface Health {
  readonly state: State;
  readonly word: string;
  /** "" when there is nothing to say. */
  readonly why: string;
  /** For sorting: larger is worse. */
  readonly badness: number;
}

/** Fewer requests say nothing about a quantile, or about a share. */
const requestsMin = 20;
const errorsMin = 3;
const errorShareWarn = 0.01;
const errorShareCritical = 0.05;
const errorTimesMin = 2;
const slowTimesWarn = 2;
const slowTimesCritical = 5;
const rateTimesMin = 3;

/** `timesLonger`: how many times longer than now's the range was that `usual` was counted in. */
export function healthOf(now: Figures, usual: Figures | undefined, timesLonger: number): Health {
  if (now.requests === 0)
    return usual === undefined || usual.requests === 0
      ? { state: "none", word: "No requests", why: "no requests", badness: -1 }
      : { state: "none", word: "Silent", why: "no requests any more", badness: 40 };
  const findings = [errorsOf(now, usual), slownessOf(now, usual)].filter(
    (found) => found !== undefined,
  );
  const [worst] = findings.sort((a, b) => b.badness - a.badness);
  if (worst !== undefined)
    return {
      ...worst,
      word: worst.state === "critical" ? "Critical" : "Degraded",
      why: findings.map(({ why }) => why).join("; "),
    };
  const rate = rateOf(now, usual, timesLonger);
  if (rate !== "") return { state: "info", word: "Changed", why: rate, badness: 10 };
  return { state: "ok", word: usual === undefined ? "Fine" : "Usual", why: "", badness: 0 };
}

type Found = Omit<Health, "word">;

function errorsOf(now: Figures, usual: Figures | undefined): Found | undefined {
  const share = now.errors / now.requests;
  if (now.errors < errorsMin || share < errorShareWarn) return undefined;
  const known = usual !== undefined && usual.requests >= requestsMin;
  const before = known ? usual.errors / usual.requests : 0;
  const isMore = share >= before * errorTimesMin;
  const state = share >= errorShareCritical && isMore ? "critical" : "warn";
  // What always fails a little is not news.
  if (!isMore && share < errorShareCritical) return undefined;
  const compared = !known
    ? ""
    : usual.errors === 0
      ? ", usually none"
      : isMore
        ? `, usually ${formatShare(before)}`
        : ", as before";
  return {
    state,
    why: `${formatShare(share)} fail${compared}`,
    badness: (state === "critical" ? 200 : 100) + share * 100,
  };
}

function slownessOf(now: Figures, usual: Figures | undefined): Found | undefined {
  if (usual === undefined || usual.requests < requestsMin || now.requests < requestsMin)
    return undefined;
  const times = now.p95Ns / usual.p95Ns;
  if (!(times >= slowTimesWarn)) return undefined;
  const state = times >= slowTimesCritical ? "critical" : "warn";
  return {
    state,
    why: `p95 ${timesText(times)}\u00d7 its usual ${formatDuration(usual.p95Ns)}`,
    badness: (state === "critical" ? 200 : 100) + Math.min(99, times),
  };
}

function rateOf(now: Figures, usual: Figures | undefined, timesLonger: number): string {
  if (usual === undefined || usual.requests < requestsMin) return "";
  const before = usual.requests / timesLonger;
  if (now.requests >= before * rateTimesMin && now.requests >= requestsMin)
    return `${timesText(now.requests / before)}\u00d7 the usual requests`;
  return now.requests * rateTimesMin <= before && before >= requestsMin
    ? `${formatShare(now.requests / before)} of the usual requests`
    : "";
}

export function timesText(times: number): string {
  return times >= 10 ? String(Math.round(times)) : threeDigits(Math.round(times * 10) / 10);
}

export interface Judged {
  readonly name: string;
  readonly now: Figures;
  readonly health: Health;
}

/** Worst first; among equals the busiest, then by name. */
export function worstFirst(a: Judged, b: Judged): number {
  return (
    b.health.badness - a.health.badness ||
    b.now.requests - a.now.requests ||
    (a.name < b.name ? -1 : 1)
  );
}

/** The counts under the sentence: "1 critical", "2 degraded", "5 as usual". */
export function countsOf(services: readonly Judged[]): string[] {
  const count = (...words: readonly string[]): number =>
    services.filter(({ health }) => words.includes(health.word)).length;
  return (
    [
      [count("Critical"), "critical"],
      [count("Degraded"), "degraded"],
      [count("Silent"), "silent"],
      [count("Changed"), "with other traffic"],
      [count("Usual"), "as usual"],
      [count("Fine"), "without trouble"],
    ] as const
  ).flatMap(([found, words]) => (found === 0 ? [] : [`${found} ${words}`]));
}

/** The whole of it where nothing stands out. */
export function calmWords(services: readonly Judged[], seconds: number): string {
  const requests = services.reduce((sum, { now }) => sum + now.requests, 0);
  const errors = services.reduce((sum, { now }) => sum + now.errors, 0);
  const rate = `${threeDigits(requests / seconds)} requests a second`;
  const failing = errors === 0 ? "none fails" : `${formatShare(errors / requests)} fail`;
  const known = services.some(({ health }) => health.word === "Usual");
  const how = known ? "do as usual" : "answer";
  return services.length === 1
    ? `${services[0]?.name ?? ""} ${known ? "does as usual" : "answers"}: ${rate}, ${failing}`
    : `All ${plural(services.length, "service")} ${how}: ${rate}, ${failing}`;
}
