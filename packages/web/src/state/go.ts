/** Going to another page from code, with the time range kept. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { changeParams, frameOf, type Params, type ParamsChange } from "./params.ts";

export type Go = (to: string, params?: ParamsChange) => void;

export function useGo(): Go {
  const navigate = useNavigate();
  return useCallback(
    (to, params = {}) => {
      void navigate({
        to,
        search: (before: Params) => changeParams(frameOf(before), params),
      } as Parameters<typeof navigate>[0]);
    },
    [navigate],
  );
}
