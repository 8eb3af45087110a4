import { expect, test } from "vitest";
import { createSharedQueries } from "./shared-queries.ts";

function setup() {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} };
  const queries = createSharedQueries<string>(clock);
  const runs: { signal: AbortSignal; end: (text: string) => void }[] = [];
  const work = (signal: AbortSignal): Promise<string> =>
    new Promise((end) => runs.push({ signal, end }));
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { queries, runs, work, pass };
}
const forever = new AbortController().signal;

test("one work for all who ask at the same time", async () => {
  const { queries, runs, work } = setup();
  const answers = ["q", "q", "other"].map((key) => queries.ask(key, forever, work));
  expect(runs).toHaveLength(2);
  for (const { end } of runs) end("answer");
  const [first, second] = await Promise.all(answers);
  expect([first?.value, second?.value, queries.shared]).toEqual(["answer", "answer", 1]);
  first?.leave();
  first?.leave();
  expect(runs[0]?.signal.aborted, "another still uses the answer").toBe(false);
  second?.leave();
  expect(runs[0]?.signal.aborted).toBe(true);
});

test("who comes later asks anew, so that he sees newer data", () => {
  const { queries, runs, work, pass } = setup();
  void queries.ask("q", forever, work);
  pass(501);
  void queries.ask("q", forever, work);
  expect(runs).toHaveLength(2);
});

test("the work ends when the last one leaves, and who comes then begins it again", async () => {
  const { queries, runs, work } = setup();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = queries.ask("q", one.signal, work);
  const second = queries.ask("q", two.signal, work);
  one.abort();
  await expect(first).rejects.toMatchObject({ code: "query_cancelled" });
  expect(runs[0]?.signal.aborted).toBe(false);
  two.abort();
  await expect(second).rejects.toMatchObject({ code: "query_cancelled" });
  expect(runs[0]?.signal.aborted).toBe(true);
  void queries.ask("q", forever, work);
  expect(runs).toHaveLength(2);
});
