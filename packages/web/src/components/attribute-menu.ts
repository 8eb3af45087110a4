/** The menu of an attribute's value: filter here, look for it in traces or logs, copy. */
import type { AttributeFilter } from "@triptych/contract";
import { useCallback } from "react";
import { printFilter, withFilter } from "../state/filters.ts";
import { useGo } from "../state/go.ts";
import { many } from "../state/params.ts";
import { useParams, usePathname, useSetParams } from "../state/url-state.ts";
import { type MenuItem, useCopy } from "./floats.tsx";

export type AttributeValue = Pick<AttributeFilter, "scope" | "key" | "value">;

export function useAttributeMenu(): (at: AttributeValue) => readonly MenuItem[] {
  const params = useParams();
  const setParams = useSetParams();
  const path = usePathname();
  const go = useGo();
  const copy = useCopy();
  return useCallback(
    (at) => {
      const filter = (op: "=" | "!=") => ({ scope: at.scope, key: at.key, op, value: at.value });
      const here = path === "/traces" || path === "/logs";
      // On another signal the scope may be called differently: `any` finds it there.
      const elsewhere = printFilter({
        ...filter("="),
        scope: at.scope === "resource" ? "resource" : "any",
      });
      const filters: MenuItem[] = [
        {
          icon: "plus",
          label: "Filter for",
          run: () => setParams({ attr: withFilter(many(params, "attr"), filter("=")) }),
        },
        {
          icon: "minus",
          label: "Filter out",
          run: () => setParams({ attr: withFilter(many(params, "attr"), filter("!=")) }),
        },
      ];
      const traces: MenuItem = {
        icon: "traces",
        label: "Traces with it",
        run: () => go("/traces", { attr: [elsewhere] }),
      };
      const logs: MenuItem = {
        icon: "logs",
        label: "Logs with it",
        run: () => go("/logs", { attr: [elsewhere] }),
      };
      return [
        ...(here ? filters : []),
        ...(path === "/traces" ? [logs] : path === "/logs" ? [traces] : [traces, logs]),
        { icon: "copy", label: "Copy value", run: () => copy(at.value, "the value") },
        {
          icon: "copy",
          label: "Copy as filter",
          run: () => copy(`${at.key}=${at.value}`, "the filter"),
        },
      ];
    },
    [params, setParams, path, go, copy],
  );
}
