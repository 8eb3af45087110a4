/**
 * Follows log lines as they arrive: asks the store again and again for records it has not looked at. Arrival counts,
 * not the lines' time, so late lines are shown too. The applier inserts one day after the other, so a record of one
 * day may become visible after a later record of another: heads are kept by day, and the floor below which nothing new
 * can appear follows only after a while.
 */
import { type Clock, TriptychError } from "@triptych/model";
import type { ArrivedHead, Head, LogCondition, LogSource, Seen, StoredLine } from "./source.ts";

export interface TailOptions {
  readonly conditions: readonly LogCondition[];
  readonly linesPerSecond: number;
  readonly signal: AbortSignal;
  /** Oldest first. */
  readonly onLines: (lines: readonly StoredLine[]) => void;
  readonly onMark: (text: string) => void;
  /** The store cannot answer for good; the tail has ended. */
  readonly onError: (error: unknown) => void;
}

const POLL_MS = 500;
/** Longer than the applier takes for one round unless the store is in trouble. */
const SETTLE_MS = 60_000;
/** An import of many days at once: each head is a condition of the next look, so they are given up beyond this. */
const HEADS_MAX = 200;
/** Lines of the last day tell the newest record nearly always; asking for all time costs a look at everything. */
const RECENT_NS = 86_400_000_000_000n;

/** Starts to follow; resolves when the first look is done. Ends when the signal fires. */
export async function followLogs(
  deps: { readonly source: LogSource; readonly clock: Clock },
  options: TailOptions,
): Promise<void> {
  const ask = { signal: options.signal };
  const sinceNs = BigInt(Math.floor(deps.clock.nowMs())) * 1_000_000n - RECENT_NS;
  let newest = await deps.source.newest(sinceNs, ask);
  if (newest.size === 0) newest = await deps.source.newest(0n, ask);
  // Late lines may belong to records that are newer still; the index on records finds them at once.
  for (const { writer, seq } of await deps.source.arrivedHeads(unseen(newest), [], ask))
    if (seq > (newest.get(writer) ?? 0n)) newest.set(writer, seq);
  const state = createState(newest);
  let cancel = (): void => {};
  options.signal.addEventListener("abort", () => cancel(), { once: true });
  const again = (): void => {
    if (!options.signal.aborted) cancel = deps.clock.after(POLL_MS, () => void look());
  };
  const look = async (): Promise<void> => {
    try {
      await poll(deps, options, state);
    } catch (error) {
      if (options.signal.aborted) return;
      // A busy store may answer the next time.
      if (!(error instanceof TriptychError && error.spec.retry)) return options.onError(error);
    }
    again();
  };
  again();
}

const unseen = (floors: ReadonlyMap<number, bigint>): Seen => ({ floors, heads: [] });

interface State {
  seen(): Seen;
  /** Takes note of what was looked at. */
  advance(heads: readonly Head[], nowMs: number): void;
}

function createState(newest: ReadonlyMap<number, bigint>): State {
  const floors = new Map(newest);
  let heads: Head[] = [];
  /** Newest record per writer at past looks, oldest first: they become floors once they have settled. */
  const looks: { atMs: number; newest: Map<number, bigint> }[] = [];
  return {
    seen: () => ({ floors, heads }),
    advance(found, nowMs) {
      const top = new Map<number, bigint>();
      for (const head of [...heads, ...found]) {
        // A writer that was not known is followed from its first record.
        if (!floors.has(head.writer)) floors.set(head.writer, 0n);
        if (head.seq > (top.get(head.writer) ?? 0n)) top.set(head.writer, head.seq);
      }
      const same = (a: Head, b: Head): boolean => a.writer === b.writer && a.day === b.day;
      heads = [...heads.filter((old) => !found.some((head) => same(old, head))), ...found];
      if (found.length > 0) looks.push({ atMs: nowMs, newest: top });
      while (looks[0] !== undefined && looks[0].atMs <= nowMs - SETTLE_MS)
        for (const [writer, seq] of looks.shift()?.newest ?? []) floors.set(writer, seq);
      if (heads.length > HEADS_MAX) for (const [writer, seq] of top) floors.set(writer, seq);
      heads = heads.filter((head) => head.seq > (floors.get(head.writer) ?? 0n));
    },
  };
}

async function poll(
  { source, clock }: { readonly source: LogSource; readonly clock: Clock },
  options: TailOptions,
  state: State,
): Promise<void> {
  const ask = { signal: options.signal };
  const seen = state.seen();
  const found: ArrivedHead[] = await source.arrivedHeads(seen, options.conditions, ask);
  const matching = found.reduce((sum, head) => sum + head.matching, 0);
  if (matching > 0) {
    const limit = Math.max(1, Math.ceil((options.linesPerSecond * POLL_MS) / 1000));
    const query = { conditions: options.conditions, limit };
    const lines = await source.arrivedLines({ seen, heads: found }, query, ask);
    if (matching > lines.length)
      options.onMark(
        `${matching - lines.length} lines were left out because they came faster than ${options.linesPerSecond} a second`,
      );
    if (lines.length > 0) options.onLines(lines.reverse());
  }
  state.advance(found, clock.nowMs());
}
