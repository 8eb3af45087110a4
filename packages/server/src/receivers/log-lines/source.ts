/** What sources of lines are made from, and what a running one is. */
import type { CompileRegex } from "@triptych/lang";
import type { LogSourcesConfig } from "../../config/log-sources-schema.ts";
import type { HttpClientConfig } from "../../config/prometheus/http-client.ts";
import type { FileCounters } from "../files/counters.ts";
import type { StageDeps } from "../log-stages/entry.ts";
import type { HttpClient } from "../../http-client/client.ts";
import type { Positions } from "./positions.ts";
import type { LogSourceDeps } from "./submit.ts";

export interface LogSourcesDeps extends LogSourceDeps {
  readonly config: LogSourcesConfig;
  /** Where positions are kept. */
  readonly dataDirectory: string;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly env: { readonly [name: string]: string | undefined };
  readonly hostname: string;
  readonly compileRegex: CompileRegex;
  createClient(config: HttpClientConfig): HttpClient;
}

/** What a running source needs, besides what all have. */
export interface SourceContext extends LogSourcesDeps {
  readonly positions: Positions;
  readonly counters: FileCounters;
  readonly stageDeps: StageDeps;
}

export interface Source {
  close(): Promise<void> | void;
}
