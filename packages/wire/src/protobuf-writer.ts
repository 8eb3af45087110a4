/** Writes small protobuf messages: answers of a few fields, where speed does not matter. */
const encoder = new TextEncoder();

export class ProtobufWriter {
  private readonly out: number[] = [];

  /** Fields of the value zero are left out, as proto3 does. */
  int(field: number, value: number): this {
    if (value !== 0) {
      this.varint(field * 8);
      this.varint(value);
    }
    return this;
  }

  text(field: number, value: string): this {
    return value === "" ? this : this.bytes(field, encoder.encode(value));
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint(field * 8 + 2);
    this.varint(value.length);
    for (const byte of value) this.out.push(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.out);
  }

  /** Whole numbers from 0 to 2^53. */
  private varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.out.push((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.out.push(rest);
  }
}
