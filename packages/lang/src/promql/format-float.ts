/** A number as Go's `strconv.FormatFloat(v, 'f', -1, 64)` writes it: shortest digits that read back, no exponent. */
export function formatFloat(value: number): string {
  const size = Math.abs(value);
  // Between these JavaScript writes no exponent: most values, and answers have very many.
  if (size >= 1e-6 && size < 1e21) return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  const at = text.indexOf("e");
  return at < 0 ? text : withoutExponent(text, at);
}

/** As Prometheus' API writes the values of samples: with an exponent of two digits or more below 1e-6 and from 1e21 on. */
export function formatSample(value: number): string {
  const size = Math.abs(value);
  if ((size >= 1e-6 && size < 1e21) || size === 0 || !Number.isFinite(value))
    return formatFloat(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function withoutExponent(text: string, at: number): string {
  const sign = text.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = text.slice(sign.length, at).split(".");
  const digits = whole + fraction;
  const point = whole.length + Number(text.slice(at + 1));
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits + "0".repeat(point - digits.length);
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
