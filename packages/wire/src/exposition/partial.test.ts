/** What is read before an error, for those who ask for it. */
import { defaultLimits as limits } from "@triptych/model";
import { expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { parseExposition } from "./parse.ts";

const check = (title: string, type: string, text: string, want: number) =>
  test(title, () => {
    const bytes = new TextEncoder().encode(text).map((byte) => (byte === 0x7f ? 0xff : byte));
    const options = { limits, nowMs: 1000, keepsPartial: true };
    const { batch, failure } = drain(parseExposition(bytes, type, options));
    expect(failure?.code).toBe("wire_malformed");
    expect(batch.samples.rows).toBe(want);
    expect(() => drain(parseExposition(bytes, type, { limits, nowMs: 1000 }))).toThrow();
  });

/** Becomes a byte that is never UTF-8. */
const BAD = "\u007f";
const OM = "application/openmetrics-text";
check("text: the lines before", "text/plain", "a 1\nb 2\nc{ 3\nd 4\n", 2);
check("text: not the line that goes on too long", "text/plain", "a 1\nb 2 3 4\n", 1);
check("text: help that is not UTF-8", "text/plain", `a 1\n# HELP b ${BAD}\nb 2\n`, 1);
check("OpenMetrics: help that is not UTF-8", OM, `a 1\n# HELP b ${BAD}\nb 2\n# EOF\n`, 1);
check("OpenMetrics: no end", OM, "a 1\nb 2\n", 2);
check("OpenMetrics: not the line with a bad exemplar", OM, 'a 1\nb_total 2 # {a="b"}\n# EOF\n', 1);
