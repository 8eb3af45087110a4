import { expect, test } from "vitest";
import { externalUrl } from "./external-url.ts";

const check = (listen: string, want: string, hostname = "vm") =>
  test(`${listen} ${hostname}`, () =>
    expect(externalUrl({ listen, port: 4320, hostname })).toBe(want));
check("0.0.0.0", "http://vm:4320");
check("::", "http://vm:4320");
check("0.0.0.0", "http://127.0.0.1:4320", "");
check("127.0.0.1", "http://127.0.0.1:4320");
check("::1", "http://127.0.0.1:4320");
check("10.0.0.7", "http://10.0.0.7:4320");
check("fd00::1", "http://[fd00::1]:4320");
test("what is configured wins", () =>
  expect(
    externalUrl({ given: "https://a.example/b", listen: "0.0.0.0", port: 1, hostname: "vm" }),
  ).toBe("https://a.example/b"));
