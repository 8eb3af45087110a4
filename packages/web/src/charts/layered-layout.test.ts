import { describe, expect, test } from "vitest";
import { layeredLayout } from "./layered-layout.ts";

const graph = (text: string) => {
  const edges = text.split(" ").flatMap((pair) => {
    const [from = "", to] = pair.split(">");
    return to === undefined ? [] : [{ from, to }];
  });
  const names = [...new Set(text.split(/[ >]/).filter((name) => name !== ""))];
  return { names, edges, layout: layeredLayout(names, edges) };
};
const layersOf = (text: string) => {
  const { layout, names } = graph(text);
  return names.map((name) => `${name}${layout.places.get(name)?.layer}`).join(" ");
};

describe("each node stands right of those that lead to it", () => {
  const check = (text: string, want: string) => test(text, () => expect(layersOf(text)).toBe(want));
  check("a", "a0");
  check("a>b b>c", "a0 b1 c2");
  check("a>b a>c b>c", "a0 b1 c2");
  check("a>a a>b", "a0 b1");
  check("a>b b>c c>b", "a0 b1 c2");
  check("a>b b>a", "a0 b1");
  check("b>d a>b a>c c>d", "b1 d2 a0 c1");
});

test("nothing", () =>
  expect(layeredLayout([], [])).toEqual({ places: new Map(), routes: [], layers: 0, rows: 0 }));
test("an edge from a name that is no node has no route", () =>
  expect(layeredLayout(["a"], [{ from: "a", to: "x" }]).routes).toEqual([[]]));

test("an edge over a layer bends there, and one that goes back runs backwards", () => {
  const { layout } = graph("a>b b>c a>c c>a");
  expect(layout.routes.map((route) => route.map(({ layer }) => layer))).toEqual([
    [0, 1],
    [1, 2],
    [0, 1, 2],
    [2, 1, 0],
  ]);
});

test("edges that need not cross do not", () => {
  const { layout } = graph("a>x b>y c>z a>y");
  const row = (name: string) => layout.places.get(name)?.row ?? Number.NaN;
  expect(row("x") < row("y") && row("y") < row("z")).toBe(row("a") < row("b"));
});

test("nodes of a layer never overlap, in random graphs of many sizes", () => {
  let seed = 7;
  const random = (max: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % max;
  };
  for (const size of [2, 5, 20, 80, 300]) {
    const names = Array.from({ length: size }, (_, i) => `n${i}`);
    const name = () => names[random(size)] ?? "n0";
    const edges = Array.from({ length: size * 2 }, () => ({ from: name(), to: name() }));
    const { places, rows, layers } = layeredLayout(names, edges);
    const byLayer = new Map<number, number[]>();
    for (const { layer, row } of places.values())
      byLayer.set(layer, [...(byLayer.get(layer) ?? []), row]);
    for (const inLayer of byLayer.values()) {
      inLayer.sort((a, b) => a - b);
      inLayer.forEach((row, i) => {
        expect(row).toBeGreaterThanOrEqual(i === 0 ? 0 : (inLayer[i - 1] ?? 0) + 1 - 1e-9);
        expect(row + 1).toBeLessThanOrEqual(rows + 1e-9);
      });
    }
    expect(Math.max(...byLayer.keys())).toBeLessThan(layers);
    expect(layeredLayout(names, edges).places).toEqual(places);
  }
});
