/** Times and dates, all in UTC. */
import type { GoDate } from "../go-date.ts";
import { define, type FunctionSpec } from "./spec.ts";

const date = (name: string, doc: string, run: (date: GoDate) => number): FunctionSpec =>
  define({
    name,
    args: ["vector"],
    variadic: 1,
    timeDependent: true,
    doc: `${doc} Of the evaluation time when the argument is left out.`,
    example: `${name}(process_start_time_seconds)`,
    kernel: { kind: "date", run },
  });

const context = (name: string, doc: string): FunctionSpec =>
  define({
    name,
    args: [],
    returns: "scalar",
    experimental: true,
    timeDependent: true,
    doc,
    example: `${name}()`,
    kernel: { kind: "context" },
  });

export const timeFunctions: readonly FunctionSpec[] = [
  define({
    name: "time",
    args: [],
    returns: "scalar",
    timeDependent: true,
    doc: "The evaluation time in seconds since 1970.",
    example: "time() - process_start_time_seconds",
    kernel: { kind: "scalar", run: (timeMs) => timeMs / 1000 },
  }),
  context("start", "The beginning of the query's time range, in seconds since 1970."),
  context("end", "The end of the query's time range, in seconds since 1970."),
  context("range", "The length of the query's time range in seconds."),
  context("step", "The query's step in seconds; 0 for an instant query."),
  date("minute", "Minute of the hour, 0 to 59.", (d) => d.minute),
  date("hour", "Hour of the day, 0 to 23.", (d) => d.hour),
  date("day_of_week", "Day of the week, 0 (Sunday) to 6.", (d) => d.weekday),
  date("day_of_month", "Day of the month, 1 to 31.", (d) => d.day),
  date("day_of_year", "Day of the year, 1 to 366.", (d) => d.yearDay),
  date("days_in_month", "How many days the month has.", (d) => d.daysInMonth),
  date("month", "Month of the year, 1 to 12.", (d) => d.month),
  date("year", "Year.", (d) => d.year),
];
