/** How the files of a job are read. */
import type { Positions } from "../log-lines/positions.ts";
import type { LogSourceDeps } from "../log-lines/submit.ts";
import type { Stage } from "../log-stages/entry.ts";
import type { FileCounters } from "./counters.ts";

export interface TailerOptions {
  /** Unique among jobs: part of keys and hashes. */
  readonly job: string;
  /** Undefined when lines are sent as they are. */
  readonly stage: Stage | undefined;
  /** "" is UTF-8. */
  readonly encoding: string;
  readonly compression: "gz" | "z" | "by-name" | undefined;
  /** A compressed file must have been left alone for so long. */
  readonly compressionDelayMs: number;
  readonly ignoreOlderMs: number;
  readonly startAt: "beginning" | "end";
  readonly lineBytes: { readonly max: number; readonly cut: boolean };
  /** How often files are looked for. */
  readonly scanMs: number;
  /** Offsets by path that another program left. */
  readonly inherited: ReadonlyMap<string, number>;
}

export interface TailerDeps extends LogSourceDeps {
  readonly positions: Positions;
  readonly counters: FileCounters;
}
