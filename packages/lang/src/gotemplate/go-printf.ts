/** Go's `fmt.Sprintf`, `Sprint` and `Sprintln` over template values. */
import { formatG, formatGPrecise, goQuote, goQuoteRune } from "../promql/go-format.ts";
import { unicodeName } from "./lexer.ts";
import {
  type GoList,
  type GoMap,
  type GoObject,
  type GoValue,
  printValue,
  sortedKeys,
  typeNameOf,
} from "./value.ts";

/** Wider fields are refused in Go too, at a million. */
const WIDTH_MAX = 10_000;

interface Flags {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | undefined;
  precision: number | undefined;
}

/** Operands with a space between two that are no strings. */
export function sprint(values: readonly GoValue[]): string {
  let out = "";
  for (const [i, value] of values.entries()) {
    const before = values[i - 1];
    if (i > 0 && typeof value !== "string" && typeof before !== "string") out += " ";
    out += printValue(value);
  }
  return out;
}

export function sprintln(values: readonly GoValue[]): string {
  return `${values.map(printValue).join(" ")}\n`;
}

export function sprintf(format: string, values: readonly GoValue[]): string {
  return new Printer(format, values).run();
}

class Printer {
  private readonly chars: readonly string[];
  private readonly values: readonly GoValue[];
  private at = 0;
  private arg = 0;
  private reordered = false;
  private isGoodIndex = true;

  constructor(format: string, values: readonly GoValue[]) {
    this.chars = [...format];
    this.values = values;
  }

  run(): string {
    let out = "";
    while (this.at < this.chars.length) {
      const c = this.chars[this.at++] as string;
      out += c === "%" ? this.directive() : c;
    }
    if (!this.reordered && this.arg < this.values.length) {
      const extra = this.values
        .slice(this.arg)
        .map((value) => (value === null ? "<nil>" : `${typeNameOf(value)}=${printValue(value)}`));
      out += `%!(EXTRA ${extra.join(", ")})`;
    }
    return out;
  }

  private flags(): Flags {
    const flags: Flags = {
      ...{ minus: false, plus: false, sharp: false, space: false, zero: false },
      width: undefined,
      precision: undefined,
    };
    for (; ; this.at++) {
      const c = this.chars[this.at];
      if (c === "-") flags.minus = true;
      else if (c === "+") flags.plus = true;
      else if (c === "#") flags.sharp = true;
      else if (c === " ") flags.space = true;
      else if (c === "0") flags.zero = true;
      else return flags;
    }
  }

  private digits(): number | undefined {
    let text = "";
    while (/[0-9]/.test(this.chars[this.at] ?? "")) text += this.chars[this.at++];
    return text === "" ? undefined : Math.min(Number(text), WIDTH_MAX);
  }

  /** `[n]` chooses the operand. */
  private index(): void {
    if (this.chars[this.at] !== "[") return;
    this.reordered = true;
    const close = this.chars.indexOf("]", this.at);
    const wanted = Number(this.chars.slice(this.at + 1, Math.max(close, this.at + 1)).join(""));
    this.at = close < 0 ? this.at + 1 : close + 1;
    this.isGoodIndex = Number.isInteger(wanted) && wanted >= 1 && wanted <= this.values.length;
    if (this.isGoodIndex) this.arg = wanted - 1;
  }

  /** A width or precision taken from the operands. */
  private star(): number | undefined {
    const value = this.values[this.arg++];
    if (typeof value !== "bigint") return undefined;
    return Math.max(-WIDTH_MAX, Math.min(Number(value), WIDTH_MAX));
  }

  private directive(): string {
    this.isGoodIndex = true;
    const flags = this.flags();
    let before = "";
    this.index();
    if (this.chars[this.at] === "*") {
      this.at++;
      flags.width = this.star();
      if (flags.width === undefined) before += "%!(BADWIDTH)";
      else if (flags.width < 0) {
        flags.minus = true;
        flags.width = -flags.width;
      }
    } else flags.width = this.digits();
    if (this.chars[this.at] === ".") {
      this.at++;
      this.index();
      if (this.chars[this.at] === "*") {
        this.at++;
        flags.precision = this.star();
        if (flags.precision === undefined) before += "%!(BADPREC)";
        else if (flags.precision < 0) flags.precision = undefined;
      } else flags.precision = this.digits() ?? 0;
    }
    this.index();
    const verb = this.chars[this.at++];
    if (verb === undefined) return `${before}%!(NOVERB)`;
    if (verb === "%") return `${before}%`;
    if (!this.isGoodIndex) return `${before}%!${verb}(BADINDEX)`;
    if (this.arg >= this.values.length) return `${before}%!${verb}(MISSING)`;
    if (flags.minus) flags.zero = false;
    return before + formatVerb(verb, this.values[this.arg++] as GoValue, flags);
  }
}

function formatVerb(verb: string, value: GoValue, flags: Flags): string {
  if (verb === "T") return pad(value === null ? "<nil>" : typeNameOf(value), flags);
  if (value === null) return verb === "v" ? pad("<nil>", flags) : `%!${verb}(<nil>)`;
  const text = formatKind(verb, value, flags);
  return text ?? `%!${verb}(${typeNameOf(value)}=${printValue(value)})`;
}

function formatKind(verb: string, value: Exclude<GoValue, null>, flags: Flags): string | undefined {
  switch (typeof value) {
    case "boolean":
      return verb === "t" || verb === "v" ? pad(String(value), flags) : undefined;
    case "bigint":
      return formatInt(verb, value, flags);
    case "number":
      return formatFloatVerb(verb, value, flags);
    case "string":
      return formatString(verb, value, flags);
    default:
      return formatCompound(verb, value, flags);
  }
}

function formatCompound(
  verb: string,
  value: GoList | GoMap | GoObject,
  flags: Flags,
): string | undefined {
  if (value.kind === "object" && value.text !== undefined)
    return formatString(verb, value.text, flags);
  const inner = (item: GoValue): string => formatVerb(verb, item, flags);
  if (value.kind === "list") return `[${value.items.map(inner).join(" ")}]`;
  if (value.kind === "map") {
    const parts = sortedKeys(value).map(
      (key) => `${inner(key)}:${inner(value.entries.get(key) ?? null)}`,
    );
    return `map[${parts.join(" ")}]`;
  }
  const named = flags.plus && verb === "v";
  const fields = [...value.fields].map(([name, item]) =>
    named ? `${name}:${inner(item)}` : inner(item),
  );
  return `${value.type.startsWith("*") ? "&" : ""}{${fields.join(" ")}}`;
}

function pad(text: string, { width = 0, minus, zero }: Flags): string {
  if (width === 0) return text;
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}

/** Zeros go between sign and digits. */
function padNumber(text: string, flags: Flags): string {
  const sign = /^[+\- ]/.exec(text)?.[0] ?? "";
  if (!flags.zero || sign === "") return pad(text, flags);
  const width = flags.width === undefined ? undefined : flags.width - 1;
  return sign + pad(text.slice(1), { ...flags, width });
}

function signed(digits: string, isNegative: boolean, { plus, space }: Flags): string {
  return (isNegative ? "-" : plus ? "+" : space ? " " : "") + digits;
}

const RADIX: { readonly [verb: string]: readonly [radix: number, prefix: string] } = {
  v: [10, ""],
  d: [10, ""],
  b: [2, "0b"],
  o: [8, "0"],
  O: [8, "0o"],
  x: [16, "0x"],
  X: [16, "0X"],
};

function formatInt(verb: string, value: bigint, flags: Flags): string | undefined {
  const code = Number(value);
  const isRune = code >= 0 && code <= 0x10ffff;
  if (verb === "c") return pad(isRune ? String.fromCodePoint(code) : "\ufffd", flags);
  if (verb === "q") return pad(goQuoteRune(isRune ? String.fromCodePoint(code) : "\ufffd"), flags);
  if (verb === "U") return pad(unicodeName(code).split(" ")[0] as string, flags);
  const known = RADIX[verb];
  if (known === undefined) return undefined;
  const [radix, prefix] = known;
  let digits = (value < 0n ? -value : value).toString(radix);
  if (verb === "X") digits = digits.toUpperCase();
  const { precision } = flags;
  if (precision !== undefined) {
    digits = precision === 0 && value === 0n ? "" : digits.padStart(precision, "0");
  }
  if (verb === "O" || flags.sharp) digits = prefix + digits;
  return padNumber(signed(digits, value < 0n, flags), {
    ...flags,
    zero: flags.zero && precision === undefined,
  });
}

function formatFloatVerb(verb: string, value: number, flags: Flags): string | undefined {
  const digits = floatDigits(verb, Math.abs(value), flags.precision);
  if (digits === undefined) return undefined;
  const isNegative = value < 0 || Object.is(value, -0);
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? "NaN" : "Inf";
    const plus = flags.plus || (!Number.isNaN(value) && verb === "v");
    return pad(
      signed(name, isNegative, { ...flags, plus: plus || (name === "Inf" && !isNegative) }),
      {
        ...flags,
        zero: false,
      },
    );
  }
  return padNumber(signed(digits, isNegative, flags), flags);
}

/** Digits of a number that is not negative. */
function floatDigits(
  verb: string,
  value: number,
  precision: number | undefined,
): string | undefined {
  const capital = (text: string): string => text.toUpperCase();
  if (!Number.isFinite(value)) return /^[vgGfFeE]$/.test(verb) ? "" : undefined;
  switch (verb) {
    case "v":
    case "g":
      return precision === undefined
        ? formatG(value)
        : formatGPrecise(value, Math.max(1, Math.min(precision, 100)));
    case "G":
      return capital(floatDigits("g", value, precision) ?? "");
    case "f":
    case "F":
      return fixed(value, precision ?? 6);
    case "e":
      return exponential(value, precision ?? 6);
    case "E":
      return capital(exponential(value, precision ?? 6));
    default:
      return undefined;
  }
}

function fixed(value: number, precision: number): string {
  const exact = Math.min(precision, 100);
  const text = value >= 1e21 ? bigFixed(value, exact) : value.toFixed(exact);
  return text + "0".repeat(precision - exact);
}

/** `toFixed` gives exponents from 1e21 on; such numbers are whole. */
function bigFixed(value: number, precision: number): string {
  const whole = BigInt(value).toString();
  return precision === 0 ? whole : `${whole}.${"0".repeat(precision)}`;
}

function exponential(value: number, precision: number): string {
  const [mantissa = "", exponent = "0"] = value.toExponential(Math.min(precision, 100)).split("e");
  const digits = String(Math.abs(Number(exponent))).padStart(2, "0");
  return `${mantissa}e${Number(exponent) < 0 ? "-" : "+"}${digits}`;
}

function formatString(verb: string, text: string, flags: Flags): string | undefined {
  const { precision } = flags;
  const cut = precision === undefined ? text : [...text].slice(0, precision).join("");
  switch (verb) {
    case "s":
      return pad(cut, flags);
    case "v":
      return pad(flags.sharp ? goQuote(text) : cut, flags);
    case "q":
      return pad(flags.sharp && !cut.includes("`") ? `\`${cut}\`` : goQuote(cut), flags);
    case "x":
    case "X": {
      const bytes = [...new TextEncoder().encode(text)].slice(0, precision);
      const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0"));
      const joined = hex.join(flags.space ? " " : "");
      return pad(verb === "X" ? joined.toUpperCase() : joined, flags);
    }
    default:
      return undefined;
  }
}
