/** Values of promtail's file that Prometheus' has not: Go durations, byte sizes, and parts that nobody looks at. */
import { parseBytes, parseGoDurationNs } from "@triptych/lang";
import { type Kind, parsed, problem } from "../prometheus/kinds.ts";
import { parseDuration } from "../prometheus/scalars.ts";

const NS_PER_MS = 1_000_000;

/** Milliseconds of `3s`, `1.5h`, and of Prometheus' `1d`. */
export function goDuration(initialMs = 0): Kind<number> {
  return parsed(initialMs, 0, durationMs);
}

function durationMs(given: string): number {
  if (given === "" || given === "0") return 0;
  // Days and weeks are Prometheus' only, fractions Go's only.
  if (/^[\d]+[wdy]/.test(given)) return parseDuration(given);
  try {
    return parseGoDurationNs(given) / NS_PER_MS;
  } catch {
    return problem(`not a valid duration string: ${JSON.stringify(given)}`);
  }
}

/** Bytes of `256kb`, `8MiB` or a plain number. */
export function byteSize(initial = 0): Kind<number> {
  return parsed(initial, 0, (given) => {
    try {
      return /^\d+$/.test(given) ? Number(given) : parseBytes(given);
    } catch {
      return problem(`not a valid size: ${JSON.stringify(given)}`);
    }
  });
}

/** Whatever stands there: it means nothing here, and so nothing in it can be wrong. */
export const anything: Kind<boolean> = {
  initial: () => false,
  read: (reader, node) => !reader.isNull(node),
};

/** A text, or a list of texts. */
export const textOrList: Kind<readonly string[]> = {
  initial: () => [],
  read(reader, node) {
    if (reader.isNull(node)) return [];
    if (node !== null && "items" in node)
      return reader.items(node, "list").map((one) => reader.text(one, "string") ?? "");
    return [reader.text(node, "string") ?? ""];
  },
};
