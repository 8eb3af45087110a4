/** What discoveries are given. */
import type { Clock } from "@triptych/model";
import type { HttpClientConfig } from "../../config/prometheus/http-client.ts";
import type { HttpClient } from "../../http-client/client.ts";

export interface DiscoveryDeps {
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly env: { readonly [name: string]: string | undefined };
  createClient(config: HttpClientConfig): HttpClient;
  /** A failure; it is counted and shown until the discovery works again. */
  readonly failed: (discovery: string, message: string) => void;
}

/** What one discovery is told. */
export interface DiscovererDeps extends DiscoveryDeps {
  readonly worked: () => void;
  readonly failing: (message: string) => void;
}
