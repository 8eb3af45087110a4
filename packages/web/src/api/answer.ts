/**
 * One question to the server as a page sees it: the newest answer (kept while a newer one is read), whether it is
 * stale, what went wrong, and the way to cancel or ask again.
 */
import {
  keepPreviousData,
  type UseQueryOptions,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import type { ParamsChange } from "../state/params.ts";
import { ApiFailure, apiUrl, readJson } from "./client.ts";

export interface Answer<T> {
  readonly data: T | undefined;
  /** A newer answer is on its way, or the last attempt failed and this is from before. */
  readonly stale: boolean;
  readonly waiting: boolean;
  readonly failure: ApiFailure | undefined;
  /** Cancelled before any answer came. */
  readonly cancelled: boolean;
  readonly cancel: () => void;
  readonly retry: () => void;
}

export interface AskOptions {
  readonly enabled?: boolean;
  /** Ask again after this long, also in the background. */
  readonly everyMs?: number;
  /** Show the answer to other parameters until this one is there. Off where that would be another thing's data. */
  readonly keep?: boolean;
}

export function useAnswer<T>(
  path: string,
  params: ParamsChange = {},
  options: AskOptions = {},
): Answer<T> {
  const url = apiUrl(path, params);
  const client = useQueryClient();
  const key = useMemo(() => [path, url] as const, [path, url]);
  const enabled = options.enabled ?? true;
  const query = useQuery<T, ApiFailure>({
    queryKey: key,
    queryFn: ({ signal }) => readJson<T>(url, signal),
    enabled,
    ...(options.keep !== false && { placeholderData: keepPreviousData }),
    ...(options.everyMs !== undefined && { refetchInterval: options.everyMs }),
  } as UseQueryOptions<T, ApiFailure>);
  const cancel = useCallback(() => void client.cancelQueries({ queryKey: key }), [client, key]);
  const { refetch } = query;
  const retry = useCallback(() => void refetch(), [refetch]);
  const waiting = query.fetchStatus === "fetching";
  const failure = waiting ? undefined : asFailure(query.error);
  return {
    data: query.data,
    stale: query.data !== undefined && (query.isPlaceholderData || failure !== undefined),
    waiting,
    failure,
    cancelled:
      enabled &&
      query.data === undefined &&
      query.status === "pending" &&
      query.fetchStatus === "idle",
    cancel,
    retry,
  };
}

function asFailure(error: Error | null): ApiFailure | undefined {
  if (error === null) return undefined;
  if (error instanceof ApiFailure) return error;
  return new ApiFailure({ code: "unexpected", message: error.message, status: 0 });
}
