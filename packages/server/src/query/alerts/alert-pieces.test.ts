import { labelsFrom, type Row } from "@triptych/lang";
import { expect, test } from "vitest";
import { alertPieces } from "./alert-pieces.ts";

/** A state for each step: `.` none, anything else is a value. */
const row = (alertname: string, alertstate: string, steps: string): Row => ({
  labels: labelsFrom([
    ["__name__", "ALERTS"],
    ["alertname", alertname],
    ["alertstate", alertstate],
    ["service", "shop"],
  ]),
  dropName: false,
  kind: Uint8Array.from(steps, (step) => (step === "." ? 0 : 1)),
  value: new Float64Array(steps.length).fill(1),
  histograms: undefined,
});
const shown = (rows: readonly Row[]) =>
  alertPieces(rows, { from: 0, to: 80, stepMs: 10 }).map(({ name, pieces }) =>
    [name, ...pieces.map(({ state, from, to }) => `${state} ${from}-${to}`)].join(", "),
  );
const check = (what: string, rows: readonly Row[], ...want: readonly string[]) =>
  test(what, () => expect(shown(rows)).toEqual(want));

check("nothing", []);
check("one state", [row("A", "firing", "..xxx...")], "A, firing 20-50");
check(
  "pending becomes firing; a state that seems to linger ends where the next begins",
  [row("A", "firing", "....xx.."), row("A", "pending", ".xxxx...")],
  "A, pending 10-40, firing 40-60",
);
check("to the end of the range, not beyond", [row("A", "firing", "......xxx")], "A, firing 60-80");
check(
  "twice, and the one that fired longest first",
  [row("B", "firing", "x......."), row("A", "firing", "x...xx.."), row("C", "pending", "xxxxxxxx")],
  "A, firing 0-10, firing 40-60",
  "B, firing 0-10",
  "C, pending 0-80",
);
check("no such state", [row("A", "odd", "xxx")]);
test("labels are without what the row has already", () =>
  expect(alertPieces([row("A", "firing", "x")], { from: 0, to: 9, stepMs: 10 })[0]?.labels).toEqual(
    {
      service: "shop",
    },
  ));
