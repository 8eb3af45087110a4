/** Regular expressions are handed in: this package has no engine of linear time of its own. */

/** A pattern of a user, compiled to match a whole text; `.` takes line ends too. */
export interface CompiledRegex {
  matches(text: string): boolean;
  /** The groups of the match of the whole text, the whole as the first; `undefined` when it does not match. */
  groups(text: string): readonly (string | undefined)[] | undefined;
  /** Numbers of the named groups. */
  readonly names: ReadonlyMap<string, number>;
}

/** Throws when the pattern is wrong. */
export type CompileRegex = (pattern: string) => CompiledRegex;
