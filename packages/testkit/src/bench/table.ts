/** Figures beside their budgets and the committed baseline. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly budget?: number;
  readonly better?: "more" | "less";
}

export type Baseline = { readonly [name: string]: number };

const number = (value: number): string =>
  (Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100).toLocaleString("en");

function verdict({ value, budget, better }: Row): string {
  if (budget === undefined || better === undefined) return "";
  const good = better === "more" ? value >= budget : value <= budget;
  return good ? "within" : "beyond";
}

export function renderTable(rows: readonly Row[], baseline: Baseline): string {
  const lines = rows.map((row) => [
    row.name,
    `${number(row.value)} ${row.unit}`.trim(),
    row.budget === undefined ? "" : `${number(row.budget)} ${verdict(row)}`,
    baseline[row.name] === undefined ? "" : number(baseline[row.name] ?? 0),
  ]);
  const all = [["what", "measured", "budget", "baseline"], ...lines];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...all.map((line) => (line[i] ?? "").length)));
  return all
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
