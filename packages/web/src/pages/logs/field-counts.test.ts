import type { LogLine } from "@triptych/contract";
import { expect, test } from "vitest";
import { countFields } from "./field-counts.ts";

const line = (issuer: string): LogLine => ({
  id: issuer,
  timeNs: "0",
  level: "info",
  severityText: "",
  service: "a",
  body: "",
  traceId: "",
  spanId: "",
  attributes: [["issuer", "string", issuer]],
  resource: [["host", "string", "n1"]],
  scope: "",
});
const counts = countFields([line("acme"), line("acme"), line("dunlin"), line("acme")]);

test("own fields first", () =>
  expect(counts.fields.map((field) => field.key)).toEqual(["issuer", "host"]));
test("most frequent first", () =>
  expect(counts.fields[0]?.top).toEqual([
    { value: "acme", lines: 3 },
    { value: "dunlin", lines: 1 },
  ]));
test("share of a value", () => expect(counts.share("issuer", "acme")).toBe(0.75));
test("share of what is not there", () => expect(counts.share("x", "y")).toBe(0));
