/**
 * Objects of one kind, as the API server has them: listed in pages, then watched. A watch that ends goes on from
 * where it was; when the server no longer knows that place, everything is listed again.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "@triptych/model";
import type { HttpClient } from "../../../http-client/client.ts";
import { askJson, listOf, objectOf, textOf } from "../ask-json.ts";
import { pause } from "../refresh.ts";

export type KubeObject = { readonly [key: string]: unknown };

export interface ObjectStore {
  /** False before the first list is complete. */
  isListed(): boolean;
  all(): Iterable<KubeObject>;
  /** `namespace/name`, or the name alone of what is in no namespace. */
  get(key: string): KubeObject | undefined;
}

export interface StoreQuery {
  readonly client: HttpClient;
  /** The address of the list, such as `https://…/api/v1/namespaces/default/pods`. */
  readonly url: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly changed: () => void;
  readonly worked: () => void;
  readonly failing: (message: string) => void;
}

const PAGE = 500;
const OBJECTS_MAX = 200_000;
const LIST_TIMEOUT_MS = 60_000;
/** The server ends a watch after this; a little later we do. */
const WATCH_SECONDS = 300;
const WATCH_SPARE_MS = 30_000;
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const RETRY_MS = { first: 1000, most: 30_000 } as const;

export function createObjectStore(query: StoreQuery): ObjectStore {
  const objects = new Map<string, KubeObject>();
  let listed = false;
  const run = async (): Promise<void> => {
    const { signal, clock } = query;
    let waitMs: number = RETRY_MS.first;
    while (!signal.aborted) {
      try {
        let version = await listInto(objects, query);
        listed = true;
        query.worked();
        query.changed();
        waitMs = RETRY_MS.first;
        while (!signal.aborted && version !== "") version = await watch(objects, version, query);
      } catch (error) {
        if (signal.aborted) return;
        query.failing(error instanceof Error ? error.message : String(error));
      }
      await pause(clock, waitMs, signal);
      waitMs = Math.min(RETRY_MS.most, waitMs * 2);
    }
  };
  void run();
  return {
    isListed: () => listed,
    all: () => objects.values(),
    get: (key) => objects.get(key),
  };
}

export function keyOf(object: KubeObject): string {
  const { namespace, name } = objectOf(object["metadata"]);
  return textOf(namespace) === "" ? textOf(name) : `${textOf(namespace)}/${textOf(name)}`;
}

function address(query: StoreQuery, more: { readonly [name: string]: string }): string {
  const params = new URLSearchParams(more);
  if (query.labelSelector !== "") params.set("labelSelector", query.labelSelector);
  if (query.fieldSelector !== "") params.set("fieldSelector", query.fieldSelector);
  return `${query.url}?${params.toString()}`;
}

/** Takes over the whole list; the version to watch from. */
async function listInto(objects: Map<string, KubeObject>, query: StoreQuery): Promise<string> {
  const found = new Map<string, KubeObject>();
  let next = "";
  for (;;) {
    const page = { limit: String(PAGE), ...(next === "" ? {} : { continue: next }) };
    const { body } = await askJson(query.client, {
      url: address(query, page),
      timeoutMs: LIST_TIMEOUT_MS,
      signal: query.signal,
    });
    for (const item of listOf(objectOf(body)["items"]))
      found.set(keyOf(objectOf(item)), objectOf(item));
    if (found.size > OBJECTS_MAX)
      throw new Error(`more than ${OBJECTS_MAX} objects at ${query.url}`);
    const metadata = objectOf(objectOf(body)["metadata"]);
    next = textOf(metadata["continue"]);
    if (next !== "") continue;
    objects.clear();
    for (const [key, item] of found) objects.set(key, item);
    return textOf(metadata["resourceVersion"]) || "0";
  }
}

/** Watches until the server ends it; the version to go on from, "" when everything must be listed again. */
async function watch(
  objects: Map<string, KubeObject>,
  from: string,
  query: StoreQuery,
): Promise<string> {
  const abort = new AbortController();
  const end = (): void => abort.abort();
  query.signal.addEventListener("abort", end);
  const cancel = query.clock.after(WATCH_SECONDS * 1000 + WATCH_SPARE_MS, end);
  let version = from;
  try {
    const answer = await query.client.open({
      url: address(query, {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: from,
        timeoutSeconds: String(WATCH_SECONDS),
      }),
      headers: { accept: "application/json" },
      timeoutMs: 0,
      signal: abort.signal,
    });
    if (answer.statusCode !== 200) {
      answer.destroy();
      if (answer.statusCode === 410) return "";
      throw new Error(`watching ${query.url}: server returned HTTP status ${answer.statusCode}`);
    }
    for await (const line of lines(answer)) {
      const event = objectOf(JSON.parse(line));
      const object = objectOf(event["object"]);
      if (event["type"] === "ERROR") {
        answer.destroy();
        return "";
      }
      version = textOf(objectOf(object["metadata"])["resourceVersion"]) || version;
      if (event["type"] === "BOOKMARK") continue;
      if (event["type"] === "DELETED") objects.delete(keyOf(object));
      else if (objects.size < OBJECTS_MAX) objects.set(keyOf(object), object);
      query.changed();
    }
    return version;
  } finally {
    cancel();
    query.signal.removeEventListener("abort", end);
  }
}

async function* lines(answer: IncomingMessage): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    let start = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, at)]).toString("utf8");
      parts = [];
      held = 0;
      start = at + 1;
      if (line.trim() !== "") yield line;
    }
    held += chunk.length - start;
    if (held > LINE_BYTES_MAX) throw new Error(`an event is larger than ${LINE_BYTES_MAX} bytes`);
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
}
