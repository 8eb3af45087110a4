import { expect, test } from "vitest";
import { createTestClock } from "../../store/store-for-tests.ts";
import { createGate } from "./gate.ts";

const clock = createTestClock(0);
const who = (timeoutMs = 1000) => ({ signal: new AbortController().signal, timeoutMs });

test("so many are inside, others wait in order", async () => {
  const gate = createGate({ clock, roomFor: 1, waitingMax: 2 });
  const leave = await gate.enter(who());
  const came: string[] = [];
  const second = gate.enter(who()).then((out) => {
    came.push("second");
    return out;
  });
  const third = gate.enter(who()).then((out) => {
    came.push("third");
    return out;
  });
  await expect(gate.enter(who())).rejects.toMatchObject({ code: "query_queue_full" });
  leave();
  leave();
  (await second)();
  (await third)();
  expect([came, gate.inside, gate.waiting]).toEqual([["second", "third"], 0, 0]);
});

test("who waits too long or leaves is out of the line", async () => {
  const gate = createGate({ clock, roomFor: 1, waitingMax: 10 });
  const leave = await gate.enter(who());
  const late = gate.enter(who(50));
  const gone = new AbortController();
  const left = gate.enter({ signal: gone.signal, timeoutMs: 1000 });
  clock.step(50);
  await expect(late).rejects.toMatchObject({
    code: "query_timeout",
    message: "query timed out in query queue",
  });
  gone.abort();
  await expect(left).rejects.toMatchObject({ code: "query_cancelled" });
  leave();
  expect([gate.inside, gate.waiting]).toEqual([0, 0]);
});
