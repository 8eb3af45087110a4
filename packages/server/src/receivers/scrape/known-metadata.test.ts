import type { MetricMetadata } from "@triptych/model";
import { expect, test } from "vitest";
import { KnownMetadata } from "./known-metadata.ts";

const of = (family: string, help = ""): MetricMetadata => {
  return { family, type: "counter", help, unit: "" };
};
const names = (known: KnownMetadata) => known.list().map(({ family, help }) => family + help);

test("a family is remembered for ten scrapes after it was shown", () => {
  const known = new KnownMetadata();
  known.see([of("a"), of("b")]);
  known.end(true);
  for (let scrape = 0; scrape < 10; scrape++) {
    known.see([of("b", "!")]);
    known.end(true);
    expect(names(known)).toEqual(["a", "b!"]);
  }
  known.see([of("b")]);
  known.end(true);
  expect(names(known)).toEqual(["b"]);
});

test("scrapes that fail make nothing be forgotten, but are counted", () => {
  const known = new KnownMetadata();
  known.see([of("a")]);
  known.end(true);
  for (let scrape = 0; scrape < 30; scrape++) known.end(false);
  expect(names(known)).toEqual(["a"]);
  known.see([of("b")]);
  known.end(true);
  expect(names(known)).toEqual(["b"]);
});

test("a target that always fails cannot fill it", () => {
  const known = new KnownMetadata();
  for (let scrape = 0; scrape < 20; scrape++) {
    known.see(Array.from({ length: 300 }, (_, i) => of(`${scrape}_${i}`)));
    known.end(false);
    expect(known.list().length).toBeLessThanOrEqual(1300);
  }
});
