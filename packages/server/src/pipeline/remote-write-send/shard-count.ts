/** How many shards send at the same time: as many as the rates ask for, within the configured bounds. */

/** An average that follows: a fifth of each new rate. */
const FOLLOW = 0.2;
/** When behind, this share of what waits is caught up in a second. */
const CATCH_UP = 0.05;
/** The number changes only when it is this far off. */
const TOLERANCE = 0.3;
/** Shards are not taken away while we are this far behind. */
const BEHIND_SECONDS_MAX = 10;

/** A rate a second over ticks of the same length. */
export interface FollowingRate {
  add(amount: number): void;
  tick(): void;
  readonly perSecond: number;
}

export function createFollowingRate(tickSeconds: number): FollowingRate {
  let rate = 0;
  let started = false;
  let since = 0;
  return {
    add: (amount) => {
      since += amount;
    },
    tick() {
      const now = since / tickSeconds;
      since = 0;
      rate = started ? rate + FOLLOW * (now - rate) : now;
      started = true;
    },
    get perSecond() {
      return rate;
    },
  };
}

export interface ShardLoad {
  readonly shards: number;
  readonly shardsMin: number;
  readonly shardsMax: number;
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  readonly droppedPerSecond: number;
  /** Seconds spent sending, of all shards together, in a second. */
  readonly sendingPerSecond: number;
  /** How much newer what came in is than what was sent. */
  readonly behindSeconds: number;
}

export interface ShardChoice {
  /** What the rates ask for, not rounded. */
  readonly desired: number;
  readonly shards: number;
}

export function chooseShards(load: ShardLoad): ShardChoice {
  const { shards, outPerSecond, behindSeconds } = load;
  if (outPerSecond <= 0) return { desired: shards, shards };
  const kept = outPerSecond / (load.droppedPerSecond + outPerSecond);
  const wantedPerSecond = load.inPerSecond * kept;
  const secondsPerItem = load.sendingPerSecond / outPerSecond;
  const desired = secondsPerItem * (wantedPerSecond + CATCH_UP * behindSeconds * wantedPerSecond);
  const whole = Math.ceil(desired);
  if (whole >= shards * (1 - TOLERANCE) && whole <= shards * (1 + TOLERANCE))
    return { desired, shards };
  if (whole < shards && behindSeconds > BEHIND_SECONDS_MAX) return { desired, shards };
  return { desired, shards: Math.min(load.shardsMax, Math.max(load.shardsMin, whole)) };
}
