/** The forward protocol's handshake: HELO from us, PING from the sender, PONG from us. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { encodeMsgpack, readForwardPing } from "@triptych/wire";

export interface HandshakeRules {
  readonly sharedKey: string;
  readonly hostname: string;
  readonly users: readonly { readonly username: string; readonly password: string }[];
}

export interface Handshake {
  readonly helo: Uint8Array;
  /** Judges a PING. Throws `wire_malformed` when it is none. */
  answer(ping: Uint8Array): { readonly pong: Uint8Array; readonly refusal: string | undefined };
}

const SALT_BYTES = 16;

export function createHandshake({ sharedKey, hostname, users }: HandshakeRules): Handshake {
  const nonce = randomBytes(SALT_BYTES);
  const auth = users.length === 0 ? new Uint8Array() : randomBytes(SALT_BYTES);
  const refusalOf = (ping: ReturnType<typeof readForwardPing>): string | undefined => {
    const key = digest(ping.salt, ping.hostname, nonce, sharedKey);
    if (!isSame(key, ping.digest)) return "shared key mismatch";
    if (users.length === 0) return undefined;
    const user = users.find(({ username }) => username === ping.username);
    // An unknown name takes as long as a wrong password.
    const password = digest(auth, ping.username, user?.password ?? nonce.toString("hex"));
    const isRight = isSame(password, ping.passwordDigest);
    return user !== undefined && isRight ? undefined : "username/password mismatch";
  };
  return {
    helo: encodeMsgpack(["HELO", { nonce, auth, keepalive: true }]),
    answer(bytes) {
      const ping = readForwardPing(bytes);
      const refusal = refusalOf(ping);
      if (refusal !== undefined)
        return { pong: encodeMsgpack(["PONG", false, refusal, "", ""]), refusal };
      const proof = digest(ping.salt, hostname, nonce, sharedKey);
      return { pong: encodeMsgpack(["PONG", true, "", hostname, proof]), refusal };
    },
  };
}

function digest(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function isSame(ours: string, theirs: string): boolean {
  const a = Buffer.from(ours);
  const b = Buffer.from(theirs);
  return a.length === b.length && timingSafeEqual(a, b);
}
