/**
 * A window of events between a sender and us: the sender says how many it sends before it waits, and is answered with
 * the number of the last one when all of them are durable. A large window is stored in pieces.
 */
import type { BeatsEvent, BeatsVersion, PlainBeatsFrame } from "@triptych/wire";

/** Events and bytes that are stored together. */
const PIECE_EVENTS_MAX = 10_000;
const PIECE_BYTES_MAX = 4 * 1024 * 1024;

/** What is to be done before the next frame is taken: "piece" is stored, "window" is also acknowledged. */
export type Due = "nothing" | "piece" | "window";

export interface BeatsWindow {
  take(frame: PlainBeatsFrame): Due;
  /** Gives the events that are to be stored. */
  drain(): readonly BeatsEvent[];
  /** What was drained is durable. */
  stored(): void;
  /** Everything that came is acknowledged. */
  acknowledged(): void;
  /** Events came that were not acknowledged. */
  readonly isOpen: boolean;
  /** Of the window more events are to come. A sender that announces none is answered after what it wrote at once. */
  readonly isPartial: boolean;
  readonly version: BeatsVersion;
  /** The number of the last event that came. */
  readonly last: number;
  /** The number of the last event of this window that is durable; 0 when none is. */
  readonly progress: number;
}

export function createBeatsWindow(): BeatsWindow {
  let pending: BeatsEvent[] = [];
  let pendingBytes = 0;
  let left = 0;
  const state = { isOpen: false, version: 2 as BeatsVersion, last: 0, progress: 0 };
  return {
    take(frame) {
      state.version = frame.version;
      if (frame.kind === "window") {
        left = frame.events;
        // What came before, of a window that was never filled, is answered as it is.
        return state.isOpen ? "window" : "nothing";
      }
      const { event } = frame;
      pending.push(event);
      pendingBytes += event.bytes.length;
      state.last = event.sequence;
      state.isOpen = true;
      if (left > 0 && --left === 0) return "window";
      const isFull = pending.length >= PIECE_EVENTS_MAX || pendingBytes >= PIECE_BYTES_MAX;
      return isFull ? "piece" : "nothing";
    },
    drain() {
      const events = pending;
      pending = [];
      pendingBytes = 0;
      return events;
    },
    stored() {
      state.progress = state.last;
    },
    acknowledged() {
      state.isOpen = false;
      state.progress = 0;
    },
    get isOpen() {
      return state.isOpen;
    },
    get isPartial() {
      return state.isOpen && left > 0;
    },
    get version() {
      return state.version;
    },
    get last() {
      return state.last;
    },
    get progress() {
      return state.progress;
    },
  };
}
