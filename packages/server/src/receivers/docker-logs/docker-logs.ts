/** Reads the logs of containers through Docker's API: a reader for each container that is there. */
import type { HttpClientConfig } from "../../config/prometheus/http-client.ts";
import { repeat } from "../../self/repeat.ts";
import { askJson } from "../discovery/ask-json.ts";
import type { HttpClient } from "../../http-client/client.ts";
import {
  type Container,
  type ContainerReader,
  createContainerReader,
  type DockerPlace,
  type ReaderDeps,
} from "./container-reader.ts";
import { type ContainerChoice, listedContainers } from "./containers.ts";

export type DockerLogsDeps = Omit<ReaderDeps, "failing" | "worked"> & {
  createClient(config: HttpClientConfig): HttpClient;
  readonly client: HttpClientConfig;
};

export interface DockerLogs {
  /** The containers that are there now. */
  setContainers(containers: readonly Container[]): void;
  close(): Promise<void>;
}

export interface ListedDockerLogs {
  start(): void;
  close(): Promise<void>;
}

/** Each follows one connection. */
const CONTAINERS_MAX = 1000;
const LIST_EVERY_MS = 10_000;
const LIST_TIMEOUT_MS = 10_000;

/** `unix:///path`, `tcp://host:port` or `http(s)://host:port`. */
export function dockerPlace(host: string, client: HttpClient): DockerPlace {
  const isSocket = host.startsWith("unix://");
  return {
    client,
    base: isSocket ? "http://localhost" : host.replace(/^tcp:/, "http:").replace(/\/+$/, ""),
    socketPath: isSocket ? host.slice("unix://".length) : undefined,
  };
}

export function createDockerLogs(host: string, deps: DockerLogsDeps): DockerLogs {
  const client = deps.createClient(deps.client);
  const place = dockerPlace(host, client);
  const readers = new Map<string, ContainerReader>();
  const said = new Map<string, string>();
  const problemCode = `docker_logs ${deps.job}`;
  const raise = (): void => {
    const [first] = said.values();
    if (first === undefined) deps.problems.clear(problemCode);
    else deps.problems.raise(problemCode, first, 0);
  };
  const readerDeps: ReaderDeps = {
    ...deps,
    failing(id, message) {
      if (said.get(id) === message) return;
      said.set(id, message);
      deps.log("warn", `a container's log cannot be read: ${message}`, { container: id });
      raise();
    },
    worked(id) {
      if (said.delete(id)) raise();
    },
  };
  return {
    setContainers(containers) {
      const wanted = new Map(containers.slice(0, CONTAINERS_MAX).map((one) => [one.id, one]));
      for (const [id, reader] of readers) if (!wanted.has(id)) reader.gone();
      for (const [id, container] of wanted) {
        if (readers.has(id)) continue;
        const reader = createContainerReader(container, place, readerDeps);
        readers.set(id, reader);
        void reader.ended.then(() => {
          readers.delete(id);
          readerDeps.worked(id);
        });
      }
    },
    async close() {
      await Promise.all([...readers.values()].map((reader) => reader.close()));
      client.close();
    },
  };
}

/** All chosen containers of a daemon; what it tells of starts makes them found at once. */
export function createListedDockerLogs(
  host: string,
  choice: ContainerChoice,
  deps: DockerLogsDeps,
): ListedDockerLogs {
  const logs = createDockerLogs(host, deps);
  const client = deps.createClient(deps.client);
  const place = dockerPlace(host, client);
  const abort = new AbortController();
  const { socketPath, base } = place;
  let stop = (): void => {};
  let isListening = false;
  const list = async (): Promise<void> => {
    try {
      const { body } = await askJson(client, {
        url: `${base}/containers/json`,
        timeoutMs: LIST_TIMEOUT_MS,
        signal: abort.signal,
        socketPath,
      });
      if (abort.signal.aborted) return;
      logs.setContainers(listedContainers(body, choice));
      deps.problems.clear("docker_list");
      void listen();
    } catch (error) {
      if (abort.signal.aborted) return;
      const message = `Docker at ${host} does not list its containers: ${error instanceof Error ? error.message : String(error)}`;
      deps.problems.raise("docker_list", message, 3 * LIST_EVERY_MS);
    }
  };
  const listen = async (): Promise<void> => {
    if (isListening) return;
    isListening = true;
    const filters = encodeURIComponent(JSON.stringify({ type: ["container"], event: ["start"] }));
    try {
      const url = `${base}/events?filters=${filters}`;
      const answer = await client.open({ url, timeoutMs: 0, signal: abort.signal, socketPath });
      abort.signal.addEventListener("abort", () => answer.destroy(), { once: true });
      for await (const _event of answer) await list();
    } catch {
      // Without events the list, which is asked for again and again, is enough.
    } finally {
      isListening = false;
    }
  };
  return {
    start() {
      void list();
      stop = repeat(deps.clock, LIST_EVERY_MS, list);
    },
    async close() {
      stop();
      abort.abort();
      await logs.close();
      client.close();
    },
  };
}
