/**
 * Dates as Go's `time` package has them for every 64-bit number of seconds: JavaScript's end in the year 275760. What
 * does not fit, and what is no number, becomes the least such number, as on the processors Prometheus runs on.
 */

const SECONDS_MIN = -(2n ** 63n);
/** Seconds from the first of January of Go's year zero to 1970: with it every instant is a positive number, modulo 2⁶⁴. */
const UNIX_TO_ABSOLUTE = 9_223_372_028_715_321_600n;
/** The year that Go counts from. */
const ABSOLUTE_YEAR = -292_277_022_399n;
const DAY = 86_400n;
const DAYS_PER_400_YEARS = 146_097n;
const DAYS_PER_100_YEARS = 36_524n;
const DAYS_PER_4_YEARS = 1_461n;

export interface GoDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  /** 1 to 366. */
  readonly yearDay: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly daysInMonth: number;
}

const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365] as const;

export function goDate(seconds: number): GoDate {
  const isWhole = Math.abs(seconds) < 2 ** 63;
  const unix = isWhole ? BigInt(Math.trunc(seconds)) : SECONDS_MIN;
  const absolute = BigInt.asUintN(64, unix + UNIX_TO_ABSOLUTE);
  const days = absolute / DAY;
  const inDay = Number(absolute % DAY);
  const { year, yearDay, isLeap } = yearOf(days);
  const leapDay = isLeap ? 1 : 0;
  const before = (month: number): number =>
    (daysBefore[month] as number) + (month >= 2 ? leapDay : 0);
  let month = 0;
  while (yearDay >= before(month + 1)) month++;
  return {
    year: Number(year),
    month: month + 1,
    day: yearDay - before(month) + 1,
    yearDay: yearDay + 1,
    // The first day of Go's year zero was a Monday.
    weekday: Number((days + 1n) % 7n),
    hour: Math.floor(inDay / 3600),
    minute: Math.floor((inDay % 3600) / 60),
    daysInMonth: before(month + 1) - before(month),
  };
}

function yearOf(days: bigint): { year: bigint; yearDay: number; isLeap: boolean } {
  let rest = days;
  let year = 400n * (rest / DAYS_PER_400_YEARS);
  rest %= DAYS_PER_400_YEARS;
  // The last day of the fourth century, and of the fourth year, belongs to it.
  const centuries = least(rest / DAYS_PER_100_YEARS, 3n);
  year += 100n * centuries;
  rest -= centuries * DAYS_PER_100_YEARS;
  const fours = rest / DAYS_PER_4_YEARS;
  year += 4n * fours;
  rest -= fours * DAYS_PER_4_YEARS;
  const years = least(rest / 365n, 3n);
  year += years;
  rest -= years * 365n;
  const absoluteYear = year + ABSOLUTE_YEAR;
  const isLeap =
    absoluteYear % 4n === 0n && (absoluteYear % 100n !== 0n || absoluteYear % 400n === 0n);
  return { year: absoluteYear, yearDay: Number(rest), isLeap };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
