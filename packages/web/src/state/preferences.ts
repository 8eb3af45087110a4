/** What a person chose for good on this device: theme, zone, sizes. Not part of the address: others keep their own. */
import { useSyncExternalStore } from "react";

const prefix = "triptych.";
const listeners = new Set<() => void>();
/** Copies what storage holds, and stands in for it where storage is switched off. */
const kept = new Map<string, string>();

function read(name: string): string | undefined {
  const known = kept.get(name);
  if (known !== undefined) return known;
  try {
    return localStorage.getItem(prefix + name) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(name: string, value: string): void {
  kept.set(name, value);
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // Kept for this visit only.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePreference<T extends string>(
  name: string,
  values: readonly T[],
): [T, (value: T) => void] {
  const text = useSyncExternalStore(subscribe, () => read(name));
  const value = values.find((candidate) => candidate === text) ?? (values[0] as T);
  return [value, (next) => write(name, next)];
}

export function useSizePreference(
  name: string,
  fallback: number,
): [number, (value: number) => void] {
  const text = useSyncExternalStore(subscribe, () => read(name));
  const value = Number(text);
  return [
    Number.isFinite(value) && value > 0 ? value : fallback,
    (next) => write(name, String(Math.round(next))),
  ];
}

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];
export const zones = ["local", "utc"] as const;

/** Puts the theme on the document; called on start, on change and when the system changes. */
export function applyTheme(theme: Theme): void {
  const dark =
    theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}
