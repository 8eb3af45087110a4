/** What the event loop and the threads that read the head tell each other. */
import type { LeafJob, LeafResult } from "./leaf-job.ts";

export type ReaderRequest =
  | { readonly kind: "page" | "slab"; readonly number: number; readonly buffer: SharedArrayBuffer }
  | { readonly kind: "dropped"; readonly number: number }
  /** One after the other. */
  | { readonly kind: "job"; readonly job: LeafJob };

export type ReaderReply =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: LeafResult; readonly workedMs: number };
