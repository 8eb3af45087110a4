/**
 * Names of OTLP metrics, units and attributes as Prometheus' own OTLP endpoint writes them with its default
 * settings: escaped with underscores, with unit and type suffixes.
 */

export type NameKind = "counter" | "gauge" | "other";

const unitNames: ReadonlyMap<string, string> = new Map([
  ["d", "days"],
  ["h", "hours"],
  ["min", "minutes"],
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["us", "microseconds"],
  ["ns", "nanoseconds"],
  ["By", "bytes"],
  ["KiBy", "kibibytes"],
  ["MiBy", "mebibytes"],
  ["GiBy", "gibibytes"],
  ["TiBy", "tibibytes"],
  ["KBy", "kilobytes"],
  ["MBy", "megabytes"],
  ["GBy", "gigabytes"],
  ["TBy", "terabytes"],
  ["m", "meters"],
  ["V", "volts"],
  ["A", "amperes"],
  ["J", "joules"],
  ["W", "watts"],
  ["g", "grams"],
  ["Cel", "celsius"],
  ["Hz", "hertz"],
  ["1", ""],
  ["%", "percent"],
]);

const perUnitNames: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["m", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["mo", "month"],
  ["y", "year"],
]);

/** A unit's part before and after the slash as name parts, "" where there is none: `By/s` is `bytes`, `per_second`. */
function unitParts(unit: string): { main: string; per: string } {
  const slash = unit.indexOf("/");
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = (slash < 0 ? "" : unit.slice(slash + 1)).trim();
  // Annotations in braces name what is counted, not a unit.
  const isUnit = (text: string): boolean => text !== "" && !/[{}]/.test(text);
  const perName = isUnit(per) ? (perUnitNames.get(per) ?? per) : "";
  return {
    main: isUnit(main) ? clean(unitNames.get(main) ?? main) : "",
    per: perName === "" ? "" : clean(`per_${perName}`),
  };
}

function clean(text: string): string {
  return text
    .replace(/[^a-zA-Z0-9:]/gu, "_")
    .replace(/__+/g, "_")
    .replace(/^_/, "");
}

/** The unit of the metadata: `s` is `seconds`, `By/s` `bytes_per_second`. */
export function unitName(unit: string): string {
  const { main, per } = unitParts(unit);
  const name = main !== "" && per !== "" ? `${main}_${per}` : main + per;
  return name.replace(/^_/, "").replace(/_$/, "");
}

/** The metric family's name, or "" when nothing of the name can be kept. */
export function metricName(name: string, unit: string, kind: NameKind): string {
  let tokens = name.split(/[^a-zA-Z0-9:]+/u).filter((token) => token !== "");
  const parts = unitParts(unit);
  let main = tokens.includes(parts.main) ? "" : parts.main;
  let per = parts.per === "per_" ? "" : parts.per.replace(/_$/, "");
  if (tokens.includes(per)) per = "";
  if (per !== "") main = main.replace(/_$/, "");
  if (main !== "") tokens.push(main);
  if (per !== "") tokens.push(per);
  if (kind === "counter") tokens = [...tokens.filter((token) => token !== "total"), "total"];
  // Only gauges: many senders give counters of things the unit 1.
  if (kind === "gauge" && unit === "1")
    tokens = [...tokens.filter((token) => token !== "ratio"), "ratio"];
  const joined = tokens.join("_");
  if (/^_*$/.test(joined)) return "";
  return /^[0-9]/.test(joined) ? `_${joined}` : joined;
}

/** The label's name, or "" when nothing of the attribute's key can be kept. */
export function labelName(key: string): string {
  const name = key.replace(/[^a-zA-Z0-9_]/gu, "_");
  if (/^_*$/.test(name)) return "";
  if (/^[0-9]/.test(name)) return `key_${name}`;
  // Two underscores in front are Prometheus' own.
  return name.startsWith("_") && !name.startsWith("__") ? `key${name}` : name;
}

/** A bucket's bound or a quantile as label value: the shortest exact decimal, never with an exponent. */
export function boundText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  const at = text.indexOf("e");
  if (at < 0) return text;
  const exponent = Number(text.slice(at + 1));
  const sign = value < 0 ? "-" : "";
  const [whole = "", fraction = ""] = text.slice(sign.length, at).split(".");
  const digits = whole + fraction;
  const point = whole.length + exponent;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits + "0".repeat(point - digits.length);
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
