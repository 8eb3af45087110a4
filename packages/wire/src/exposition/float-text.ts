/** Numbers of the exposition formats: read as Go reads them, written as OpenMetrics writes label values. */

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => 10 ** i);
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Longer than any number needs; what is longer is no number. */
const CHARS_MAX = 512;
const decoder = new TextDecoder("latin1");

/** The number that `bytes[start .. end)` spell, or undefined. Hexadecimal and underscores are refused. */
export function readFloat(bytes: Uint8Array, start: number, end: number): number | undefined {
  let pos = start;
  const isNegative = bytes[pos] === 0x2d;
  if (isNegative || bytes[pos] === 0x2b) pos++;
  let mantissa = 0;
  let digits = 0;
  let scale = 0;
  for (; pos < end; pos++, digits++) {
    const digit = (bytes[pos] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    mantissa = mantissa * 10 + digit;
  }
  if (pos < end && bytes[pos] === 0x2e) {
    for (pos++; pos < end; pos++, digits++, scale++) {
      const digit = (bytes[pos] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      mantissa = mantissa * 10 + digit;
    }
  }
  // With at most 15 digits both factors are exact, and so is their rounded quotient.
  if (pos === end && digits > 0 && digits <= 15) {
    const value = mantissa / (POWERS_OF_TEN[scale] as number);
    return isNegative ? -value : value;
  }
  return readRareFloat(bytes, start, end);
}

function readRareFloat(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end === start || end - start > CHARS_MAX) return undefined;
  const text = decoder.decode(bytes.subarray(start, end));
  if (DECIMAL.test(text)) {
    const value = Number(text);
    // What is out of range is an error, as it is for Go.
    return Number.isFinite(value) ? value : undefined;
  }
  switch (text.toLowerCase()) {
    case "nan":
      return Number.NaN;
    case "inf":
    case "+inf":
    case "infinity":
    case "+infinity":
      return Number.POSITIVE_INFINITY;
    case "-inf":
    case "-infinity":
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

/** The canonical text of `le` and `quantile`: `1.0`, `0.5`, `1e+06`, `+Inf`. */
export function boundText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 6) {
    const size = Math.abs(exponent);
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${size < 10 ? "0" : ""}${size}`;
  }
  const text = String(value);
  return text.includes(".") || text.includes("e") ? text : `${text}.0`;
}
