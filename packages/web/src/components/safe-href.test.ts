import { describe, expect, test } from "vitest";
import { safeHref } from "./safe-href.ts";

describe("only some values are links", () => {
  const check = (value: string, want: string | undefined) =>
    test(value, () => expect(safeHref(value)).toBe(want));
  check("https://shop.example/a?b=c", "https://shop.example/a?b=c");
  check("mailto:a@shop.example", "mailto:a@shop.example");
  check("javascript:alert(1)", undefined);
  check("JaVaScRiPt:alert(1)", undefined);
  check("data:text/html,<script>", undefined);
  check("https://shop.example and more", undefined);
  check("//shop.example", undefined);
  check("http://", undefined);
});
