/** Certificates of receivers: from the files that the configuration names to what a TLS server needs. */
import { readFile } from "node:fs/promises";
import { TriptychError } from "@triptych/model";
import type { LineTls } from "./lines/line-server.ts";

export interface TlsFiles {
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly tlsClientCaFile: string;
}

/** Undefined when TLS is not asked for. Throws `config_invalid`, which names the key in `section`. */
export async function readTlsFiles(files: TlsFiles, section: string): Promise<LineTls | undefined> {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile } = files;
  if (tlsCertFile === "" && tlsKeyFile === "") return undefined;
  if (tlsCertFile === "" || tlsKeyFile === "")
    throw invalid(`${section}: tlsCertFile and tlsKeyFile are needed together`);
  const read = (path: string, key: string): Promise<string> =>
    readFile(path, "utf8").catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw invalid(`${section}.${key}: ${JSON.stringify(path)} cannot be read: ${why}`);
    });
  const [cert, key] = [
    await read(tlsCertFile, "tlsCertFile"),
    await read(tlsKeyFile, "tlsKeyFile"),
  ];
  if (tlsClientCaFile === "") return { cert, key };
  return { cert, key, ca: await read(tlsClientCaFile, "tlsClientCaFile") };
}

const invalid = (message: string): TriptychError => new TriptychError("config_invalid", message);
