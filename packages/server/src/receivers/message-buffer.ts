/** Cuts a stream of bytes into whole messages, however the bytes arrive; a scanner of the protocol knows where one ends. */
import { grownU8 } from "@triptych/model";

/** Finds the end of the message that begins at 0 of `bytes`, or -1 when it is not whole within `size`. */
export interface MessageScanner {
  scan(bytes: Uint8Array, size: number): number;
  /** The next message begins at 0 again. */
  reset(): void;
}

export interface MessageBuffer {
  /** Adds bytes and gives the messages that are whole now, each as bytes of its own. Throws as the scanner does. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** Bytes of a message that is not whole yet. */
  readonly waiting: number;
}

/** A buffer that grew for one large message is not kept for small ones. */
const KEPT_BYTES_MAX = 256 * 1024;

export function createMessageBuffer(scanner: MessageScanner): MessageBuffer {
  let bytes = new Uint8Array(4_096);
  let used = 0;
  return {
    get waiting() {
      return used;
    },
    push(chunk) {
      if (used + chunk.length > bytes.length) bytes = grownU8(bytes, used + chunk.length);
      bytes.set(chunk, used);
      used += chunk.length;
      const whole: Uint8Array[] = [];
      let start = 0;
      while (start < used) {
        const end = scanner.scan(bytes.subarray(start, used), used - start);
        if (end < 0) break;
        whole.push(bytes.slice(start, start + end));
        start += end;
        scanner.reset();
      }
      if (start > 0) {
        bytes.copyWithin(0, start, used);
        used -= start;
        if (bytes.length > KEPT_BYTES_MAX && used < KEPT_BYTES_MAX)
          bytes = bytes.slice(0, KEPT_BYTES_MAX);
      }
      return whole;
    },
  };
}
