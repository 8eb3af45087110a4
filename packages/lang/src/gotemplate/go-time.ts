/** Go's `time.Time` (always UTC here) and `time.Duration` as values with the methods that templates use. */
import type { GoFunction, GoObject, GoValue } from "./value.ts";

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;

const method = (params: readonly string[], call: (...args: GoValue[]) => GoValue): GoFunction => ({
  params,
  call: (args) => call(...args),
});

const nsOf = (value: GoValue | undefined): bigint => {
  const ns = typeof value === "object" && value?.kind === "object" ? value.fields.get("ns") : value;
  return typeof ns === "bigint" ? ns : 0n;
};

/** `ns` since 1970 UTC. */
export function goTime(ns: bigint): GoObject {
  const part = (read: (time: Date) => number): GoFunction =>
    method([], () => BigInt(read(dateOf(ns))));
  return {
    kind: "object",
    type: "*time.Time",
    fields: new Map([["ns", ns]]),
    methods: new Map<string, GoFunction>([
      ["Format", method(["string"], (layout = "") => formatTime(ns, String(layout)))],
      ["String", method([], () => timeText(ns))],
      ["Add", method(["time.Duration"], (by) => goTime(ns + nsOf(by)))],
      ["Sub", method(["time.Time"], (other) => goDuration(ns - nsOf(other)))],
      ["Before", method(["time.Time"], (other) => ns < nsOf(other))],
      ["After", method(["time.Time"], (other) => ns > nsOf(other))],
      ["Equal", method(["time.Time"], (other) => ns === nsOf(other))],
      ["UTC", method([], () => goTime(ns))],
      ["Unix", method([], () => floorDiv(ns, SECOND))],
      ["UnixMilli", method([], () => floorDiv(ns, MILLISECOND))],
      ["UnixMicro", method([], () => floorDiv(ns, 1000n))],
      ["UnixNano", method([], () => ns)],
      ["Year", part((time) => time.getUTCFullYear())],
      ["Month", method([], () => MONTHS[dateOf(ns).getUTCMonth()] ?? "")],
      ["Day", part((time) => time.getUTCDate())],
      ["Hour", part((time) => time.getUTCHours())],
      ["Minute", part((time) => time.getUTCMinutes())],
      ["Second", part((time) => time.getUTCSeconds())],
      ["Weekday", method([], () => DAYS[dateOf(ns).getUTCDay()] ?? "")],
      ["YearDay", part(dayOfYear)],
    ]),
    get text() {
      return timeText(ns);
    },
  };
}

export function goDuration(ns: bigint): GoObject {
  const number = (read: (ns: bigint) => GoValue): GoFunction => method([], () => read(ns));
  return {
    kind: "object",
    type: "time.Duration",
    fields: new Map([["ns", ns]]),
    methods: new Map<string, GoFunction>([
      ["String", number(durationText)],
      ["Hours", number((of) => Number(of) / 3.6e12)],
      ["Minutes", number((of) => Number(of) / 6e10)],
      ["Seconds", number((of) => Number(of) / 1e9)],
      ["Milliseconds", number((of) => of / MILLISECOND)],
      ["Microseconds", number((of) => of / 1000n)],
      ["Nanoseconds", number((of) => of)],
      ["Abs", number((of) => goDuration(of < 0n ? -of : of))],
    ]),
    get text() {
      return durationText(ns);
    },
  };
}

function floorDiv(value: bigint, by: bigint): bigint {
  const whole = value / by;
  return value % by < 0n ? whole - 1n : whole;
}

const dateOf = (ns: bigint): Date => new Date(Number(floorDiv(ns, MILLISECOND)));

function dayOfYear(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

const timeText = (ns: bigint): string => formatTime(ns, "2006-01-02 15:04:05.999999999 -0700 MST");

/** As `1h2m3.5s`. */
function durationText(ns: bigint): string {
  if (ns === 0n) return "0s";
  const sign = ns < 0n ? "-" : "";
  const size = ns < 0n ? -ns : ns;
  if (size < SECOND) {
    const [unit, by] = size < 1000n ? ["ns", 1] : size < MILLISECOND ? ["µs", 1e3] : ["ms", 1e6];
    return `${sign}${Number(size) / Number(by)}${unit}`;
  }
  const hours = size / (3600n * SECOND);
  const minutes = (size / (60n * SECOND)) % 60n;
  const rest = size % (60n * SECOND);
  const fraction = String(rest % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const seconds = `${rest / SECOND}${fraction === "" ? "" : `.${fraction}`}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : sign + seconds;
}

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July"],
  ...["August", "September", "October", "November", "December"],
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** The parts of Go's reference time, longest first where one begins another. */
const PARTS =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2006|_2|002|01|02|03|04|05|06|15|1|2|3|4|5|PM|pm|Z07:00:00|Z07:00|Z070000|Z0700|Z07|-07:00:00|-07:00|-070000|-0700|-07|[.,](?:0+|9+)(?![0-9])/g;

/** Writes a time in the layout that Go's reference time shows. */
export function formatTime(ns: bigint, layout: string): string {
  const time = dateOf(ns);
  const fraction = String(ns - floorDiv(ns, SECOND) * SECOND).padStart(9, "0");
  return layout.replace(PARTS, (part) => timePart(part, { time, fraction }));
}

function timePart(
  part: string,
  { time, fraction }: { readonly time: Date; readonly fraction: string },
): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const hour12 = time.getUTCHours() % 12 === 0 ? 12 : time.getUTCHours() % 12;
  const year = String(time.getUTCFullYear()).padStart(4, "0");
  const month = MONTHS[time.getUTCMonth()] ?? "";
  const day = DAYS[time.getUTCDay()] ?? "";
  if (/^[.,]/.test(part)) {
    const digits = fraction.slice(0, part.length - 1);
    const kept = part[1] === "9" ? digits.replace(/0+$/, "") : digits;
    return kept === "" ? "" : (part[0] ?? "") + kept;
  }
  const parts: { readonly [part: string]: () => string } = {
    January: () => month,
    Jan: () => month.slice(0, 3),
    Monday: () => day,
    Mon: () => day.slice(0, 3),
    MST: () => "UTC",
    "2006": () => year,
    _2006: () => `_${year}`,
    "06": () => year.slice(-2),
    "01": () => two(time.getUTCMonth() + 1),
    "1": () => String(time.getUTCMonth() + 1),
    "02": () => two(time.getUTCDate()),
    "2": () => String(time.getUTCDate()),
    _2: () => String(time.getUTCDate()).padStart(2, " "),
    "002": () => String(dayOfYear(time)).padStart(3, "0"),
    __2: () => String(dayOfYear(time)).padStart(3, " "),
    "15": () => two(time.getUTCHours()),
    "03": () => two(hour12),
    "3": () => String(hour12),
    "04": () => two(time.getUTCMinutes()),
    "4": () => String(time.getUTCMinutes()),
    "05": () => two(time.getUTCSeconds()),
    "5": () => String(time.getUTCSeconds()),
    PM: () => (time.getUTCHours() >= 12 ? "PM" : "AM"),
    pm: () => (time.getUTCHours() >= 12 ? "pm" : "am"),
  };
  const found = parts[part];
  if (found !== undefined) return found();
  return part.startsWith("Z") ? "Z" : part.replace("-", "+").replaceAll("7", "0");
}
