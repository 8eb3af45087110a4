/** Small trees of files, as `/proc` and `/sys` have them. Tests only. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface FakeTree {
  readonly root: string;
  /** A text is a file, `-> target` a link. */
  write(files: { readonly [path: string]: string }): void;
  remove(path: string): void;
  close(): void;
}

export function fakeTree(files: { readonly [path: string]: string }): FakeTree {
  const root = mkdtempSync(join(tmpdir(), "triptych-tree-"));
  const tree: FakeTree = {
    root,
    write(more) {
      for (const [path, text] of Object.entries(more)) {
        const file = join(root, path);
        mkdirSync(dirname(file), { recursive: true });
        if (text.startsWith("-> ")) symlinkSync(text.slice(3), file);
        else writeFileSync(file, text);
      }
    },
    remove: (path) => rmSync(join(root, path), { recursive: true }),
    close: () => rmSync(root, { recursive: true }),
  };
  tree.write(files);
  return tree;
}

/** Lines of a text in the Prometheus format that are samples and begin with `prefix`. */
export function samplesOf(text: string, prefix: string): readonly string[] {
  return text.split("\n").filter((line) => line.startsWith(prefix));
}
