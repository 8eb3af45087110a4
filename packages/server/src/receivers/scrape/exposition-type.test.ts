/** Content types as Go's `mime` reads them: what it calls malformed takes the fallback, or fails the scrape. */
import { expect, test } from "vitest";
import { contentTypeOf } from "./exposition-type.ts";

const known = (header: string, want: string) =>
  test(header, () => expect(contentTypeOf(header, "")).toBe(want));
const wrong = (header: string, want: RegExp) =>
  test(`refused: ${header}`, () => {
    expect(() => contentTypeOf(header, "")).toThrow(want);
    expect(contentTypeOf(header, "OpenMetricsText1.0.0")).toMatch(/^application\/openmetrics-text/);
  });

known("text/plain", "text/plain");
known("Text/Plain; charset=latin1", "text/plain");
known("text/plain; version=0.0.4 ;charset=utf-8;", "text/plain");
known('application/openmetrics-text; version="1.0.0"; a="b;c"', "application/openmetrics-text");
wrong("text/plain; a=b; a=c", /cannot parse Content-Type/);
wrong("text/plain;version", /cannot parse Content-Type/);
wrong('text/plain; charset="x', /cannot parse Content-Type/);
wrong("text plain", /cannot parse Content-Type/);
wrong("garbage;;;", /cannot parse Content-Type/);
wrong("text/html", /received unsupported Content-Type/);
wrong("", /blank Content-Type/);
