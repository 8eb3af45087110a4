/** Arithmetic in templates: whole numbers, and with an `f` at the end of the name, floats. */
import type { GoFunction, GoValue } from "../gotemplate/value.ts";
import { any, toFloat, toInt } from "./template-call.ts";

const ints = (run: (a: bigint, b: bigint) => bigint): GoFunction =>
  any(
    2,
    (args) => args.slice(1).reduce<bigint>((sum, arg) => run(sum, toInt(arg)), toInt(args[0])),
    true,
  );
const floats = (run: (a: number, b: number) => number): GoFunction =>
  any(
    2,
    (args) => args.slice(1).reduce<number>((sum, arg) => run(sum, toFloat(arg)), toFloat(args[0])),
    true,
  );
const twoInts = (run: (a: bigint, b: bigint) => bigint): GoFunction =>
  any(2, ([a, b]) => run(toInt(a), toInt(b)));

function divided(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new Error("runtime error: integer divide by zero");
  return a / b;
}

/** Rounds half away from zero at so many places. */
function rounded(value: GoValue | undefined, places: GoValue | undefined, up: number): number {
  const scale = 10 ** Number(toInt(places));
  const digits = toFloat(value) * scale;
  const whole = Math.trunc(digits);
  return (Math.abs(digits - whole) >= up ? whole + Math.sign(digits) : whole) / scale;
}

export const mathFunctions: readonly (readonly [string, GoFunction])[] = [
  ["int", any(1, ([value]) => toInt(value))],
  ["float64", any(1, ([value]) => toFloat(value))],
  ["add", any(1, (args) => args.reduce<bigint>((sum, arg) => sum + toInt(arg), 0n), true)],
  ["sub", twoInts((a, b) => a - b)],
  ["mul", ints((a, b) => a * b)],
  ["div", twoInts(divided)],
  ["mod", twoInts((a, b) => a - divided(a, b) * b)],
  ["addf", any(1, (args) => args.reduce<number>((sum, arg) => sum + toFloat(arg), 0), true)],
  ["subf", floats((a, b) => a - b)],
  ["mulf", floats((a, b) => a * b)],
  ["divf", floats((a, b) => a / b)],
  ["max", ints((a, b) => (a > b ? a : b))],
  ["min", ints((a, b) => (a < b ? a : b))],
  ["maxf", floats(Math.max)],
  ["minf", floats(Math.min)],
  ["ceil", any(1, ([value]) => Math.ceil(toFloat(value)))],
  ["floor", any(1, ([value]) => Math.floor(toFloat(value)))],
  [
    "round",
    any(
      3,
      ([value, places, up]) => rounded(value, places, up === undefined ? 0.5 : toFloat(up)),
      true,
    ),
  ],
];
