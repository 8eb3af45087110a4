/** Finds addresses in texts and tells whether they are the one, in the range, or in the network of `ip("…")`. */

/** An address as its version and 16-bit groups. */
interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256n + BigInt(part);
  }
  return value;
}

function groupsOf(text: string): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const v4 = i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function parseV6(text: string): bigint | undefined {
  if (!text.includes(":") || text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "");
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? "") : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const zeros = new Array<bigint>(Math.max(0, missing)).fill(0n);
  let value = 0n;
  for (const group of [...head, ...zeros, ...tail]) value = value * 65536n + group;
  return value;
}

function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { version: 4, value: v4 };
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : { version: 6, value: v6 };
}

interface Range {
  readonly version: 4 | 6;
  readonly from: bigint;
  readonly to: bigint;
}

function parseRange(pattern: string): Range | undefined {
  const one = parseAddress(pattern);
  if (one !== undefined) return { version: one.version, from: one.value, to: one.value };
  const [network = "", bitsText = ""] = pattern.split("/");
  const base = parseAddress(network);
  if (base !== undefined && /^\d{1,3}$/.test(bitsText)) {
    const width = base.version === 4 ? 32 : 128;
    if (Number(bitsText) > width) return undefined;
    const size = 1n << BigInt(width - Number(bitsText));
    const from = base.value - (base.value % size);
    return { version: base.version, from, to: from + size - 1n };
  }
  const [first = "", second = ""] = pattern.split("-").map((part) => part.trim());
  const from = parseAddress(first);
  const to = parseAddress(second);
  if (from === undefined || to === undefined) return undefined;
  if (from.version !== to.version || from.value > to.value) return undefined;
  return { version: from.version, from: from.value, to: to.value };
}

const V4 = /[0-9.]+/y;
const V6 = /[0-9a-fA-F:.]+/y;
const HINT = /[0-9](?:\.|.\.|..\.)|::[0-9a-fA-F]|[0-9a-fA-F]{1,4}:/gs;

/** Throws a plain `Error` with Loki's words. Tells whether an address in a text is meant by the pattern. */
export function parseIpTest(pattern: string): (text: string) => boolean {
  const range = parseRange(pattern);
  if (range === undefined) throw new Error(`ip: invalid pattern: ${JSON.stringify(pattern)}`);
  const isIn = (text: string): boolean => {
    const address = parseAddress(text);
    if (address === undefined || address.version !== range.version) return false;
    return address.value >= range.from && address.value <= range.to;
  };
  return (text) => {
    HINT.lastIndex = 0;
    for (let hint = HINT.exec(text); hint !== null; hint = HINT.exec(text)) {
      const run = hint[0].includes(":") ? V6 : V4;
      run.lastIndex = hint.index;
      const candidate = run.exec(text)?.[0] ?? "";
      if (isIn(candidate)) return true;
      HINT.lastIndex = hint.index + Math.max(1, candidate.length);
    }
    return false;
  };
}
