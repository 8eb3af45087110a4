/** Logstash's TCP input with its codec `json_lines`: one JSON event a line; other lines are records as they are. */
import type { Clock, Limits, TriptychError } from "@triptych/model";
import { draftsOfLogstash } from "@triptych/wire";
import { createLineBatcher } from "../lines/line-batcher.ts";
import { createLineServer, type LineServer, type LineTls } from "../lines/line-server.ts";
import type { IngestNext } from "../next.ts";

export interface LogstashDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
  readonly tls?: LineTls;
  readonly connectionsMax?: number;
}

/** The port of Logstash's examples, for `--classic-ports`. */
export const LOGSTASH_PORT = 5000;
/** An event with a text of a megabyte and its escapes; the text is cut afterwards. */
const EVENT_BYTES_MAX = 2 * 1024 * 1024;

export function createLogstashTcp(deps: LogstashDeps): LineServer {
  const { limits } = deps;
  const batcher = createLineBatcher(deps);
  const server = createLineServer({
    ...deps,
    batcher,
    frameBytesMax: EVENT_BYTES_MAX,
    countsOctets: false,
    drafts: (frame, from) => draftsOfLogstash(frame, { limits, ...from }),
  });
  return {
    listen: (host, port) => server.listen(host, port),
    async close() {
      await server.close();
      await batcher.close();
    },
  };
}
