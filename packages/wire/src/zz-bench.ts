import { defaultLimits } from "@triptych/model";
import { encodeForTests } from "./otlp/encode-for-tests.ts";
import { decodeOtlpTraces, drain } from "./index.ts";
const hex = (n: number) =>
  Array.from({ length: n * 2 }, () => Math.floor(Math.random() * 16).toString(16)).join("");
const spans = Array.from({ length: 5000 }, (_, i) => ({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: hex(8),
  name: "GET /orders/{id}",
  kind: 2,
  startTimeUnixNano: String(1700000000000000000n + BigInt(i)),
  endTimeUnixNano: String(1700000000100000000n + BigInt(i)),
  attributes: [
    { key: "http.request.method", value: { stringValue: "GET" } },
    { key: "http.route", value: { stringValue: "/orders/{id}" } },
    { key: "http.response.status_code", value: { intValue: "200" } },
    { key: "server.address", value: { stringValue: "gateway-" + (i % 20) } },
    {
      key: "url.full",
      value: { stringValue: "http://gateway.shop.svc.cluster.local:8080/orders/" + i },
    },
    { key: "net.peer.port", value: { intValue: String(30000 + i) } },
    { key: "user_agent.original", value: { stringValue: "Mozilla/5.0 (X11; Linux x86_64)" } },
  ],
  status: { code: 1 },
  flags: 257,
}));
const obj = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "gateway" } }] },
      scopeSpans: [{ scope: { name: "x" }, spans }],
    },
  ],
};
const pb = encodeForTests("Traces", obj);
const js = new TextEncoder().encode(JSON.stringify(obj));
console.log("bytes/span", pb.length / 5000, js.length / 5000);
for (const [enc, b] of [
  ["protobuf", pb],
  ["json", js],
] as const)
  for (let r = 0; r < 6; r++) {
    const t = performance.now();
    let n = 0;
    for (let i = 0; i < (enc === "json" ? 10 : 40); i++)
      n += drain(decodeOtlpTraces(b, enc, { limits: defaultLimits })).batch.rows;
    const d = performance.now() - t;
    console.log(enc, n, Math.round((n / d) * 1000) + "/s");
  }
