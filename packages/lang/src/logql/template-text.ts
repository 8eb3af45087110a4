/** Texts in templates. */
import { type GoFunction, type GoValue, isTrue } from "../gotemplate/value.ts";
import { any, text, toInt } from "./template-call.ts";

/** What a function gives is at most this long: the output has a bound of its own, but it must be made first. */
const TEXT_CHARS_MAX = 256 * 1024;

function cutLeft(value: string, set: string): string {
  let at = 0;
  while (at < value.length && set.includes(value[at] as string)) at++;
  return value.slice(at);
}

function cutRight(value: string, set: string): string {
  let end = value.length;
  while (end > 0 && set.includes(value[end - 1] as string)) end--;
  return value.slice(0, end);
}

const cutBoth = (value: string, set: string): string => cutRight(cutLeft(value, set), set);
const cutPrefix = (value: string, prefix: string): string =>
  value.startsWith(prefix) ? value.slice(prefix.length) : value;
const cutSuffix = (value: string, suffix: string): string =>
  suffix !== "" && value.endsWith(suffix) ? value.slice(0, -suffix.length) : value;

function bounded(value: string): string {
  if (value.length > TEXT_CHARS_MAX) throw new Error(`the text is longer than ${TEXT_CHARS_MAX}`);
  return value;
}

function replaced(value: string, from: string, to: string, count: bigint): string {
  const parts = value.split(from);
  if (
    parts.length > 1 &&
    (value.length / Math.max(1, from.length)) * to.length > 64 * TEXT_CHARS_MAX
  )
    throw new Error(`the text is longer than ${TEXT_CHARS_MAX}`);
  if (count < 0n || BigInt(parts.length - 1) <= count) return bounded(parts.join(to));
  const at = Number(count) + 1;
  return bounded(parts.slice(0, at).join(to) + from + parts.slice(at).join(from));
}

/** Places in texts count bytes, as in Go. A character that is cut leaves a mark for each of its bytes. */
function sliced(value: string, from: bigint | number, to?: bigint | number): string {
  const bytes = encoder.encode(value);
  const part = bytes.subarray(Number(from), to === undefined ? undefined : Number(to));
  if (part.length === bytes.length) return value;
  let start = 0;
  while (start < part.length && ((part[start] as number) & 0xc0) === 0x80) start++;
  let last = part.length - 1;
  while (last > start && ((part[last] as number) & 0xc0) === 0x80) last--;
  const head = part[last] ?? 0;
  const size = head < 0xc0 ? 1 : head < 0xe0 ? 2 : head < 0xf0 ? 3 : 4;
  const end = last < start || last + size === part.length ? part.length : last;
  const whole = decoder.decode(part.subarray(start, end));
  return "\ufffd".repeat(start) + whole + "\ufffd".repeat(part.length - end);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function byteLength(value: string): bigint {
  return BigInt(encoder.encode(value).length);
}

function truncated(count: bigint, value: string): string {
  const length = byteLength(value);
  if (count < 0n && length + count > 0n) return sliced(value, count);
  if (count >= 0n && length > count) return sliced(value, 0, count);
  return value;
}

function substring(start: bigint, end: bigint, value: string): string {
  const length = byteLength(value);
  if (start < 0n && (end < 0n || end > length)) {
    const why = end < 0n ? `[:${end}]` : `[:${end}] with length ${length}`;
    throw new Error(`runtime error: slice bounds out of range ${why}`);
  }
  const to = end < 0n || end > length ? length : end;
  if (start > to) throw new Error(`runtime error: slice bounds out of range [${start}:${to}]`);
  return sliced(value, start < 0n ? 0 : start, to);
}

const indented = (spaces: bigint, value: string): string => {
  const pad = repeated(spaces, " ");
  return bounded(pad + value.replaceAll("\n", `\n${pad}`));
};

function repeated(count: bigint, value: string): string {
  if (count <= 0n) return "";
  if (count * BigInt(value.length) > BigInt(TEXT_CHARS_MAX))
    throw new Error(`the text is longer than ${TEXT_CHARS_MAX}`);
  return value.repeat(Number(count));
}

/** The end of the text, or with spaces before it. */
function alignedRight(count: bigint, value: string): string {
  const letters = [...value];
  if (count < 0n || BigInt(letters.length) === count) return value;
  if (BigInt(letters.length) > count) return letters.slice(letters.length - Number(count)).join("");
  return repeated(count - BigInt(letters.length), " ") + value;
}

function alignedLeft(count: bigint, value: string): string {
  const letters = [...value];
  if (count < 0n || BigInt(letters.length) === count) return value;
  if (BigInt(letters.length) > count) return letters.slice(0, Number(count)).join("");
  return value + repeated(count - BigInt(letters.length), " ");
}

const titled = (value: string): string =>
  value.replace(
    /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
    (_all, before: string, letter: string) => before + letter.toUpperCase(),
  );

function encode64(value: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(value)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** What is no base64 gives the words of the error, as in Loki. */
function decode64(given: string): string {
  const rest = given.length % 4;
  const value = rest === 2 || rest === 3 ? given.padEnd(given.length + 4 - rest, "=") : given;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0) {
    const at = Math.max(0, value.search(/[^A-Za-z0-9+/]/));
    return `illegal base64 data at input byte ${at}`;
  }
  const bytes = Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

const counted = (run: (count: bigint, value: string) => string): GoFunction => ({
  params: ["any", "string"],
  call: ([count, value]) => run(toInt(count), String(value)),
});
const replace: GoFunction = {
  params: ["string", "string", "string", "any"],
  call: ([value, from, to, count]) =>
    replaced(String(value), String(from), String(to), toInt(count)),
};
const defaulted = ([fallback = null, value]: readonly GoValue[]): GoValue =>
  value === undefined || !isTrue(value) ? fallback : value;

export const textFunctions: readonly (readonly [string, GoFunction])[] = [
  ["ToLower", text(1, (value = "") => value.toLowerCase())],
  ["ToUpper", text(1, (value = "") => value.toUpperCase())],
  ["Replace", replace],
  ["Trim", text(2, (value = "", set = "") => cutBoth(value, set))],
  ["TrimLeft", text(2, (value = "", set = "") => cutLeft(value, set))],
  ["TrimRight", text(2, (value = "", set = "") => cutRight(value, set))],
  ["TrimPrefix", text(2, (value = "", prefix = "") => cutPrefix(value, prefix))],
  ["TrimSuffix", text(2, (value = "", suffix = "") => cutSuffix(value, suffix))],
  ["TrimSpace", text(1, (value = "") => value.trim())],
  ["lower", text(1, (value = "") => value.toLowerCase())],
  ["upper", text(1, (value = "") => value.toUpperCase())],
  ["title", text(1, (value = "") => titled(value))],
  ["trunc", counted(truncated)],
  [
    "substr",
    {
      params: ["any", "any", "string"],
      call: ([start, end, value]) => substring(toInt(start), toInt(end), String(value)),
    },
  ],
  ["contains", text(2, (part = "", value = "") => value.includes(part))],
  ["hasPrefix", text(2, (part = "", value = "") => value.startsWith(part))],
  ["hasSuffix", text(2, (part = "", value = "") => value.endsWith(part))],
  ["indent", counted(indented)],
  ["nindent", counted((spaces, value) => `\n${indented(spaces, value)}`)],
  ["replace", text(3, (from = "", to = "", value = "") => replaced(value, from, to, -1n))],
  ["repeat", counted(repeated)],
  ["trim", text(1, (value = "") => value.trim())],
  ["trimAll", text(2, (set = "", value = "") => cutBoth(value, set))],
  ["trimPrefix", text(2, (prefix = "", value = "") => cutPrefix(value, prefix))],
  ["trimSuffix", text(2, (suffix = "", value = "") => cutSuffix(value, suffix))],
  ["alignLeft", counted(alignedLeft)],
  ["alignRight", counted(alignedRight)],
  ["b64enc", text(1, (value = "") => encode64(value))],
  ["b64dec", text(1, (value = "") => decode64(value))],
  ["default", any(2, defaulted, true)],
];
