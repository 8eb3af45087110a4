/** What a part of the process keeps in the `state` table: values of one kind, each under its own key. */
import type { Journal } from "../journal/journal.ts";
import { encodeState } from "./clickhouse/encode/state.ts";
import { readState } from "./clickhouse/select/state.ts";
import type { Store } from "./store.ts";

export interface SavedState<T> {
  /** The newest version of every key. Waits for what the last process acknowledged to reach the store. */
  load(): Promise<readonly T[]>;
  /** Keeps a version of a key; resolves when it will survive a crash. The greatest version counts. */
  save(entry: { readonly key: string; readonly version: number; readonly value: T }): Promise<void>;
}

/** The values are trusted to be what this process, or an earlier one, saved. */
export function createSavedState<T>(
  kind: string,
  { store, journal }: { readonly store: Store; readonly journal: Journal },
): SavedState<T> {
  return {
    async load() {
      await journal.drained();
      return (await readState(store.engine, kind)).map(({ json }) => JSON.parse(json) as T);
    },
    save({ key, version, value }) {
      const json = JSON.stringify(value);
      return journal.appendBlocks([encodeState([{ kind, key, version, json }])]);
    },
  };
}
