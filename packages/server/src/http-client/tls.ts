/** TLS of an HTTP client: certificates and keys from the configuration or from files, which may change while we run. */
import { readFile } from "node:fs/promises";
import type { SecureVersion } from "node:tls";
import type { TlsConfig, TlsVersion } from "../config/prometheus/http-client.ts";

export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
}

const versions: { readonly [V in TlsVersion]: SecureVersion } = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

/** Reads the files anew each time: they are small, and a renewed certificate must be taken up. */
export async function tlsOptions(config: TlsConfig): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([
    inlineOrFile(config.ca, config.ca_file),
    inlineOrFile(config.cert, config.cert_file),
    inlineOrFile(config.key.reveal(), config.key_file),
  ]);
  return {
    rejectUnauthorized: !config.insecure_skip_verify,
    ...(ca === "" ? {} : { ca }),
    ...(cert === "" ? {} : { cert }),
    ...(key === "" ? {} : { key }),
    ...(config.server_name === "" ? {} : { servername: config.server_name }),
    ...(config.min_version === "" ? {} : { minVersion: versions[config.min_version] }),
    ...(config.max_version === "" ? {} : { maxVersion: versions[config.max_version] }),
  };
}

/** Text of the configuration, or of the file it names; "" when there is neither. */
export async function inlineOrFile(inline: string, file: string): Promise<string> {
  if (inline !== "" || file === "") return inline;
  return (await readFile(file, "utf8")).trim();
}
