/**
 * Regular expressions of users: RE2's meaning and linear time. A pattern is checked here before the store sees it, so
 * that a wrong one is answered with an error of ours. The only file that imports `re2js`.
 */
import { defaultLimits, TriptychError } from "@triptych/model";
import { RE2JS } from "re2js";

const QUOTE_CHARS_MAX = 80;

/** Refuses what RE2 does not take. `offset` is the place of the pattern in the query text, where there is one. */
export function checkPattern(pattern: string, offset?: number): void {
  compiled(pattern, 0, offset);
}

/** Tells whether `pattern` matches the whole of a value, as label matchers do. */
export function wholeMatcher(pattern: string, offset?: number): (value: string) => boolean {
  const regex = compiled(pattern, RE2JS.DOTALL, offset);
  return (value) => regex.matches(value);
}

/** Tells whether `pattern` matches somewhere in a text, as line filters do. */
export function partMatcher(pattern: string, offset?: number): (value: string) => boolean {
  const regex = compiled(pattern, 0, offset);
  return (value) => regex.matcher(value).find();
}

/** The form of a checked pattern for the store's `match` when the whole value must match. */
export function wholePattern(pattern: string): string {
  return `^(?s:${closed(pattern)})$`;
}

/** The form of a checked pattern for the store's `match` when it may match anywhere; `.` stops at line ends. */
export function partPattern(pattern: string): string {
  return `(?-s:${closed(pattern)})`;
}

/** RE2's limits are those of bytes and memory in the engine; its refusal is the user's pattern, not our bug. */
export function asPatternError(error: unknown): unknown {
  if (!(error instanceof TriptychError) || !error.message.includes("CANNOT_COMPILE_REGEXP"))
    return error;
  return new TriptychError("query_invalid", "a regular expression in the query is too large", {
    cause: error,
  });
}

/** A quotation (`\Q`) that the pattern leaves open would swallow what we put behind it. */
function closed(pattern: string): string {
  for (let at = pattern.indexOf("\\"); at >= 0; at = pattern.indexOf("\\", at)) {
    if (pattern[at + 1] !== "Q") {
      at += 2;
      continue;
    }
    const end = pattern.indexOf("\\E", at + 2);
    if (end < 0) return `${pattern}\\E`;
    at = end + 2;
  }
  return pattern;
}

function compiled(pattern: string, flags: number, offset: number | undefined): RE2JS {
  const detail = offset === undefined ? {} : { offset };
  if (Buffer.byteLength(pattern) > defaultLimits.regexBytesMax) {
    const message = `the regular expression is longer than ${defaultLimits.regexBytesMax} bytes`;
    throw new TriptychError("query_invalid", message, detail);
  }
  try {
    return RE2JS.compile(pattern, flags);
  } catch (cause) {
    const cut =
      pattern.length > QUOTE_CHARS_MAX ? `${pattern.slice(0, QUOTE_CHARS_MAX)}…` : pattern;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the regular expression ${JSON.stringify(cut)} cannot be used: ${reason}`;
    throw new TriptychError("query_invalid", message, { ...detail, cause });
  }
}

/** As `wholeMatcher`, with what the groups of the pattern matched. */
export function wholeGroups(pattern: string): {
  readonly groups: (value: string) => readonly (string | undefined)[] | undefined;
  readonly names: ReadonlyMap<string, number>;
} {
  const regex = compiled(pattern, RE2JS.DOTALL, undefined);
  return {
    names: new Map(Object.entries(regex.namedGroups())),
    groups(value) {
      const matcher = regex.matcher(value);
      if (!matcher.matches()) return undefined;
      return Array.from(
        { length: matcher.groupCount() + 1 },
        (_, i) => matcher.group(i) ?? undefined,
      );
    },
  };
}

/** As Go's `ReplaceAllString`: every match gives way to `replacement`, in which `$1` and `${name}` stand for groups. */
export function partReplacer(pattern: string): (value: string, replacement: string) => string {
  const regex = compiled(pattern, 0, undefined);
  const names = new Map(Object.entries(regex.namedGroups()));
  return (value, replacement) => {
    const matcher = regex.matcher(value);
    const count = matcher.groupCount();
    const group = (name: string): string => {
      const at = /^\d+$/.test(name) ? Number(name) : names.get(name);
      return at === undefined || at > count ? "" : (matcher.group(at) ?? "");
    };
    let out = "";
    let from = 0;
    while (matcher.find()) {
      out += value.slice(from, matcher.start());
      out += replacement.replace(
        /\$(?:(\$)|\{(\w+)\}|(\w+))/g,
        (
          _whole,
          dollar: string | undefined,
          braced: string | undefined,
          bare: string | undefined,
        ) => dollar ?? group(braced ?? bare ?? ""),
      );
      from = matcher.end();
    }
    return out + value.slice(from);
  };
}

/** What the named groups of `pattern` hold at its first match in a text; nothing where it does not match. */
export function partGroups(pattern: string): {
  readonly names: readonly string[];
  readonly find: (value: string) => readonly (string | undefined)[] | undefined;
} {
  const regex = compiled(pattern, 0, undefined);
  const named = Object.entries(regex.namedGroups()).sort(([, a], [, b]) => a - b);
  return {
    names: named.map(([name]) => name),
    find(value) {
      const matcher = regex.matcher(value);
      if (!matcher.find()) return undefined;
      return named.map(([, group]) => matcher.group(group) ?? undefined);
    },
  };
}

/** One match of a pattern in a text: where it and its groups begin and end; -1 for groups that took no part. */
export interface MatchSpans {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** All matches of `pattern` in a text, with the place of each group; group 0 is the whole match. */
export function partSpans(pattern: string): {
  readonly names: ReadonlyMap<string, number>;
  readonly findAll: (value: string) => readonly MatchSpans[];
} {
  const regex = compiled(pattern, 0, undefined);
  return {
    names: new Map(Object.entries(regex.namedGroups())),
    findAll(value) {
      const matcher = regex.matcher(value);
      const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, i) => i);
      const out: MatchSpans[] = [];
      while (matcher.find())
        out.push({
          starts: groups.map((i) => matcher.start(i)),
          ends: groups.map((i) => matcher.end(i)),
        });
      return out;
    },
  };
}
