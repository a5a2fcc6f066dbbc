import type { UnavailableError } from '../errors.ts'

/** An access token as callers get it; also the shape of `AccessToken` in @azure/core-auth. */
export interface AccessToken {
  readonly token: string
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly expiresOnTimestamp: number
  readonly refreshAfterTimestamp: number
  readonly tokenType: 'Bearer'
}

/** A request in the air that every caller of the same token shares. */
export interface Flight {
  readonly promise: Promise<AccessToken>
  /** Counts the flights of its slot: what a later one brought is not replaced by an earlier one. */
  readonly number: number
  /** The latest moment until which some caller waits: no new try is made after it. */
  waitUntilMs: number
}

/** The place of one token: what is cached, what is in the air, and until when nothing may be asked. */
export interface Slot {
  readonly tenant: string
  readonly scope: string
  /** What callers get; made once, when the token came. */
  answer: AccessToken | undefined
  /** From here on the next is asked for in the background. */
  renewAtMs: number
  /** From here on the token is not given out any more. */
  unusableAtMs: number
  flight: Flight | undefined
  /** Requests with claims, by their claims, which answer a challenge: not for callers who have not been challenged. */
  challenged: Map<string, Flight> | undefined
  /** How many flights there have been, and the latest of them that brought a token. */
  flights: number
  landed: number
  /** An early renewal failed a moment ago: the next is tried from then on. */
  nextRenewalMs: number
  /** The server asked for silence until then. */
  quietUntilMs: number
  /** What it said when it asked for silence. */
  fault: UnavailableError | undefined
  /** Seconds since 1970, since a whole number is kept in the slot itself and a fraction is not: every call writes it. */
  lastUsedSeconds: number
  /** The cache has dropped it: whoever still holds it gets no token from it. */
  dropped: boolean
  /** When an API's 401 last caused a renewal. */
  refusedAtMs: number
}

export function emptySlot(tenant: string, scope: string): Slot {
  return {
    // What every call touches comes first, side by side in memory.
    scope,
    answer: undefined,
    renewAtMs: 0,
    lastUsedSeconds: 0,
    tenant,
    unusableAtMs: 0,
    flight: undefined,
    challenged: undefined,
    flights: 0,
    landed: 0,
    nextRenewalMs: 0,
    quietUntilMs: 0,
    fault: undefined,
    dropped: false,
    refusedAtMs: Number.NEGATIVE_INFINITY,
  }
}

/** Takes a slot out of use. */
export function dropSlot(slot: Slot): void {
  slot.dropped = true
  slot.answer = undefined
}

/** Milliseconds as whole seconds. */
export const wholeSeconds = (ms: number): number => Math.floor(ms / 1000)
