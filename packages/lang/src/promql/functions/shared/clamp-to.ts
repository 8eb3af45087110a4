/** A number held between two others, as Go compares them: what is no number makes the result none. */
import { larger, smaller } from "../../go-math.ts";

export const clampTo = (value: number, min: number, max: number): number =>
  larger(min, smaller(max, value));
