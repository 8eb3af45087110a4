/**
 * Remote write over HTTP with what `remote_write` says of the connection: headers, who asks, TLS, proxies, redirects,
 * and one address after another of a name with several. Connections are kept.
 */
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Clock } from "@triptych/model";
import { type ClientConfig, createHttpClient } from "../../http-client/client.ts";
import type { RemoteTransport } from "./transport.ts";

export interface HttpTransportDeps {
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly client: ClientConfig;
  readonly roundRobinDns: boolean;
  readonly random: () => number;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
}

/** An answer is a text for people; what is longer is somebody else's page. */
const ANSWER_BYTES_MAX = 1024 * 1024;
const TEXT_BYTES_MAX = 16 * 1024;

export function createHttpTransport(deps: HttpTransportDeps): RemoteTransport {
  const { url, clock, env, userAgent } = deps;
  const client = createHttpClient(deps.client, {
    clock,
    env,
    userAgent,
    ...(deps.roundRobinDns ? { lookup: anyAddress(deps.random) } : {}),
  });
  return {
    async post({ body, headers: own, timeoutMs, signal }) {
      const headers = { ...Object.fromEntries(deps.headers), ...own };
      const request = { url, method: "POST", headers, body, timeoutMs, signal } as const;
      const answer = await client.fetch(request, { bytesMax: ANSWER_BYTES_MAX });
      const found = Object.entries(answer.headers).map(
        ([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value] as const,
      );
      const text = Buffer.from(answer.body.subarray(0, TEXT_BYTES_MAX)).toString("utf8");
      return { status: answer.status, headers: Object.fromEntries(found), text };
    },
    close: () => client.close(),
  };
}

/** Connections of one name spread over all its addresses. */
function anyAddress(random: () => number): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const one = found?.[Math.floor(random() * found.length)];
      if (error !== null || one === undefined)
        callback(error ?? new Error(`no address for ${hostname}`), "", 0);
      else if (options.all === true) callback(null, [one]);
      else callback(null, one.address, one.family);
    });
  };
}
