import { expect, test } from "vitest";
import { spreadLabels } from "./label-layout.ts";

const check = (name: string, wanted: number[], want: number[]) =>
  test(name, () => expect(spreadLabels(wanted, 16, { low: 0, high: 100 })).toEqual(want));
check("apart already", [10, 50, 90], [10, 50, 90]);
check("pushed down", [10, 12, 14], [10, 26, 42]);
check("pushed up from the edge", [99, 98, 97], [100, 84, 68]);
check("order of the input is kept", [90, 10], [90, 10]);
