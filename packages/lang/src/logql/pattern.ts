/** Patterns such as `<method> <path> <_>`: of the stage `pattern` and of the line filters `|>` and `!>`. */

type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "capture"; readonly name: string };

export interface LinePattern {
  /** Names and what they caught, up to the first text that is not there. */
  captures(line: string): readonly (readonly [name: string, value: string])[];
}

const CAPTURE = /<([a-zA-Z_][a-zA-Z0-9_]*)>/g;

function parse(pattern: string): Node[] {
  const nodes: Node[] = [];
  let from = 0;
  for (const found of pattern.matchAll(CAPTURE)) {
    if (found.index > from) nodes.push({ kind: "text", text: pattern.slice(from, found.index) });
    nodes.push({ kind: "capture", name: found[1] ?? "" });
    from = found.index + found[0].length;
  }
  if (from < pattern.length) nodes.push({ kind: "text", text: pattern.slice(from) });
  for (const [i, node] of nodes.entries()) {
    const after = nodes[i + 1];
    if (node.kind === "capture" && after?.kind === "capture")
      throw new Error(
        `found consecutive capture '<${node.name}><${after.name}>': invalid expression`,
      );
  }
  return nodes;
}

/** Throws a plain `Error` that says what is wrong. */
export function parseLinePattern(pattern: string): LinePattern {
  if (pattern === "") throw new Error("unexpected end of input: the pattern is empty");
  const nodes = parse(pattern);
  const names = new Set<string>();
  for (const node of nodes) {
    if (node.kind !== "capture" || node.name === "_") continue;
    if (names.has(node.name))
      throw new Error(`duplicate capture name (${node.name}): invalid expression`);
    names.add(node.name);
  }
  if (names.size === 0) throw new Error("at least one capture is required");
  return { captures: (line) => captured(nodes, line) };
}

function captured(nodes: readonly Node[], line: string): (readonly [string, string])[] {
  const out: (readonly [string, string])[] = [];
  if (line === "") return out;
  let at = 0;
  let i = 0;
  const first = nodes[0];
  if (first?.kind === "text") {
    if (!line.startsWith(first.text)) return out;
    at = first.text.length;
    i = 1;
  }
  for (; i < nodes.length; i += 2) {
    const node = nodes[i];
    const after = nodes[i + 1];
    if (node?.kind !== "capture") return out;
    const end = after?.kind === "text" ? line.indexOf(after.text, at) : -1;
    if (node.name !== "_") out.push([node.name, end < 0 ? line.slice(at) : line.slice(at, end)]);
    if (end < 0 || after?.kind !== "text") return out;
    at = end + after.text.length;
  }
  return out;
}

/** Tells whether the whole line has the form of a pattern, in which only `<_>` stands for something. */
export function parsePatternTest(pattern: string): (line: string) => boolean {
  const nodes = parse(pattern);
  for (const node of nodes)
    if (node.kind === "capture" && node.name !== "_")
      throw new Error(`named captures are not allowed: found '<${node.name}>'`);
  const endsWithCapture = nodes.at(-1)?.kind === "capture";
  return (line) => {
    if (line === "" || nodes.length === 0) return line === "" && nodes.length === 0;
    let at = 0;
    for (const [i, node] of nodes.entries()) {
      if (node.kind !== "text") continue;
      const found = line.indexOf(node.text, at);
      // An empty capture, or a text that follows another at once, is no match.
      if (found < 0 || (i !== 0 && found === at)) return false;
      at = found + node.text.length;
    }
    return endsWithCapture === at < line.length;
  };
}
