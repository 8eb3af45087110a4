/** Bytes of a file from an offset: of the file itself, or of what a compressed file holds. */
import { createReadStream, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip, createInflate } from "node:zlib";

export interface ByteSource {
  /** Fewer bytes than `max` only at the end. */
  read(at: number, max: number): Promise<Uint8Array>;
  /** Of the open file, also when it has no name any more. */
  stats?(): Promise<Stats>;
  close(): Promise<void>;
}

export function plainSource(handle: FileHandle): ByteSource {
  return {
    async read(at, max) {
      const buffer = new Uint8Array(max);
      let filled = 0;
      while (filled < max) {
        const { bytesRead } = await handle.read(buffer, filled, max - filled, at + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    stats: () => handle.stat(),
    close: () => handle.close(),
  };
}

export async function openPlain(path: string): Promise<{ source: ByteSource; handle: FileHandle }> {
  const handle = await open(path, "r");
  return { source: plainSource(handle), handle };
}

/** Reads forward; an earlier offset begins again. A damaged file throws, with what came before it read. */
export function compressedSource(path: string, format: "gz" | "z"): ByteSource {
  let stream: AsyncIterator<Uint8Array> | undefined;
  let stop = (): void => {};
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let position = 0;
  let ended = false;
  const begin = (): void => {
    stop();
    const file = createReadStream(path);
    const plain = file.pipe(format === "gz" ? createGunzip() : createInflate());
    file.on("error", (error) => plain.destroy(error));
    stop = () => {
      file.destroy();
      plain.destroy();
    };
    stream = plain[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    held = [];
    heldBytes = 0;
    position = 0;
    ended = false;
  };
  const fill = async (want: number): Promise<void> => {
    while (heldBytes < want && !ended && stream !== undefined) {
      const step = await stream.next();
      if (step.done === true) ended = true;
      else {
        held.push(step.value);
        heldBytes += step.value.length;
      }
    }
  };
  const skip = (count: number): void => {
    let left = count;
    while (left > 0) {
      const first = held[0];
      if (first === undefined) return;
      const taken = Math.min(left, first.length);
      if (taken === first.length) held.shift();
      else held[0] = first.subarray(taken);
      left -= taken;
      heldBytes -= taken;
      position += taken;
    }
  };
  return {
    async read(at, max) {
      if (stream === undefined || at < position) begin();
      while (position < at) {
        await fill(1);
        if (heldBytes === 0) return new Uint8Array(0);
        skip(Math.min(heldBytes, at - position));
      }
      await fill(max);
      // What is not taken now is there for the next read.
      return new Uint8Array(Buffer.concat(held).subarray(0, max));
    },
    close() {
      stop();
      stream = undefined;
      return Promise.resolve();
    },
  };
}
