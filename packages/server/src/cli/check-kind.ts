/** What a kind of file that `triptych check` knows must be able to do. */
import type { LintKnowledge } from "../config/rules/lints.ts";

export interface CheckedFile {
  readonly file: string;
  readonly text: string;
}

export interface CheckContext {
  /** All files of the command, for what one says of another. */
  readonly files: readonly CheckedFile[];
  /** What is known of metrics. */
  readonly known: Pick<LintKnowledge, "metrics" | "types">;
}

export interface CheckVerdict {
  /** With `file:line:column`. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** What the file is, for the line that says that all is well. */
  readonly summary?: string | undefined;
}

export interface CheckKind {
  readonly name: string;
  recognises(given: CheckedFile): boolean;
  /** A `TriptychError` that is thrown is an error of the file. */
  check(given: CheckedFile, context: CheckContext): CheckVerdict;
}
