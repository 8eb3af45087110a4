/**
 * Remote write bodies as a real Prometheus sent them, in `corpus/wire/remote-write`: each `.snappy` file has a `.txt`
 * with the rows it holds.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultLimits } from "@triptych/model";
import { expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { decodeSnappy } from "../snappy/block.ts";
import { decodeRemoteWrite } from "./decode.ts";
import { sampleRows } from "./rows-for-tests.ts";

const directory = fileURLToPath(new URL("../../../../corpus/wire/remote-write", import.meta.url));
const names = readdirSync(directory).filter((name) => name.endsWith(".snappy"));

test.each(names)("%s", (name) => {
  const sent = readFileSync(join(directory, name));
  const body = drain(decodeSnappy(sent, defaultLimits.bodyBytesMax));
  const options = { limits: defaultLimits, nowMs: 4_000_000_000_000 };
  const { batch, rejected } = drain(decodeRemoteWrite(body, "1.0", options));
  const metadata = batch.metadata.map((one) => `${one.family} ${one.type}: ${one.help}`);
  const text = `${[...sampleRows(batch), ...metadata].join("\n")}\n`;
  expect(text).toBe(readFileSync(join(directory, name.replace(".snappy", ".txt")), "utf8"));
  expect(rejected).toBe(0);
});
