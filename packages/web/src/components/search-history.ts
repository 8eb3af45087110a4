/** Searches that were made on this device, by signal. */
import { useCallback, useState } from "react";
import { withSearch } from "./query-marks.ts";

const prefix = "triptych.searches.";

function read(name: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(prefix + name) ?? "[]");
    return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
  } catch {
    return [];
  }
}

export function useSearchHistory(
  name: string,
): readonly [readonly string[], (search: string) => void] {
  const [list, setList] = useState(() => read(name));
  const add = useCallback(
    (search: string) =>
      setList((before) => {
        const after = withSearch(before, search);
        try {
          localStorage.setItem(prefix + name, JSON.stringify(after));
        } catch {
          // Kept for this visit only.
        }
        return after;
      }),
    [name],
  );
  return [list, add];
}
