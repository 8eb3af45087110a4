/** Settings as they come from files of other programs: they hold where `triptych.yaml` says nothing. */

export interface Settings {
  readonly [key: string]: string | number | boolean | readonly string[] | Settings | undefined;
}

/** The settings of `over`, and of `under` where it has none. */
export function merged(over: Settings, under: Settings): Settings {
  const out: { [key: string]: Settings[string] } = Object.assign(Object.create(null), under);
  for (const [key, value] of Object.entries(over)) {
    const below = out[key];
    const both = isSettings(value) && isSettings(below);
    out[key] = both ? merged(value, below) : (value ?? below);
  }
  return out;
}

export const isSettings = (value: unknown): value is Settings =>
  typeof value === "object" && value !== null && !Array.isArray(value);
