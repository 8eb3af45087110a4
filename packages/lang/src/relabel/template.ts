/** `$1`, `${1}`, `$name` and `${name}` in a replacement, as Go's `regexp.Expand` reads them. */
import type { CompiledRegex } from "../promql/regex.ts";

type Piece = string | { readonly group: string };

export interface Template {
  /** Without variables it is the same for all matches. */
  readonly isConstant: boolean;
  expand(groups: readonly (string | undefined)[], names: CompiledRegex["names"]): string;
}

const NAME = /^(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u;
const GROUP_NUMBER_MAX = 1e8;

export function parseTemplate(text: string): Template {
  const pieces = piecesOf(text);
  return {
    isConstant: pieces.every((piece) => typeof piece === "string"),
    expand(groups, names) {
      let out = "";
      for (const piece of pieces)
        out += typeof piece === "string" ? piece : groupText(piece.group, groups, names);
      return out;
    },
  };
}

function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) {
      pieces.push(text.slice(at));
      break;
    }
    if (dollar > at) pieces.push(text.slice(at, dollar));
    at = dollar + 1;
    if (text[at] === "$") {
      pieces.push("$");
      at++;
      continue;
    }
    const found = NAME.exec(text.slice(at));
    if (found === null) {
      pieces.push("$");
      continue;
    }
    pieces.push({ group: found[1] ?? found[2] ?? "" });
    at += found[0].length;
  }
  return pieces;
}

/** A group that is not there, or took no part in the match, is empty. */
function groupText(
  name: string,
  groups: readonly (string | undefined)[],
  names: CompiledRegex["names"],
): string {
  const isNumber = /^(?:0|[1-9][0-9]*)$/.test(name) && Number(name) < GROUP_NUMBER_MAX;
  const index = isNumber ? Number(name) : names.get(name);
  return index === undefined ? "" : (groups[index] ?? "");
}
