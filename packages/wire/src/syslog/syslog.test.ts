import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draftOfSyslog } from "./draft.ts";
import { parseSyslog, type SyslogMessage } from "./message.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const arrivalMs = Date.UTC(2024, 0, 2, 3, 4, 5);
const parse = (text: string | Uint8Array): SyslogMessage =>
  parseSyslog(typeof text === "string" ? encoder.encode(text) : text, {
    arrivalMs,
    zoneMinutes: 0,
  });
const textOf = (message: SyslogMessage): string =>
  decoder.decode(message.bytes.subarray(message.start, message.end));

function check(line: string, want: Partial<SyslogMessage> & { readonly text: string }): void {
  test(line.slice(0, 90), () => {
    const message = parse(line);
    const { text, ...fields } = want;
    expect(textOf(message)).toBe(text);
    expect(message).toMatchObject(fields);
  });
}

describe("RFC 5424", () => {
  check("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed", {
    facility: 4,
    severity: 2,
    timeNs: 1_065_910_455_003_000_000n,
    hostname: "mymachine.example.com",
    appName: "su",
    procId: "",
    msgId: "ID47",
    text: "'su root' failed",
  });
  check('<165>1 - h a 12 - [x@1 k="v" q="a\\"b\\]c\\\\"][y@2] \ufeffan é', {
    timeNs: undefined,
    procId: "12",
    structuredData: [
      {
        id: "x@1",
        params: [
          ["k", "v"],
          ["q", 'a"b]c\\'],
        ],
      },
      { id: "y@2", params: [] },
    ],
    text: "an é",
  });
  check("<14>1 2024-01-02T03:04:05+02:00 - - - - -", { hostname: "", text: "" });
  check("<14>1 2024-01-02T03:04:05Z h café - - - x", { appName: "café", text: "x" });
  check('<14>1 2024-01-02T03:04:05Z h a - - [bad k="v x', {
    appName: "",
    text: '1 2024-01-02T03:04:05Z h a - - [bad k="v x',
  });
});

describe("RFC 3164", () => {
  check("<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed\n", {
    facility: 4,
    severity: 2,
    timeNs: BigInt(Date.UTC(2023, 9, 11, 22, 14, 15)) * 1_000_000n,
    hostname: "mymachine",
    appName: "su",
    procId: "77",
    text: "'su root' failed",
  });
  check("<13>Jan  2 03:04:06 10.0.0.1 app: x", { hostname: "10.0.0.1", appName: "app", text: "x" });
  check("<13>2024-01-02T03:04:05.123456+00:00 h app[1]: x", {
    timeNs: 1_704_164_645_123_456_000n,
    hostname: "h",
    procId: "1",
    text: "x",
  });
  check("<13>Jan  2 03:04:06 app: no host", { hostname: "", appName: "app", text: "no host" });
  check("<13>app: no time", { hostname: "", appName: "app", text: "no time" });
  check('<13>{"level":"x"}', { appName: "", text: '{"level":"x"}' });
  check("<13>just words here", { appName: "", text: "just words here" });
  check("no priority: at all", {
    facility: 1,
    severity: 5,
    appName: "",
    text: "no priority: at all",
  });
  check("<999>x", { severity: 5, text: "<999>x" });
  check("<13>Foo  2 03:04:06 h a: x", { timeNs: undefined, text: "Foo  2 03:04:06 h a: x" });
  check("", { text: "" });
});

describe("records", () => {
  const draft = (line: string) => draftOfSyslog(parse(line), { arrivalNs: 5n, peer: "10.1.1.1" });
  const body = (line: string) => decoder.decode(draft(line).body as Uint8Array);

  test("names go to the resource, the rest to attributes", () => {
    expect(draft('<165>1 - host app 12 M [x k="v"] hello')).toMatchObject({
      timeNs: 5n,
      severityNumber: 10,
      severityText: "notice",
      resource: [
        ["service.name", "app"],
        ["host.name", "host"],
      ],
      attributes: [
        ["syslog.facility", "local4"],
        ["syslog.severity", "notice"],
        ["process.pid", 12],
        ["syslog.msgid", "M"],
        ["syslog.structured_data.x.k", "v"],
        ["network.peer.address", "10.1.1.1"],
      ],
    });
  });

  test("JSON in the text is recognised, and stays the text", () => {
    const json = '{"level":"error","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"r"}';
    for (const cookie of ["", "@cee:", "@cee: ", " @cee: "]) {
      const line = `<14>Jan  2 03:04:06 h app:${cookie === "" ? " " : cookie}${json}`;
      expect(body(line)).toBe(json);
      expect(draft(line)).toMatchObject({
        severityNumber: 17,
        severityText: "error",
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      });
      expect(draft(line).attributes).toContainEqual(["correlation_id", "r"]);
    }
  });
});

test("any bytes are a message, and its text lies within them", () => {
  const good = encoder.encode('<165>1 2024-01-02T03:04:05Z host app 12 M [x k="v"] hello é');
  const any = fc.oneof(
    fc.uint8Array(),
    fc
      .tuple(fc.nat(good.length), fc.uint8Array({ maxLength: 4 }))
      .map(([at, put]) => Uint8Array.from([...good.subarray(0, at), ...put, ...good.subarray(at)])),
  );
  fc.assert(
    fc.property(any, (bytes) => {
      const { start, end } = parse(bytes);
      expect(start).toBeGreaterThanOrEqual(0);
      expect(start).toBeLessThanOrEqual(end);
      expect(end).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

// What is not linear runs into the limit of the test.
test("hostile headers take linear time", () => {
  parse(`<14>1 - h a - - [x ${'k="v" '.repeat(200_000)}`);
  parse(`<14>1 - h a - - ${"[x".repeat(200_000)}`);
  parse(`<14>1 - h a - - [x k="${"\\".repeat(1_000_000)}`);
  parse(`<14>${" ".repeat(1_000_000)}`);
  parse(`<14>Jan  2 03:04:06 ${"a".repeat(1_000_000)}`);
});
