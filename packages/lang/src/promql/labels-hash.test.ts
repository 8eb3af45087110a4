import { expect, test } from "vitest";
import { xxh64 } from "./labels-hash.ts";

const check = (text: string, want: bigint) =>
  test(JSON.stringify(text), () => expect(xxh64(new TextEncoder().encode(text))).toBe(want));
check("", 0xef46db3751d8e999n);
check("a", 0xd24ec4f1a98c6e5bn);
check("abc", 0x44bc2cf5ad770999n);
check("Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1n);
