/** Two texts line by line: what is only in the first is marked `-`, what is only in the second `+`. */

/** Longer texts are shown one after the other: the table of all pairs would be too large. */
const LINES_MAX = 2_000;

export function lineDiff(first: string, second: string): string {
  const a = first.split("\n");
  const b = second.split("\n");
  if (a.length > LINES_MAX || b.length > LINES_MAX)
    return [...a.map((line) => `- ${line}`), ...b.map((line) => `+ ${line}`)].join("\n");
  const common = commonTable(a, b);
  const at = (i: number, j: number): number => common[i * (b.length + 1) + j] as number;
  const out: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(`  ${a[i]}`);
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1)))
      out.push(`- ${a[i++]}`);
    else out.push(`+ ${b[j++]}`);
  }
  return out.join("\n");
}

/** For each pair of places how many lines the rests have in common, in order. */
function commonTable(a: readonly string[], b: readonly string[]): Uint16Array {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] =
        a[i] === b[j]
          ? (table[(i + 1) * width + j + 1] as number) + 1
          : Math.max(table[(i + 1) * width + j] as number, table[i * width + j + 1] as number);
  return table;
}
