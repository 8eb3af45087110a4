import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import { createQueryMemoryBudget } from "./query-memory.ts";

function setup() {
  const clock = createSimClock();
  const metrics = createMetrics();
  const budget = createQueryMemoryBudget({ bytesMax: 1_000, clock, metrics });
  const held = (): number =>
    Number(/^triptych_query_memory_bytes (\d+)$/m.exec(metrics.render())?.[1]);
  return { clock, budget, held, metrics };
}
const who = { timeoutMs: 1_000 };

test("what queries take is counted, and all of it is given back", () => {
  const { budget, held } = setup();
  const one = budget.open();
  const two = budget.open();
  one.take(100);
  two.take(300);
  two.give(50);
  expect([one.bytes, two.bytes, held()]).toEqual([100, 250, 350]);
  one.release();
  one.release();
  two.release();
  two.take(10);
  expect(held(), "a query that has ended holds nothing").toBe(0);
});

test("a query that is too large alone is refused for good, one that comes at a bad time for now", () => {
  const { budget, metrics } = setup();
  const large = budget.open();
  expect(() => large.take(751)).toThrow(
    expect.objectContaining({ code: "query_limit", message: expect.stringContaining("--memory") }),
  );
  large.take(700);
  const second = budget.open();
  expect(() => second.take(200)).toThrow(
    expect.objectContaining({ code: "memory_pressure", retryAfterSeconds: 2 }),
  );
  budget.open("rules").take(200);
  expect(metrics.render()).toContain(
    'triptych_query_memory_refused_total{reason="budget_used_up"} 1',
  );
});

test("a query waits while the others hold half, and begins when they gave it back", async () => {
  const { budget } = setup();
  const first = budget.open();
  await first.admit(who);
  first.take(500);
  const order: string[] = [];
  const later = budget.open();
  const rule = budget.open("rules");
  const waiting = [
    later.admit(who).then(() => order.push("query")),
    rule.admit(who).then(() => order.push("rule")),
  ];
  await Promise.resolve();
  expect(order).toEqual([]);
  first.release();
  await Promise.all(waiting);
  expect(order).toEqual(["rule", "query"]);
});

test("waiting ends with the query's time, and when nobody waits for it", async () => {
  const { budget, clock } = setup();
  const first = budget.open();
  await first.admit(who);
  first.take(600);
  const tooLate = expect(budget.open().admit(who)).rejects.toMatchObject({ code: "query_timeout" });
  const gone = new AbortController();
  const left = budget.open().admit({ ...who, signal: gone.signal });
  gone.abort();
  await expect(left).rejects.toMatchObject({ code: "query_cancelled" });
  await clock.advance(1_001);
  await tooLate;
});

test("the only query begins however much rests of others", async () => {
  const { budget } = setup();
  budget.open().take(600);
  await budget.open().admit(who);
});
