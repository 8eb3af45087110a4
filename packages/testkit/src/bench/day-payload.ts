/**
 * Spans or lines of a whole day for the benchmarks of searching: ten services, traces of ten spans, lines of six
 * shapes. Requests are encoded a few times only; ids, times and numbers are then written into holes of the bytes, so
 * that the client costs little, and yet ids never repeat and numbers do only by chance.
 */
import { field } from "../otlp-payload.ts";
import { createRng, type Rng } from "../rng.ts";

export interface DayLoad {
  readonly signal: "traces" | "logs";
  readonly rows: number;
  readonly toMs: number;
}

export const DAY_ROWS_PER_REQUEST = 1_000;
/** One trace. */
const SERVICES = [
  ...["frontend", "cart", "checkout", "payment", "shipping"],
  ...["ad", "currency", "email", "product", "recommendation"],
];
const ROUNDS = DAY_ROWS_PER_REQUEST / SERVICES.length;
const TEMPLATES = 16;
const DAY_NS = 86_400_000_000_000n;
/** The line with this word is sent in one request of a thousand. */
export const RARE_WORD = "zyxwvut";

/** Bytes that stand where something is written later; nothing else in a request repeats them so often. */
const holes = { digits: 0x07, time: 0x06, trace: 0x05, span: 0x04, parent: 0x03 } as const;
const digits = (count: number): string => String.fromCharCode(holes.digits).repeat(count);
const bytesOf = (byte: number, count: number): Buffer => Buffer.alloc(count, byte);

const tag = (number: number, key: string, value: string): Buffer =>
  field(number, Buffer.concat([field(1, key), field(2, field(1, value))]));
const whole = (number: number, key: string, value: number): Buffer => {
  const varint = value < 128 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
  return field(number, Buffer.concat([field(1, key), field(2, Buffer.from([0x18, ...varint]))]));
};
const timeField = (number: number): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 1]), bytesOf(holes.time, 8)]);

function span(rng: Rng, service: string): Buffer {
  const failed = rng.below(500) === 0;
  const status = failed ? 500 : rng.below(37) === 0 ? 404 : 200;
  const isRoot = service === SERVICES[0];
  return Buffer.concat([
    field(1, bytesOf(holes.trace, 16)),
    field(2, bytesOf(holes.span, 8)),
    ...(isRoot ? [] : [field(4, bytesOf(holes.parent, 8))]),
    field(5, `${rng.pick(["GET", "POST", "SELECT"])} /api/v1/op${rng.below(8)}`),
    Buffer.from([0x30, isRoot ? 2 : 1 + rng.below(3)]),
    timeField(7),
    timeField(8),
    tag(9, "http.request.method", rng.pick(["GET", "POST", "PUT"])),
    tag(9, "http.route", `/api/v1/orders/${rng.below(40)}/items`),
    whole(9, "http.response.status_code", status),
    tag(9, "server.address", "orders.internal.example.com"),
    tag(9, "user_agent.original", "okhttp/4.12.0 (Linux; x86_64)"),
    tag(9, "session.id", `5f0c6c1e-${digits(4)}-4b7a`),
    tag(9, "request.id", `id-${digits(9)}`),
    ...(failed ? [field(15, Buffer.from([0x18, 2]))] : []),
  ]);
}

function text(rng: Rng): string {
  switch (rng.below(6)) {
    case 0:
      return `GET /api/v1/orders/${digits(5)}/items HTTP/1.1 200 ${digits(4)} ${rng.below(900)}ms client=10.${rng.below(4)}.${rng.below(255)}.${rng.below(255)} agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"`;
    case 1:
      return `{"msg":"payment authorised","amount":${digits(4)},"currency":"EUR","user_id":"u-${digits(5)}","took_ms":${rng.below(300)}}`;
    case 2:
      return `level=info ts=2026-11-20T10:00:00Z caller=cache.go:${100 + rng.below(20)} msg="cache lookup" key=session:${digits(5)} hit=${rng.below(4) === 0}`;
    case 3:
      return `order ${digits(8)} accepted: payment authorised in ${rng.below(90)} ms, reserved 3 of 3 items in warehouse ${rng.below(7)}`;
    case 4:
      return `connection to db-${rng.below(5)}.internal:5432 established after ${rng.below(50)} attempts; pool size ${10 + rng.below(20)}, waiting ${rng.below(10)}`;
    default:
      return `consumer lag for topic orders partition ${rng.below(12)} is ${digits(3)}`;
  }
}

function line(rng: Rng, body: string): Buffer {
  const [level, number] = rng.pick([
    ...Array.from({ length: 7 }, () => ["INFO", 9] as const),
    ...([
      ["WARN", 13],
      ["ERROR", 17],
      ["DEBUG", 5],
    ] as const),
  ]);
  const traced = rng.below(3) === 0;
  return Buffer.concat([
    timeField(1),
    Buffer.from([0x10, number]),
    field(3, level),
    field(5, field(1, body)),
    tag(6, "log.file.name", "app.log"),
    tag(6, "thread", `worker-${rng.below(16)}`),
    ...(traced ? [field(9, bytesOf(holes.trace, 16)), field(10, bytesOf(holes.span, 8))] : []),
    timeField(11),
  ]);
}

interface Hole {
  readonly kind: keyof typeof holes;
  readonly at: number;
  readonly length: number;
}

interface Template {
  readonly bytes: Buffer;
  /** By span or line: service by service, the n-th of each service is of the n-th trace. */
  readonly items: readonly (readonly Hole[])[];
  /** Bytes of the lines' texts. */
  readonly textBytes: number;
}

function template(signal: DayLoad["signal"], seed: number, rare: boolean): Template {
  const rng = createRng(seed);
  let textBytes = 0;
  const item = (service: string, round: number): Buffer => {
    if (signal === "traces") return span(rng, service);
    const isRare = rare && round === 0 && service === SERVICES[0];
    const body = isRare ? `kernel panic ${RARE_WORD} in module ${rng.below(9)}` : text(rng);
    textBytes += body.length;
    return line(rng, body);
  };
  const groups: Buffer[] = [];
  const items: Hole[][] = [];
  let end = 0;
  for (const service of SERVICES) {
    const encoded = Array.from({ length: ROUNDS }, (_, round) => field(2, item(service, round)));
    const group = field(1, Buffer.concat([resource(rng, service), scoped(encoded)]));
    groups.push(group);
    end += group.length;
    let at = end - encoded.reduce((sum, one) => sum + one.length, 0);
    for (const one of encoded) {
      items.push(findHoles(one, at));
      at += one.length;
    }
  }
  return { bytes: Buffer.concat(groups), items, textBytes };
}

const scoped = (items: readonly Buffer[]): Buffer =>
  field(2, Buffer.concat([field(1, field(1, "bench")), ...items]));

function resource(rng: Rng, service: string): Buffer {
  const attributes = [
    tag(1, "service.name", service),
    tag(1, "service.version", "1.4.3"),
    tag(1, "host.name", `node-${rng.below(20)}`),
    tag(1, "k8s.pod.name", `${service}-7d9f8b-${rng.below(5)}`),
    tag(1, "telemetry.sdk.language", "nodejs"),
  ];
  return field(1, Buffer.concat(attributes));
}

function findHoles(item: Buffer, from: number): Hole[] {
  const kinds = Object.entries(holes) as [keyof typeof holes, number][];
  const found: Hole[] = [];
  for (let at = 0; at < item.length; ) {
    const [kind] = kinds.find(([, byte]) => byte === item[at]) ?? [];
    let end = at + 1;
    while (kind !== undefined && item[end] === item[at]) end++;
    if (kind !== undefined && end - at >= 3) found.push({ kind, at: from + at, length: end - at });
    at = end;
  }
  return found;
}

export interface DayRequest {
  /** Overwritten by the next one. */
  readonly bytes: Buffer;
  readonly rows: number;
  readonly textBytes: number;
}

/** Requests in the order of time. */
export function* dayRequests({ signal, rows, toMs }: DayLoad): Generator<DayRequest> {
  const templates = Array.from({ length: TEMPLATES }, (_, i) => template(signal, i + 1, false));
  const rare = template(signal, 99, true);
  const requests = Math.ceil(rows / DAY_ROWS_PER_REQUEST);
  const fromNs = BigInt(toMs) * 1_000_000n - DAY_NS;
  for (let request = 0; request < requests; request++) {
    const one =
      request % 1000 === 500 ? rare : (templates[request % TEMPLATES] as (typeof templates)[0]);
    const startNs = fromNs + (DAY_NS * BigInt(request)) / BigInt(requests);
    fill(one, { request, startNs, stepNs: DAY_NS / BigInt(rows) }, createRng(request));
    yield { bytes: one.bytes, rows: DAY_ROWS_PER_REQUEST, textBytes: one.textBytes };
  }
}

const idOf = (request: number, round: number, part: number): bigint =>
  BigInt.asUintN(
    64,
    (BigInt(request * ROUNDS + round + 1) * 0x9e37_79b9_7f4a_7c15n) ^
      (BigInt(part) * 0xc2b2_ae3d_27d4_eb4fn),
  );

/** Trace ids of the first traces of a request; what `fill` writes. */
export function dayTraceId(request: number, round: number): string {
  return [1001, 1002]
    .map((part) => idOf(request, round, part).toString(16).padStart(16, "0"))
    .join("");
}

interface Place {
  readonly request: number;
  readonly startNs: bigint;
  readonly stepNs: bigint;
}

function fill({ bytes, items }: Template, place: Place, rng: Rng): void {
  for (const [index, found] of items.entries()) {
    const round = index % ROUNDS;
    const service = Math.floor(index / ROUNDS);
    const offset = BigInt(round * SERVICES.length + service) * place.stepNs;
    let timeNs = place.startNs + offset + BigInt(rng.below(1_000_000));
    for (const { kind, at, length } of found) {
      if (kind === "trace") bytes.write(dayTraceId(place.request, round), at, "hex");
      else if (kind === "span") bytes.writeBigUInt64BE(idOf(place.request, round, service), at);
      else if (kind === "parent")
        bytes.writeBigUInt64BE(idOf(place.request, round, service >> 1), at);
      else if (kind === "time") {
        bytes.writeBigUInt64LE(timeNs, at);
        timeNs += BigInt(1_000_000 + rng.below(40_000_000));
      } else for (let i = 0; i < length; i++) bytes[at + i] = 0x30 + rng.below(10);
    }
  }
}
