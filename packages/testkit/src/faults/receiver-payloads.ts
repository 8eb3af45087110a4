/**
 * Small valid payloads of every receiver but OTLP's, written without any code of the product. Each carries a text that
 * can be found again.
 */
import { deflateSync, gzipSync } from "node:zlib";
import { field } from "../otlp-payload.ts";

export interface HttpLane {
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly good: readonly number[];
  /** Valid bytes with `mark` in them. */
  payload(mark: string): Buffer;
  /** What stands around the payload, such as snappy: mutants are made inside and outside of it. */
  readonly wrap?: (bytes: Buffer) => Buffer;
}

export interface SocketLane {
  readonly name: "beats" | "fluentd" | "logstash" | "syslog" | "syslog-udp" | "statsd";
  readonly udp: boolean;
  payload(mark: string): Buffer;
}

/** Snappy without any compression: the length, then literals. */
export function snappy(bytes: Buffer): Buffer {
  const parts = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; at += 60) {
    const piece = bytes.subarray(at, at + 60);
    parts.push(Buffer.from([(piece.length - 1) << 2]), piece);
  }
  return Buffer.concat(parts);
}

function varint(value: number | bigint): Buffer {
  const out: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...out, Number(rest)]);
    out.push(Number(rest & 127n) | 128);
  }
}

const number = (at: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(at << 3), varint(value)]);
const double = (at: number, value: number): Buffer => {
  const out = Buffer.alloc(9);
  out[0] = (at << 3) | 1;
  out.writeDoubleLE(value, 1);
  return out;
};
const concat = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
const protobuf = { "content-type": "application/x-protobuf" };
const json = { "content-type": "application/json" };

function remoteWrite1(mark: string): Buffer {
  const label = (name: string, value: string): Buffer =>
    field(1, concat(field(1, name), field(2, value)));
  const sample = field(2, concat(double(1, 1), number(2, Date.now())));
  return field(1, concat(label("__name__", "fuzzed"), label("mark", mark), sample));
}

function remoteWrite2(mark: string): Buffer {
  const symbols = ["", "__name__", "fuzzed", "mark", mark].map((text) => field(4, text));
  const sample = field(2, concat(double(1, 1), number(2, Date.now())));
  const series = field(5, concat(field(1, Buffer.from([1, 2, 3, 4])), sample));
  return concat(...symbols, series);
}

function lokiProtobuf(mark: string): Buffer {
  const seconds = Math.floor(Date.now() / 1000);
  const entry = concat(field(1, number(1, seconds)), field(2, `line ${mark}`));
  return field(1, concat(field(1, '{app="fuzzed"}'), field(2, entry)));
}

const lokiJson = (mark: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      streams: [
        {
          stream: { app: "fuzzed" },
          values: [[`${Date.now()}000000`, `line ${mark}`, { a: "b" }]],
        },
      ],
    }),
  );

const zipkinSpan = (mark: string) => ({
  traceId: "0000000000000001",
  id: "0000000000000002",
  kind: "SERVER",
  name: "get",
  timestamp: Date.now() * 1000,
  duration: 1000,
  localEndpoint: { serviceName: "fuzzed", ipv4: "10.0.0.1", port: 80 },
  annotations: [{ timestamp: Date.now() * 1000, value: "ws" }],
  tags: { mark, "http.path": "/x" },
});

function zipkinProtobuf(mark: string): Buffer {
  const id = Buffer.from("0000000000000001", "hex");
  const tag = field(10, concat(field(1, "mark"), field(2, mark)));
  const time = Buffer.alloc(9);
  time[0] = (6 << 3) | 1;
  time.writeBigUInt64LE(BigInt(Date.now()) * 1000n, 1);
  return field(
    1,
    concat(field(1, id), field(3, id), field(5, "get"), time, field(8, field(1, "fuzzed")), tag),
  );
}

const bulk = (mark: string): Buffer =>
  Buffer.from(
    `{"create":{"_index":"logs-fuzzed"}}\n{"@timestamp":"${new Date().toISOString()}","message":"line ${mark}","service":{"name":"fuzzed"},"n":[1,{"a":null}]}\n`,
  );

const exposition = (mark: string): Buffer =>
  Buffer.from(
    `# HELP fuzzed_pushed A text.\n# TYPE fuzzed_pushed gauge\nfuzzed_pushed{mark="${mark}"} 1\n`,
  );

export const httpLanes: readonly HttpLane[] = [
  {
    name: "remote write 1",
    path: "/api/v1/write",
    headers: { ...protobuf, "content-encoding": "snappy" },
    good: [200, 204],
    payload: remoteWrite1,
    wrap: snappy,
  },
  {
    name: "remote write 2",
    path: "/api/v1/write",
    headers: {
      "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
      "content-encoding": "snappy",
    },
    good: [200, 204],
    payload: remoteWrite2,
    wrap: snappy,
  },
  {
    name: "exposition",
    path: "/pushgateway/metrics/job/fuzzed",
    headers: { "content-type": "text/plain" },
    good: [200, 202],
    payload: exposition,
  },
  {
    name: "Loki protobuf",
    path: "/loki/api/v1/push",
    headers: protobuf,
    good: [204],
    payload: lokiProtobuf,
    wrap: snappy,
  },
  { name: "Loki JSON", path: "/loki/api/v1/push", headers: json, good: [204], payload: lokiJson },
  {
    name: "Zipkin JSON",
    path: "/api/v2/spans",
    headers: json,
    good: [200, 202],
    payload: (mark) => Buffer.from(JSON.stringify([zipkinSpan(mark)])),
  },
  {
    name: "Zipkin protobuf",
    path: "/api/v2/spans",
    headers: protobuf,
    good: [200, 202],
    payload: zipkinProtobuf,
  },
  {
    name: "Elasticsearch bulk",
    path: "/elastic/_bulk",
    headers: { "content-type": "application/x-ndjson" },
    good: [200],
    payload: bulk,
  },
];

function msgpackText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return concat(Buffer.from([0xd9, bytes.length]), bytes);
}

/** A message, a forward, a packed and a compressed packed one, in turn. */
function forward(mark: string): Buffer {
  const seconds = Buffer.alloc(5);
  seconds[0] = 0xce;
  seconds.writeUInt32BE(Math.floor(Date.now() / 1000), 1);
  const record = concat(
    Buffer.from([0x82]),
    ...[msgpackText("message"), msgpackText(`line ${mark}`)],
    ...[msgpackText("service"), msgpackText("fuzzed")],
  );
  const tag = msgpackText("fuzzed");
  const entry = concat(Buffer.from([0x92]), seconds, record);
  const binary = (bytes: Buffer): Buffer =>
    concat(Buffer.from([0xc5, bytes.length >> 8, bytes.length & 255]), bytes);
  const options = concat(Buffer.from([0x81]), msgpackText("compressed"), msgpackText("gzip"));
  const forms = [
    () => concat(Buffer.from([0x93]), tag, seconds, record),
    () => concat(Buffer.from([0x92]), tag, Buffer.from([0x91]), entry),
    () => concat(Buffer.from([0x92]), tag, binary(entry)),
    () => concat(Buffer.from([0x93]), tag, binary(gzipSync(entry)), options),
  ];
  return (forms[mark.length % forms.length] as () => Buffer)();
}

const document = (mark: string): string =>
  `{"@timestamp":"${new Date().toISOString()}","level":"WARN","message":"line ${mark}","service":"fuzzed"}\n`;
const syslogLine = (mark: string): string =>
  `<14>1 ${new Date().toISOString()} web fuzzed 7 ID1 [a@1 b="c\\"d"] line ${mark}`;

/** An event of version 2, one of version 1, and a compressed one, in turn; each in a window of its own. */
function beats(mark: string): Buffer {
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const sized = (text: string): Buffer => concat(u32(Buffer.byteLength(text)), Buffer.from(text));
  const json = (): Buffer => concat(Buffer.from("2J"), u32(1), sized(document(mark)));
  const pairs = ["line", `line ${mark}`, "service", "fuzzed"].map(sized);
  const deflated = deflateSync(json());
  const forms = [
    () => concat(Buffer.from("2W"), u32(1), json()),
    () => concat(Buffer.from("1W"), u32(1), Buffer.from("1D"), u32(1), u32(2), ...pairs),
    () => concat(Buffer.from("2W"), u32(1), Buffer.from("2C"), u32(deflated.length), deflated),
  ];
  return (forms[mark.length % forms.length] as () => Buffer)();
}

export const socketLanes: readonly SocketLane[] = [
  { name: "beats", udp: false, payload: beats },
  { name: "fluentd", udp: false, payload: forward },
  { name: "logstash", udp: false, payload: (mark) => Buffer.from(document(mark)) },
  { name: "syslog", udp: false, payload: (mark) => Buffer.from(`${syslogLine(mark)}\n`) },
  { name: "syslog-udp", udp: true, payload: (mark) => Buffer.from(syslogLine(mark)) },
  {
    name: "statsd",
    udp: true,
    payload: (mark) => Buffer.from(`fuzzed.${mark.replaceAll("-", "_")}:3|c|@0.5|#a:b,c:d`),
  },
];
