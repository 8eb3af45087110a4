/** What a thread does that computes over the head's samples. */
import { type LeafJob, runLeafJob } from "./leaf-job.ts";
import { Pages } from "./pages.ts";
import type { ReaderReply, ReaderRequest } from "./reader-messages.ts";
import { Slabs } from "./slabs.ts";

/** The thread's end of a `MessagePort`. */
export interface ReaderPort {
  postMessage(reply: ReaderReply, moved?: ArrayBuffer[]): void;
  on(event: "message", take: (request: ReaderRequest) => void): unknown;
}

export function serveReader(port: ReaderPort, version: Int32Array): void {
  const tables = { version, pages: new Pages(), slabs: new Slabs() };
  const compute = (job: LeafJob): void => {
    const startedMs = performance.now();
    const result = runLeafJob(tables, job);
    const workedMs = performance.now() - startedMs;
    const moved = result.kind === "groups" ? [result.has.buffer, result.value.buffer] : [];
    port.postMessage({ kind: "result", result, workedMs }, moved as ArrayBuffer[]);
  };
  port.on("message", (request) => {
    switch (request.kind) {
      case "page":
        return tables.pages.adopt(request.number, request.buffer);
      case "dropped":
        return tables.pages.release(request.number);
      case "slab":
        return tables.slabs.adopt(request.number, request.buffer);
      case "job":
        return compute(request.job);
    }
  });
  port.postMessage({ kind: "ready" });
}
