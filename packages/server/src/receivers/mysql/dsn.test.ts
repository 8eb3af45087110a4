/** Addresses of MySQL servers, and values that are words. */
import { describe, expect, test } from "vitest";
import { parseDsn } from "./dsn.ts";
import { statusValue } from "./queries.ts";

describe("addresses", () => {
  const check = (text: string, want: object) =>
    test(text, () => expect(parseDsn(text)).toMatchObject(want));
  const local = { host: "127.0.0.1", port: 3306 };
  check("u:p@tcp(db:3307)/", {
    user: "u",
    password: "p",
    host: "db",
    port: 3307,
    shown: "db:3307",
  });
  check("u:p@ss:w/o@tcp(db)/shop", { user: "u", password: "p@ss:w/o", host: "db", port: 3306 });
  check("u@unix(/run/m.sock)/", { user: "u", password: "", socketPath: "/run/m.sock" });
  check("u:p@(db:1)/", { host: "db", port: 1 });
  check("u:p@/", { user: "u", ...local });
  check("u:p@tcp([::1]:3306)/", { host: "::1", shown: "[::1]:3306" });
  check("mysql://u:p%2F@db/x", { user: "u", password: "p/", host: "db", port: 3306 });
});

describe("refused, without a word of the password", () => {
  const check = (text: string) =>
    test(text, () => {
      expect(() => parseDsn(text)).toThrow("collect.mysql");
      expect(() => parseDsn(text)).not.toThrow("secret");
    });
  check("u:secret@file(x)/");
  check("u:secret@tcp(a:b:c)/");
  check("mysql://u:secret@:x/");
});

describe("values", () => {
  const check = (text: string | null, want: number | undefined) =>
    test(String(text), () => expect(statusValue(text)).toBe(want));
  check("ON", 1);
  check("No", 0);
  check("Primary", 1);
  check("12.5", 12.5);
  check("-1", -1);
  check("", undefined);
  check(null, undefined);
  check("utf8mb4", undefined);
  check("mysql-bin.000123", 123);
  check("10.11.6-MariaDB", undefined);
  check("2024-01-02 03:04:05", 1704164645);
  check("May 29 10:00:00 2033 GMT", 2000973600);
});
