/** Durations, sizes and addresses as Prometheus writes them. */
import { type Kind, parsed, problem } from "./kinds.ts";

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const DURATION_UNITS_MS = [
  365 * 86_400_000,
  7 * 86_400_000,
  86_400_000,
  3_600_000,
  60_000,
  1000,
  1,
];
/** What an int64 of nanoseconds holds. */
const DURATION_MS_MAX = 2 ** 63 / 1e6;

/** Milliseconds of `1h30m`, `15s` and the like; throws a `Problem`. */
export function parseDuration(given: string): number {
  if (given === "0") return 0;
  if (given === "") return problem("empty duration string");
  const found = DURATION.exec(given);
  if (found === null) return problem(`not a valid duration string: ${JSON.stringify(given)}`);
  const ms = DURATION_UNITS_MS.reduce((sum, unit, i) => sum + unit * Number(found[i + 1] ?? 0), 0);
  return ms > DURATION_MS_MAX ? problem("duration out of range") : ms;
}

/** `1h30m` of milliseconds, as Prometheus prints durations. */
export function printDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let out = "";
  const units = [
    ["y", 365 * 86_400_000, true],
    ["w", 7 * 86_400_000, true],
    ["d", 86_400_000, true],
    ["h", 3_600_000, false],
    ["m", 60_000, false],
    ["s", 1000, false],
    ["ms", 1, false],
  ] as const;
  for (const [unit, size, mustBeExact] of units) {
    if (mustBeExact && rest % size !== 0) continue;
    const n = Math.floor(rest / size);
    if (n > 0) out += `${n}${unit}`;
    rest -= n * size;
  }
  return out;
}

/** Milliseconds. */
export function duration(initialMs = 0): Kind<number> {
  return parsed(initialMs, 0, parseDuration);
}

const SIZE_UNITS: { readonly [unit: string]: number } = {
  B: 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
  P: 1024 ** 5,
  E: 1024 ** 6,
};

/** Bytes of `15MB`: units are powers of 1024, with and without `i`. */
export function parseSize(given: string): number {
  if (given === "0") return 0;
  const found =
    /^([-+]?)((?:\d+(?:\.\d*)?|\.\d+)(?:[A-Za-z]+(?:\d+(?:\.\d*)?|\.\d+))*)([A-Za-z]*)$/.exec(
      given,
    );
  if (found === null) return problem(`units: invalid ${given}`);
  let bytes = 0;
  for (const [, number, unit] of `${found[2]}${found[3]}`.matchAll(/([\d.]+)([A-Za-z]*)/g)) {
    const factor = /^(?:[KMGTPE]i?)?B$/.test(unit ?? "")
      ? SIZE_UNITS[(unit ?? "")[0] ?? ""]
      : undefined;
    if (factor === undefined) return problem(`units: unknown unit ${unit} in ${given}`);
    bytes += Number(number) * factor;
  }
  return found[1] === "-" ? -bytes : bytes;
}

/** `1MiB512KiB` of bytes, as Prometheus prints sizes. */
export function printSize(bytes: number): string {
  if (bytes === 0) return "0B";
  let out = "";
  let rest = Math.abs(bytes);
  for (const unit of ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]) {
    const part = unit === "EiB" ? rest : rest % 1024;
    if (part > 0) out = `${part}${unit}${out}`;
    rest = Math.floor(rest / 1024);
  }
  return bytes < 0 ? `-${out}` : out;
}

/** Bytes; 0 sets no bound. */
export const size: Kind<number> = parsed(0, 0, parseSize);

export interface UrlParts {
  readonly scheme: string;
  readonly host: string;
}

/** What Go's `url.Parse` finds of scheme and host; it takes nearly any text. Throws a `Problem`. */
export function parseUrlParts(given: string): UrlParts {
  const wrong = (why: string): never => problem(`parse ${JSON.stringify(given)}: ${why}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(given))
    return wrong("net/url: invalid control character in URL");
  if (given.startsWith(":")) return wrong("missing protocol scheme");
  const found = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(.*)$/s.exec(given);
  const scheme = found?.[1] ?? "";
  const rest = found?.[2] ?? "";
  if (scheme === "" && !given.startsWith("/") && /^[^/?#]*:/.test(given))
    return wrong("first path segment in URL cannot contain colon");
  if (!rest.startsWith("//")) return { scheme: scheme.toLowerCase(), host: "" };
  const authority = rest.slice(2).split(/[/?#]/, 1)[0] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (/[\s<>"]/.test(host)) return wrong(`invalid character in host name`);
  const port = /:([^\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^\d*$/.test(port))
    return wrong(`invalid port ${JSON.stringify(`:${port}`)} after host`);
  return { scheme: scheme.toLowerCase(), host };
}

/** An address as text; "" is none. A password in it is masked when shown. */
export const url: Kind<string> = {
  initial: () => "",
  read(reader, node) {
    const read = parsed("", "", (given) => {
      parseUrlParts(given);
      return given;
    });
    return read.read(reader, node);
  },
};

/** Go's `%q` of text that may hold bytes that are no UTF-8 (as U+DC80 to U+DCFF). */
export function quoted(given: string): string {
  return JSON.stringify(given).replaceAll(
    /\\u(dc[89a-f][0-9a-f])/g,
    (_, hex: string) => `\\x${hex.slice(2)}`,
  );
}
