/** Changing state (incidents now; silences, alert state, dashboards later) into blocks of the `state` table. */
import { NativeWriter } from "@triptych/wire";
import type { Block } from "../../../journal/block.ts";
import { state } from "../tables.ts";
import { plainNames } from "./samples.ts";

export interface StateRow {
  /** What kind of thing: `incident`. */
  readonly kind: string;
  readonly key: string;
  /** The newest version of a key counts: use the time of the change, milliseconds. */
  readonly version: number;
  readonly json: string;
}

export function encodeState(rows: readonly StateRow[]): Block {
  const writer = new NativeWriter(4096);
  writer.header(5, rows.length);
  plainNames(writer, "b_Kind", rows, (row) => row.kind);
  writer.column("b_Key", "String");
  for (const row of rows) writer.text(row.key);
  writer.column("b_Version", "UInt64");
  for (const row of rows) writer.u64(row.version);
  writer.column("b_Deleted", "UInt8");
  for (const _ of rows) writer.u8(0);
  writer.column("b_Json", "String");
  for (const row of rows) writer.text(row.json);
  return { kind: state.name, partition: 0, rows: rows.length, bytes: writer.take() };
}
