/** Writes YAML as Go's library does, whose text `/api/v1/status/config` of Prometheus shows. */

export type YamlValue =
  | string
  | number
  | boolean
  | Plain
  | { readonly flow: readonly string[] }
  | readonly YamlValue[]
  | ReadonlyMap<string, YamlValue>;

/** A scalar that is written as it is. */
interface Plain {
  readonly plain: string;
}

export const plainScalar = (plain: string): Plain => ({ plain });

/** The document, with a line end. */
export function yamlText(value: ReadonlyMap<string, YamlValue>): string {
  return value.size === 0 ? "{}\n" : `${mapLines(value).join("\n")}\n`;
}

function mapLines(map: ReadonlyMap<string, YamlValue>): string[] {
  return [...map].flatMap(([key, value]) => {
    const name = scalar(key);
    if (Array.isArray(value))
      return value.length === 0 ? [`${name}: []`] : [`${name}:`, ...listLines(value)];
    if (value instanceof Map)
      return value.size === 0
        ? [`${name}: {}`]
        : [`${name}:`, ...mapLines(value).map((line) => `  ${line}`)];
    const [first = "", ...rest] = leafLines(value);
    return [`${name}: ${first}`, ...rest];
  });
}

/** Items stand as deep as the key they belong to. */
function listLines(list: readonly YamlValue[]): string[] {
  return list.flatMap((item) => {
    const lines =
      item instanceof Map
        ? item.size === 0
          ? ["{}"]
          : mapLines(item)
        : Array.isArray(item)
          ? listLines(item)
          : leafLines(item as YamlValue);
    return lines.map((line, at) => (at === 0 ? `- ${line}` : `  ${line}`));
  });
}

function leafLines(value: YamlValue): string[] {
  if (typeof value === "string") return textLines(value);
  if (typeof value !== "object") return [String(value)];
  if ("plain" in value) return [value.plain];
  if ("flow" in value) return [`[${value.flow.map((one) => scalar(one, true)).join(", ")}]`];
  return [];
}

function textLines(text: string): string[] {
  if (!text.includes("\n") || /[^\n\t\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/.test(text))
    return [scalar(text)];
  const lines = text.split("\n");
  const isClosed = lines.at(-1) === "";
  if (isClosed) lines.pop();
  const sign = isClosed ? (lines.at(-1) === "" ? "|+" : "|") : "|-";
  return [sign, ...lines.map((line) => (line === "" ? "" : `  ${line}`))];
}

/** What YAML 1.1 reads as something else than text. */
const OTHER_TYPE =
  /^(?:~|null|Null|NULL|y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|<<|=|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?(?:\.\d+|\d[\d_]*(?:\.[\d_]*)?)(?:[eE][-+]?\d+)?|[-+]?0[xX][\da-fA-F_]+|[-+]?0[bB][01_]+|[-+]?0[oO]?[0-7_]+|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?)$/;

function scalar(text: string, isInFlow = false): string {
  if (text === "" || OTHER_TYPE.test(text)) return JSON.stringify(text);
  if (/[^\x20-\x7e\u0085\u00a0-\ud7ff\ue000-\ufffd]/.test(text)) return JSON.stringify(text);
  const isPlain =
    !/^[,[\]{}#&*!|>'"%@`\s]|^[-?:](?:\s|$)|^(?:---|\.\.\.)|\s$|:\s|:$|\s#/.test(text) &&
    !(isInFlow && /[,?[\]{}:]|^[-?]/.test(text));
  return isPlain ? text : `'${text.replaceAll("'", "''")}'`;
}
