/** Lines page by page, newest first, kept while others are read. */
import type { LogLine, LogsAnswer } from "@triptych/contract";
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Answer } from "../../api/answer.ts";
import { ApiFailure, apiUrl, readJson } from "../../api/client.ts";
import type { ParamsChange } from "../../state/params.ts";

const pageLines = 200;

export interface Lines {
  readonly answer: Answer<LogsAnswer>;
  readonly lines: readonly LogLine[];
  readonly more: (() => void) | undefined;
  readonly loadingMore: boolean;
}

export function useLines(query: ParamsChange): Lines {
  const client = useQueryClient();
  const url = apiUrl("/logs", query);
  const key = ["/logs", url];
  const result = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      readJson<LogsAnswer>(
        apiUrl("/logs", { ...query, order: "newest", limit: String(pageLines), cursor: pageParam }),
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (last: LogsAnswer) => last.cursor,
    placeholderData: keepPreviousData,
  });
  const { data, fetchNextPage, refetch } = result;
  const lines = useMemo(() => data?.pages.flatMap((page) => page.lines) ?? [], [data]);
  const waiting = result.isFetching && !result.isFetchingNextPage;
  const failure = result.error instanceof ApiFailure && !waiting ? result.error : undefined;
  return {
    lines,
    more: result.hasNextPage && !result.isFetchingNextPage ? () => void fetchNextPage() : undefined,
    loadingMore: result.isFetchingNextPage,
    answer: {
      data: data?.pages[0],
      stale: data !== undefined && (result.isPlaceholderData || failure !== undefined),
      waiting,
      failure,
      cancelled: data === undefined && result.status === "pending" && result.fetchStatus === "idle",
      cancel: () => void client.cancelQueries({ queryKey: key }),
      retry: () => void refetch(),
    },
  };
}
