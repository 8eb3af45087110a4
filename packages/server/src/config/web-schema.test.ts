import { expect, test } from "vitest";
import { externalUrlSchema, pathPrefixOf, pathPrefixSchema } from "./web-schema.ts";

const check = (url: string, prefix: string | undefined, want: readonly [string, string]) =>
  test(`${url} ${prefix}`, () => {
    const externalUrl = externalUrlSchema.parse(url);
    expect([externalUrl, pathPrefixOf(pathPrefixSchema.parse(prefix), externalUrl)]).toEqual(want);
  });
check("", undefined, ["", ""]);
check("", "/a/b/", ["", "/a/b"]);
check("https://example.org/", undefined, ["https://example.org", ""]);
check("https://example.org/triptych/", undefined, ["https://example.org/triptych", "/triptych"]);
check("https://example.org/triptych", "/", ["https://example.org/triptych", ""]);
check("http://example.org:8080/a/b", "c", ["http://example.org:8080/a/b", "/c"]);

const refuses = (schema: typeof externalUrlSchema | typeof pathPrefixSchema, text: string) =>
  test(`refuses ${text}`, () => expect(schema.safeParse(text).success).toBe(false));
refuses(externalUrlSchema, "example.org");
refuses(externalUrlSchema, "ftp://example.org");
refuses(externalUrlSchema, "https://example.org/?a=b");
refuses(pathPrefixSchema, "/a//b");
refuses(pathPrefixSchema, "/a?b");
