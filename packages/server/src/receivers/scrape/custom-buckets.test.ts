/** Classic histograms of text that become ones with custom buckets, one scrape a line. */
import { defaultLimits as limits } from "@triptych/model";
import { drain, parseExposition } from "@triptych/wire";
import { expect, test } from "vitest";
import { toCustomBuckets } from "./custom-buckets.ts";
import { linesOf } from "./testing.ts";

const TYPE = "# TYPE h histogram\n";

const check = (
  title: string,
  text: string,
  want: readonly string[],
  more: { readonly isCut?: boolean; readonly hiddenLabels?: ReadonlyMap<string, string> } = {},
) =>
  test(title, () => {
    const bytes = new TextEncoder().encode(`${TYPE}${text}`);
    const { batch } = drain(parseExposition(bytes, "text/plain", { limits, nowMs: 1000 }));
    const positions = drain(
      toCustomBuckets(batch, {
        keepsClassic: false,
        isProtobuf: false,
        isOpenMetrics: false,
        isCut: more.isCut === true,
        hiddenLabels: more.hiddenLabels,
      }),
    );
    expect(linesOf(batch)).toEqual(want);
    expect(positions).toHaveLength(batch.histograms.rows);
  });

const whole = 'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 4\nh_count 4\nh_sum 2\n';
const made = "h histogram schema:-53 count:4 sum:2";
check("one", whole, [made]);
check("shown twice in a row", whole + whole, [made]);
check("buckets that fall", 'h_bucket{le="1"} 5\nh_bucket{le="+Inf"} 4\nh_count 4\n', []);
check(
  "a count that the buckets do not have",
  'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 4\nh_count 4.5\n',
  [],
);
check(
  "what stands between its series ends it",
  'h_bucket{le="+Inf"} 4\nx 1\nh_count 4\nh_sum 2\n',
  ["h histogram schema:-53 count:4 sum:0", made, "x 1"],
);
check(
  "the last one of an answer that is cut off",
  `${whole}h_bucket{a="b",le="+Inf"} 4\n`,
  [made],
  {
    isCut: true,
  },
);
check(
  "the target's labels that a label without a value hides elsewhere",
  'h_bucket{job="",le="+Inf"} 1\nh_sum{job=""} 2\n',
  ['h{job="j"} histogram schema:-53 count:1 sum:2'],
  { hiddenLabels: new Map([["job", "j"]]) },
);
