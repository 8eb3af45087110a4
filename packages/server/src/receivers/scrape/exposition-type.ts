/** Which format a target is asked for, and which its answer is in (Prometheus 3: no guessing without a fallback). */
import {
  type Escaping,
  type ScrapeProtocol,
  scrapeProtocols,
} from "../../config/prometheus/global-config.ts";

/** The `Accept` header: formats by preference, each with its weight, and anything at last. */
export function acceptHeader(protocols: readonly ScrapeProtocol[], escaping: Escaping): string {
  let weight = Object.keys(scrapeProtocols).length + 1;
  const values = protocols.map((protocol) => {
    const takesEscaping = protocol === "PrometheusText1.0.0" || protocol === "OpenMetricsText1.0.0";
    const suffix = takesEscaping ? `;escaping=${escaping}` : "";
    return `${scrapeProtocols[protocol]}${suffix};q=0.${weight--}`;
  });
  return [...values, `*/*;q=0.${weight}`].join(",");
}

const MEDIA_TYPE = /^\s*([\w!#$&^.+-]+\/[\w!#$&^.+*-]+)\s*(?:;.*)?$/s;

/** The content type to parse an answer by. Throws in Prometheus' words when it is none of ours. */
export function contentTypeOf(given: string | undefined, fallback: ScrapeProtocol | ""): string {
  const instead = fallback === "" ? undefined : scrapeProtocols[fallback];
  const header = given?.trim() ?? "";
  if (header === "")
    return (
      instead ??
      fail(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
      )
    );
  const shown = JSON.stringify(header.slice(0, 200));
  const media = MEDIA_TYPE.exec(header)?.[1]?.toLowerCase();
  if (media === undefined)
    return (
      instead ??
      fail(`cannot parse Content-Type ${shown} and no fallback_scrape_protocol for target`)
    );
  switch (media) {
    case "application/openmetrics-text":
    case "text/plain":
      return media;
    case "application/vnd.google.protobuf":
      return scrapeProtocols.PrometheusProto;
    default:
      return (
        instead ??
        fail(
          `received unsupported Content-Type ${shown} and no fallback_scrape_protocol specified for target`,
        )
      );
  }
}

function fail(message: string): never {
  throw new Error(message);
}
