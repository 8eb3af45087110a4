/**
 * The page's whole state as query parameters: plain text, repeated names for lists, nothing encoded twice. An empty
 * value is no value. Copying the address shares what is on screen.
 */
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useCallback } from "react";
import { changeParams, type Params, type ParamsChange } from "./params.ts";

export function useParams(): Params {
  return useRouterState({ select: (state) => state.location.search as Params });
}

export function usePathname(): string {
  return useRouterState({ select: (state) => state.location.pathname });
}

export type SetParams = (change: ParamsChange, how?: { readonly replace?: boolean }) => void;

/** Each call is one step that "back" undoes; `replace` is for typing and for moving through a list. */
export function useSetParams(): SetParams {
  const navigate = useNavigate();
  return useCallback(
    (change, how) => {
      void navigate({
        to: ".",
        search: (before: Params) => changeParams(before, change),
        replace: how?.replace ?? false,
        resetScroll: false,
      } as Parameters<typeof navigate>[0]);
    },
    [navigate],
  );
}
