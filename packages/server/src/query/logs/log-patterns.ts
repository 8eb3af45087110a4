/** Templates of the lines that a query finds. */
import type { LogqlQuery } from "@triptych/lang";
import { createDrain, type LogTemplate } from "./drain.ts";
import type { LogAsk, LogRange } from "./source.ts";

/** Reads texts of lines, newest first. */
export type ReadTexts = (
  question: { readonly query: LogqlQuery; readonly range: LogRange; readonly linesMax: number },
  ask: LogAsk,
  take: (line: { readonly text: string; readonly timeNs: bigint; readonly level: string }) => void,
) => Promise<void>;

/** More lines do not make the templates better. */
const LINES_MAX = 100_000;

export interface LeveledTemplate extends LogTemplate {
  readonly level: string;
}

export async function logPatterns(
  read: ReadTexts,
  question: { readonly query: LogqlQuery; readonly range: LogRange; readonly slotMs: number },
  ask: LogAsk,
): Promise<LeveledTemplate[]> {
  const drains = new Map<string, ReturnType<typeof createDrain>>();
  await read({ ...question, linesMax: LINES_MAX }, ask, ({ text, timeNs, level }) => {
    const drain = drains.get(level) ?? createDrain({ slotMs: question.slotMs });
    drains.set(level, drain);
    drain.add(text, Number(timeNs / 1_000_000n));
  });
  const all = [...drains].flatMap(([level, drain]) =>
    drain.templates().map((template) => ({ ...template, level })),
  );
  return all.sort((a, b) => b.lines - a.lines);
}
