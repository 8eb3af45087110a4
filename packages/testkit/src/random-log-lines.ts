/** Random log streams whose lines have every shape LogQL's parsers meet, broken ones too: for comparing two servers. */
import type { Rng } from "./rng.ts";

export interface RandomLogStream {
  readonly labels: Readonly<Record<string, string>>;
  readonly entries: readonly RandomLogEntry[];
}

export interface RandomLogEntry {
  readonly timeNs: bigint;
  readonly line: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface RandomLogLines {
  /** The labels of `name` and of the line are in each stream. */
  readonly streams: number;
  readonly entriesPerStream: number;
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

const levels = ["info", "warn", "error", "debug", "INFO", "Warning", "critical", "trace"];
const durations = ["12ms", "1.5s", "2m", "250us", "1h2m", "0", "3", "fast", "-5s", ""];
const sizes = ["2KB", "512", "1.5MiB", "3 GB", "10b", "1,024B", "big", "", "7kib"];
const numbers = ["1", "2.5", "-3", "1e3", "0", "200", "404", "0x10", "NaN", "none", "12.75"];
const ips = ["10.0.0.5", "192.168.1.77", "8.8.8.8", "::1", "fe80::1", "300.1.2.3", "10.1.2.300"];
const words = [
  "alpha",
  "beta gamma",
  "naïve",
  "日本語",
  "a=b",
  "x\ty",
  'q"q',
  "back\\slash",
  "😀 ok",
  "",
];

/** Kinds of lines; streams of the kind have it as their label `app`. */
export const randomLineKinds = ["json", "logfmt", "text", "packed", "ansi", "mixed"] as const;
export type RandomLineKind = (typeof randomLineKinds)[number];

/** Times are all different, some of them whole seconds. */
export function randomLogStreams(rng: Rng, size: RandomLogLines): RandomLogStream[] {
  const taken = new Set<bigint>();
  const time = (): bigint => {
    for (;;) {
      const at =
        size.fromNs +
        BigInt(Math.floor(rng.next() * 1e6)) * ((size.toNs - size.fromNs) / 1_000_000n);
      const whole = rng.chance(0.2) ? (at / 1_000_000_000n) * 1_000_000_000n : at;
      if (taken.has(whole)) continue;
      taken.add(whole);
      return whole;
    }
  };
  return Array.from({ length: size.streams }, (_, i) => {
    const kind = randomLineKinds[i % randomLineKinds.length] as RandomLineKind;
    const labels: Record<string, string> = { app: kind, instance: `host-${i}` };
    if (rng.chance(0.7)) labels["env"] = rng.pick(["prod", "dev", "test"]);
    if (rng.chance(0.3)) labels["region"] = rng.pick(["eu-1", "us-2", "日本"]);
    if (rng.chance(0.3)) labels["status"] = rng.pick(["200", "500"]);
    const times = Array.from({ length: size.entriesPerStream }, time).sort((a, b) =>
      a < b ? -1 : 1,
    );
    const entries = times.map((timeNs) => ({
      timeNs,
      line: randomLine(rng, kind),
      metadata: randomMetadata(rng),
    }));
    return { labels, entries };
  });
}

function randomMetadata(rng: Rng): Record<string, string> {
  const out: Record<string, string> = {};
  if (rng.chance(0.3)) out["pod"] = rng.pick(["p1", "p2", "p3"]);
  if (rng.chance(0.2)) out["took"] = rng.pick(durations.slice(0, 5));
  if (rng.chance(0.1)) out["user_id"] = rng.pick(["7", "8", "nobody"]);
  if (rng.chance(0.05)) out["env"] = "from-metadata";
  if (rng.chance(0.05)) out["trace_id"] = rng.pick(["0af7651916cd43dd8448eb211c80319c", "t1"]);
  return out;
}

export function randomLine(rng: Rng, kind: RandomLineKind): string {
  if (rng.chance(0.02)) return "";
  switch (kind) {
    case "json":
      return jsonLine(rng);
    case "logfmt":
      return logfmtLine(rng);
    case "text":
      return textLine(rng);
    case "packed":
      return packedLine(rng);
    case "ansi":
      return ansiLine(rng);
    case "mixed":
      return randomLine(rng, rng.pick(randomLineKinds.slice(0, 5)));
  }
}

function jsonLine(rng: Rng): string {
  const { pick, chance } = rng;
  const text = (value: string): string => JSON.stringify(value);
  const members: (() => string)[] = [
    () => `"level":${text(pick(levels))}`,
    () => `"msg":${text(pick(words))}`,
    () => `"took":${text(pick(durations))}`,
    () => `"size":${text(pick(sizes))}`,
    () => `"n":${pick(["1", "2.5", "-3", "1e3", "0", "12.75", "1E+2"])}`,
    () => `"status": ${pick(["200", "404", '"500"'])}`,
    () => `"ok":${pick(["true", "false", "null"])}`,
    () => `"user":{"id":${pick(["7", "8", "null"])},"name":${text(pick(words))}}`,
    () => `"tags":["a",${text(pick(words))},{"x":1}]`,
    () => `"deep":{"er":{"est":${pick(numbers.slice(0, 5))},"list":[1,2]}}`,
    () => `"ip":${text(pick(ips))}`,
    () => `"odd key-1":${text(pick(words))}`,
    () => `"a.b":"dot"`,
    () => `"":"nameless"`,
    () => `"1st":"digit"`,
    () => `"ünï":"ö"`,
    () => `"app":"conflict"`,
    () => `"pod":"parsed-pod"`,
    () => `"esc":"a\\"b\\\\c\\n\\u00e9\\t"`,
    () => `"level":"again"`,
    () => `"empty":{}`,
    () => `"_entry":"inner line"`,
  ];
  const some = members.filter(() => chance(0.3)).map((make) => make());
  const space = chance(0.1) ? " " : "";
  const whole = `{${space}${some.join(`${space},${space}`)}${space}}`;
  if (chance(0.03)) return whole.slice(0, -1);
  if (chance(0.02)) return `${whole} trailing`;
  if (chance(0.02)) return `[1,${whole}]`;
  if (chance(0.02))
    return pick(['"just text"', "12", "null", " {}", '{"a":}', "{a:1}", '{"x" "y"}']);
  return chance(0.02) ? ` ${whole}` : whole;
}

function logfmtLine(rng: Rng): string {
  const { pick, chance } = rng;
  const quoted = (value: string): string => JSON.stringify(value);
  const pairs: (() => string)[] = [
    () => `level=${pick(levels)}`,
    () => `msg=${quoted(pick(words))}`,
    () => `took=${pick(durations)}`,
    () => `size=${quoted(pick(sizes))}`,
    () => `n=${pick(numbers)}`,
    () => `status=${pick(["200", "404", "500"])}`,
    () => `ip=${pick(ips)}`,
    () => "flag",
    () => "empty=",
    () => `app=conflict`,
    () => `pod=parsed-pod`,
    () => `user.id=${pick(["7", "8"])}`,
    () => `odd-key/1=${pick(["x", "y"])}`,
    () => `ünï=ö`,
    () => `1st=digit`,
    () => `n=again`,
  ];
  const broken: (() => string)[] = [
    () => 'open="never closed',
    () => "=value",
    () => 'k"ey=1',
    () => "a==b",
    () => 'x="a"b',
    () => 'bad="\\q"',
  ];
  const some = pairs.filter(() => chance(0.4)).map((make) => make());
  if (chance(0.12)) some.splice(rng.below(some.length + 1), 0, pick(broken)());
  return some.join(chance(0.1) ? "  " : " ");
}

function textLine(rng: Rng): string {
  const { pick } = rng;
  const path = `/${pick(["api", "v1/users", "static"])}/${rng.below(5)}?q=${pick(["a", "b%20c", ""])}`;
  return pick<() => string>([
    () =>
      `${pick(ips)} - - "${pick(["GET", "POST"])} ${path} HTTP/1.1" ${pick(["200", "404", "500"])} ${rng.below(5000)} ${pick(durations)}`,
    () => `${pick(levels)}: ${pick(words)} failed after ${pick(durations)} (id=${rng.below(100)})`,
    () =>
      `[${pick(levels)}] client ${pick(ips)}:8${rng.below(10)} sent ${pick(sizes)} ${pick(words)}`,
    () => `plain ${pick(words)} ${pick(numbers)}`,
    () => `  spaced   ${pick(words)}  `,
  ])();
}

function packedLine(rng: Rng): string {
  const { pick, chance } = rng;
  const entry = JSON.stringify(pick([textLine, logfmtLine])(rng));
  const members = [`"container":${JSON.stringify(pick(["c1", "c2"]))}`, `"pod":"packed-pod"`];
  if (chance(0.3)) members.push(`"count":${rng.below(9)}`);
  if (chance(0.2)) members.push(`"app":"conflict"`);
  if (chance(0.95)) members.push(`"_entry":${entry}`);
  return `{${members.join(",")}}`;
}

function ansiLine(rng: Rng): string {
  const { pick } = rng;
  const color = pick(["31", "1;32", "38;5;208", "0"]);
  return `\u001b[${color}m${pick(levels)}\u001b[0m ${pick([logfmtLine, textLine])(rng)}\u001b[K`;
}
