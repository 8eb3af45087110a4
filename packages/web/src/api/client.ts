/** Reads the server's JSON. Every way a request can fail becomes an `ApiFailure` with a code and a sentence. */
import type { ApiError } from "@triptych/contract";
import { rootPath } from "./root-path.ts";
import { type ParamsChange, printParams } from "../state/params.ts";

export const apiBase = `${rootPath}/api/triptych`;

export class ApiFailure extends Error {
  readonly code: string;
  readonly status: number;
  readonly offset: number | undefined;
  constructor(failure: {
    code: string;
    message: string;
    status: number;
    offset?: number | undefined;
  }) {
    super(failure.message);
    this.name = "ApiFailure";
    this.code = failure.code;
    this.status = failure.status;
    this.offset = failure.offset;
  }
}

export function apiUrl(path: string, params: ParamsChange = {}): string {
  return apiBase + path + printParams(params);
}

export async function readJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      ...(signal && { signal }),
      headers: { accept: "application/json" },
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiFailure({
      code: "unreachable",
      message: "Triptych did not answer. Is the process running, and can this browser reach it?",
      status: 0,
    });
  }
  const text = await response.text();
  const body = parse(text);
  if (!response.ok) throw failureOf(response, body);
  if (body === undefined) {
    throw new ApiFailure({
      code: "not_json",
      message: `The answer to ${url.split("?")[0]} is not JSON. A proxy in between may have answered instead.`,
      status: response.status,
    });
  }
  return body as T;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failureOf(response: Response, body: unknown): ApiFailure {
  const error = (body as ApiError | undefined)?.error;
  const known =
    typeof error?.code === "string" && typeof error.message === "string" ? error : undefined;
  return new ApiFailure({
    code: known?.code ?? `http_${response.status}`,
    message:
      known?.message ?? `The server answered ${response.status} ${response.statusText}`.trim(),
    status: response.status,
    offset: known?.offset,
  });
}
