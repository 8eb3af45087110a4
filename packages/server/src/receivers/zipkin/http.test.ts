/** Zipkin over HTTP: statuses, types, compression and budgets, against the server a client would see. */
import { gzipSync } from "node:zlib";
import { defaultLimits, type SpanBatch, TriptychError } from "@triptych/model";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http-server.ts";
import { createRecordingNext, realClock, type RecordingNext } from "../otlp/recording-next.ts";
import { registerZipkin } from "./http.ts";

let next: RecordingNext;
let url = "";
const bugs: TriptychError[] = [];
const app = createHttpServer({ report: (error) => void bugs.push(error) });
beforeAll(async () => {
  const forward = new Proxy({} as RecordingNext, { get: (_, key) => Reflect.get(next, key) });
  registerZipkin(app, {
    next: forward,
    limits: { ...defaultLimits, bodyBytesMax: 1024 * 1024 },
    clock: realClock,
    report: (error) => void bugs.push(error),
    prefixes: ["", "/zipkin"],
  });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await app.close();
  expect(bugs).toEqual([]);
});
beforeEach(() => {
  next = createRecordingNext(64 * 1024 * 1024);
});

const span = {
  traceId: "5982fe77008310cc80f1da5e10147517",
  id: "ebf33e1a81dc6f71",
  name: "get /",
  timestamp: 1_502_787_600_000_000,
  duration: 10,
};
const json = JSON.stringify([span]);

const post = (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = { "content-type": "application/json" },
  path = "/api/v2/spans",
) => fetch(url + path, { method: "POST", body, headers });
const rows = () => next.batches.reduce((sum, batch) => sum + (batch as SpanBatch).rows, 0);

const protobuf = Uint8Array.from([
  ...[10, 20],
  ...[10, 8, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[26, 8, 0, 0, 0, 0, 0, 0, 0, 2],
]);

describe("what is taken", () => {
  const taken = (name: string, send: () => Promise<Response>) =>
    test(name, async () => {
      const answer = await send();
      expect(await answer.text()).toBe("");
      expect(answer.status).toBe(202);
      expect(rows()).toBe(1);
      expect(next.heldBytes).toBe(0);
    });
  taken("JSON of version 2", () => post(json));
  taken("JSON without a content type", () => post(new TextEncoder().encode(json), {}));
  taken("JSON with a charset", () =>
    post(json, { "content-type": "application/json; charset=utf-8" }),
  );
  taken("JSON in gzip", () =>
    post(Uint8Array.from(gzipSync(json)), {
      "content-type": "application/json",
      "content-encoding": "gzip",
    }),
  );
  taken("JSON of version 1", () => post(json, undefined, "/api/v1/spans"));
  taken("JSON under a prefix", () => post(json, undefined, "/zipkin/api/v2/spans"));
  taken("protobuf", () => post(protobuf, { "content-type": "application/x-protobuf" }));

  test("an empty list is acknowledged and stores nothing", async () => {
    expect((await post("[]")).status).toBe(202);
    expect(next.batches).toEqual([]);
  });

  test("the same bytes twice are stored once", async () => {
    expect((await post(json)).status).toBe(202);
    expect((await post(json)).status).toBe(202);
    expect(rows()).toBe(1);
  });
});

describe("what is refused", () => {
  const refused = (
    name: string,
    send: () => Promise<Response>,
    want: { status: number; text: RegExp; counted: string },
  ) =>
    test(name, async () => {
      const answer = await send();
      expect(await answer.text()).toMatch(want.text);
      expect(answer.status).toBe(want.status);
      expect(answer.headers.has("retry-after")).toBe(false);
      expect([...next.discards]).toEqual([[want.counted, 1]]);
      expect(next.batches).toEqual([]);
      expect(next.heldBytes).toBe(0);
    });
  const malformed = (text: RegExp) => ({ status: 400, text, counted: "wire_malformed" });
  refused("a body cut short", () => post(json.slice(0, 40)), malformed(/at byte/));
  refused("an empty body", () => post(""), malformed(/Malformed JSON/));
  refused("an object", () => post(JSON.stringify(span)), malformed(/'\[' is missing/));
  refused("a bad id", () => post('[{"traceId":"x","id":"1"}]'), malformed(/hexadecimal/));
  refused("no id", () => post('[{"traceId":"1"}]'), malformed(/id is missing or zero/));
  refused(
    "thrift of version 1",
    () => post(json, { "content-type": "application/x-thrift" }, "/api/v1/spans"),
    { status: 415, text: /thrift is not read here/, counted: "media_type_unsupported" },
  );
  refused(
    "a compression nobody knows",
    () => post(json, { "content-type": "application/json", "content-encoding": "br" }),
    {
      status: 415,
      text: /gzip/,
      counted: "encoding_unsupported",
    },
  );
  refused(
    "a bomb",
    () =>
      post(Uint8Array.from(gzipSync(new Uint8Array(32 * 1024 * 1024))), {
        "content-type": "application/json",
        "content-encoding": "gzip",
      }),
    { status: 413, text: /larger than/, counted: "wire_too_large" },
  );

  test("a full queue is answered with when to try again", async () => {
    next.failure = new TriptychError("queue_full", "the journal is full", { retryAfterSeconds: 7 });
    const answer = await post(json);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(await answer.text()).toBe("the journal is full\n");
    expect([...next.discards]).toEqual([]);
    expect(next.heldBytes).toBe(0);
  });

  test("other methods learn which one is taken", async () => {
    const answer = await fetch(`${url}/api/v2/spans`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
  });
});
