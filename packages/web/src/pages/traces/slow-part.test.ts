import { expect, test } from "vitest";
import { summarise } from "../../charts/heat-scale.ts";
import { parseBox, printBox, slowPart } from "./slow-part.ts";

const info = { tookMs: 1, rowsRead: 1, bytesRead: 1, marks: [] };
const heat = (cells: [number, number, number][][]) => ({
  ...info,
  from: 1000,
  stepMs: 10,
  boundsNs: [1e6, 1e7, 1e8, 1e9, 1e10],
  cells,
});
const found = (cells: [number, number, number][][]) => {
  const answer = heat(cells);
  return slowPart(answer, summarise(answer.boundsNs, answer.cells));
};

test("a slow part that began later", () => {
  expect(
    found([
      [[1, 90, 0]],
      [
        [1, 80, 0],
        [3, 40, 3],
      ],
    ]),
  ).toMatchObject({ count: 40, since: 1010, boundNs: 1e9 });
});
test("nothing slow", () => expect(found([[[1, 90, 0]]])).toBeUndefined());
test("a slow part near the rest, but apart from it", () => {
  const answer = {
    ...heat([
      [
        [0, 50, 0],
        [1, 60, 0],
        [2, 5, 0],
        [3, 80, 9],
      ],
    ]),
    boundsNs: [1e8, 2.2e8, 1e9, 2.2e9, 4.6e9],
  };
  expect(slowPart(answer, summarise(answer.boundsNs, answer.cells))).toMatchObject({
    count: 80,
    boundNs: 2.2e9,
  });
});
test("a long tail is not another population", () => {
  const answer = {
    ...heat([
      [
        [0, 90, 0],
        [1, 70, 0],
        [2, 40, 0],
        [3, 20, 0],
      ],
    ]),
    boundsNs: [1e8, 2e8, 4e8, 8e8, 16e8],
  };
  expect(slowPart(answer, summarise(answer.boundsNs, answer.cells))?.boundNs ?? 0).not.toBe(4e8);
});
test("one slow trace of every day does not move the onset", () =>
  expect(
    found([
      [
        [1, 90, 0],
        [3, 1, 0],
      ],
      [[1, 50, 0]],
      [
        [1, 30, 0],
        [3, 40, 0],
      ],
    ]),
  ).toMatchObject({ count: 40, since: 1020 }));
test("slow all along has no onset", () =>
  expect(
    found([
      [
        [1, 90, 0],
        [3, 20, 0],
      ],
      [
        [1, 50, 0],
        [3, 20, 0],
      ],
    ]),
  ).toMatchObject({ count: 40, since: undefined }));
test("two slow ones are chance", () =>
  expect(
    found([
      [
        [1, 90, 0],
        [3, 2, 0],
      ],
    ]),
  ).toBeUndefined());
test("no traces", () => expect(found([[], []])).toBeUndefined());
test("a box survives the URL", () => {
  const box = { from: 1773325385000, to: 1773325386000, minMs: 0.25, maxMs: 6500.5 };
  expect(parseBox(printBox(box))).toEqual(box);
});
test("rubbish is no box", () => expect(parseBox("a,b,c,d")).toBeUndefined());
