import { expect, test } from "vitest";
import { createReaderPool } from "./reader-pool.ts";

test("a reader is kept for rules, and who waits is served by class", async () => {
  const pool = createReaderPool(["a", "b"], 10);
  const query = await pool.take();
  const seen: string[] = [];
  const second = pool.take().then((reader) => {
    seen.push("query");
    return reader;
  });
  const rule = await pool.take({ priority: "rules" });
  const nextRule = pool.take({ priority: "rules" }).then((reader) => {
    seen.push("rule");
    return reader;
  });
  expect(seen).toEqual([]);
  pool.give(query);
  await nextRule;
  expect(seen).toEqual(["rule"]);
  pool.give(rule);
  pool.give(await nextRule);
  await second;
  expect(seen).toEqual(["rule", "query"]);
});

test("the line is bounded, and who leaves it makes room", async () => {
  const pool = createReaderPool(["a"], 1);
  await pool.take();
  const abort = new AbortController();
  const waits = pool.take({ signal: abort.signal });
  await expect(pool.take()).rejects.toMatchObject({ code: "query_queue_full" });
  abort.abort();
  await expect(waits).rejects.toMatchObject({ code: "query_cancelled" });
  const next = pool.take();
  pool.give("a");
  expect(await next).toBe("a");
});

test("a request's next query goes before those of requests that came later", async () => {
  const pool = createReaderPool(["a"], 10);
  const early = new AbortController().signal;
  const late = new AbortController().signal;
  const seen: string[] = [];
  const ask = (signal: AbortSignal | undefined, name: string) =>
    pool.take({ signal }).then((reader) => {
      seen.push(name);
      pool.give(reader);
    });
  const first = await pool.take({ signal: early });
  const waiting = [ask(late, "late"), ask(undefined, "nobody's"), ask(early, "early, again")];
  pool.give(first);
  await Promise.all(waiting);
  expect(seen).toEqual(["early, again", "late", "nobody's"]);
});
