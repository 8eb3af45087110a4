/** `-config.expand-env` of promtail: `${NAME}`, `${NAME:default}`, `${NAME:-default}`, `$NAME`, and `$$` for a dollar. */

export function expandEnv(text: string, env: (name: string) => string | undefined): string {
  return text.replaceAll(
    /\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-?([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))/g,
    (
      _whole,
      dollar: string | undefined,
      braced: string | undefined,
      otherwise: string | undefined,
      bare: string | undefined,
    ) => {
      if (dollar !== undefined) return "$";
      return env(braced ?? bare ?? "") || (otherwise ?? "");
    },
  );
}
