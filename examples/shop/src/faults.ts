/** The faults a service can be told to have: `GET /faults` shows them, `POST /faults` changes them. */

export interface Faults {
  /** The hit requests take about `latencySeconds` longer (payment-service: take about that long). */
  readonly slow: boolean;
  readonly latencySeconds: number;
  /** The hit requests fail. */
  readonly fail: boolean;
  /** Which part of the requests is hit, 0 to 1. */
  readonly share: number;
}

export interface FaultSwitch {
  get(): Faults;
  /** Fields left out stay as they are. @throws TypeError, with a sentence for the caller, when `body` is malformed. */
  set(body: unknown): Faults;
  /** Draws for one request. */
  draw(): { readonly slowSeconds: number; readonly fail: boolean };
}

const latencySecondsMax = 30;

export function createFaultSwitch(random: () => number = Math.random): FaultSwitch {
  let faults: Faults = { slow: false, latencySeconds: 3, fail: false, share: 0.5 };
  return {
    get: () => faults,
    set(body) {
      faults = { ...faults, ...parseFaults(body) };
      return faults;
    },
    draw() {
      const { slow, fail, share, latencySeconds } = faults;
      const hit = random() < share;
      const slowSeconds = hit && slow ? latencySeconds * (0.9 + 0.2 * random()) : 0;
      return { slowSeconds, fail: hit && fail };
    },
  };
}

function parseFaults(body: unknown): Partial<Faults> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new TypeError('faults are a JSON object such as {"slow": true, "latencySeconds": 3}');
  }
  for (const [key, value] of Object.entries(body)) checkField(key, value);
  return body;
}

function checkField(key: string, value: unknown): void {
  switch (key) {
    case "slow":
    case "fail":
      if (typeof value !== "boolean") throw new TypeError(`${key} is true or false`);
      return;
    case "share":
      if (!isWithin(value, 1)) throw new TypeError("share is a number from 0 to 1");
      return;
    case "latencySeconds":
      if (!isWithin(value, latencySecondsMax)) {
        throw new TypeError(`latencySeconds is a number from 0 to ${latencySecondsMax}`);
      }
      return;
    default:
      throw new TypeError(`unknown fault "${key}": known are slow, latencySeconds, fail, share`);
  }
}

function isWithin(value: unknown, max: number): boolean {
  return typeof value === "number" && value >= 0 && value <= max;
}
