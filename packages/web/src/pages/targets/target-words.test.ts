import { describe, expect, test } from "vitest";
import { findingOf, troubleOf } from "./target-words.ts";

const url = "http://node:9100/metrics";
describe("what an error means", () => {
  const check = (error: string, want: string | undefined) =>
    test(error, () => expect(troubleOf(error, url)?.what).toBe(want));
  check("", undefined);
  check(
    `Get "${url}": dial tcp 10.0.0.1:9100: connect: connection refused`,
    "Nothing listens at node:9100",
  );
  check("dial tcp: lookup node: no such host", "The name node:9100 is not known");
  check("context deadline exceeded", "It did not answer in time");
  check("server returned HTTP status 403 Forbidden", "It wants other credentials (403)");
  check("server returned HTTP status 404 Not Found", "There is nothing at /metrics");
  check("server returned HTTP status 502 Bad Gateway", "It failed itself (502)");
  check("server returned HTTP status 302 Found", "It answered 302");
  check("tls: failed to verify certificate: x509: …", "Its certificate or its TLS is not accepted");
  check("sample limit exceeded", "It exposes more than the job's limits allow");
  check("body size limit exceeded", "Its answer is larger than allowed");
  check(
    'received unsupported Content-Type "text/html"',
    "What it sends does not say that it is metrics",
  );
  check("unexpected EOF", "It closed the connection before the answer was whole");
  check('expected value after metric, got "<"', "What it sends is no metrics format");
  check("the moon is wrong", "The scrape failed");
});
test("an address that is none stays a text", () =>
  expect(troubleOf("connection refused", "::")?.what).toBe("Nothing listens at ::"));

describe("all of them", () => {
  const pool = (name: string, up: number, down: number, unknown = 0) => ({
    name,
    up,
    down,
    unknown,
  });
  test("none", () => expect(findingOf([pool("a", 0, 0)])).toEqual({ kind: "none" }));
  test("up", () => expect(findingOf([pool("a", 2, 0)])).toEqual({ kind: "up", all: 2 }));
  test("waiting", () =>
    expect(findingOf([pool("a", 2, 0, 1)])).toEqual({ kind: "waiting", waiting: 1, all: 3 }));
  test("down, the worst job first", () =>
    expect(findingOf([pool("a", 2, 1), pool("b", 0, 3), pool("c", 1, 0)])).toEqual({
      ...{ kind: "down", down: 4, all: 7 },
      jobs: ["b", "a"],
    }));
});
