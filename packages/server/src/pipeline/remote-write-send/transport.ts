/** How a request of remote write gets to the other side; `http-transport.ts` is the one that is used. */
export interface RemoteRequest {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface RemoteAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The beginning of the body. */
  readonly text: string;
}

export interface RemoteTransport {
  /** Rejects when there is no answer: the network, the name, the time limit. */
  post(request: RemoteRequest): Promise<RemoteAnswer>;
  close(): void;
}
