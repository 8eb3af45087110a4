/** Replies of RESP2: whole, in pieces, and hostile. */
import { describe, expect, test } from "vitest";
import { parseUrl } from "./redis.ts";
import { readReply, RedisError } from "./resp.ts";

const read = (text: string) => readReply(Buffer.from(text), 0, 0);

describe("replies", () => {
  const check = (text: string, want: unknown) =>
    test(JSON.stringify(text), () => {
      expect(read(text)).toEqual({ reply: want, end: Buffer.byteLength(text) });
      // In every piece it is not there yet.
      for (let end = 1; end < text.length; end++) expect(read(text.slice(0, end))).toBeUndefined();
    });
  check("+OK\r\n", "OK");
  check(":42\r\n", 42);
  check("$5\r\na\r\nbc\r\n", "a\r\nbc");
  check("$-1\r\n", null);
  check("*-1\r\n", null);
  check("*2\r\n$1\r\na\r\n*1\r\n:1\r\n", ["a", [1]]);
  test("an error", () => expect(read("-ERR no\r\n")?.reply).toEqual(new RedisError("ERR no")));
});

describe("hostile replies", () => {
  const check = (text: string, want: string) =>
    test(JSON.stringify(text.slice(0, 30)), () => expect(() => read(text)).toThrow(want));
  check("HTTP/1.1 400\r\n", "no Redis server");
  check("$999999999999\r\n", "declares a size");
  check("*1000000000\r\n", "declares a size");
  check("$-7\r\n", "declares a size");
  check("*1\r\n".repeat(100), "nested too deeply");
});

describe("addresses", () => {
  const check = (text: string, want: object) =>
    test(text, () => expect(parseUrl(text)).toMatchObject(want));
  check("cache:7000", { host: "cache", port: 7000, isTls: false, shown: "cache:7000" });
  check("redis://u:p%40ss@h", {
    host: "h",
    port: 6379,
    user: "u",
    password: "p@ss",
    shown: "h:6379",
  });
  check("rediss://:100%@[::1]:1", { host: "::1", isTls: true, password: "100%", shown: "[::1]:1" });
  check("unix://u:p@/run/r.sock", { socketPath: "/run/r.sock", user: "u", shown: "/run/r.sock" });
});
