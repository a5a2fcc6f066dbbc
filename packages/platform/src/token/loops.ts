import { PlatformError } from '../errors.ts'
import { TokenRefusal } from './refusals.ts'

const WINDOW_MS = 5 * 60 * 1000
/** How many of the same request Entra takes within five minutes, as it says of looping clients. */
const REQUESTS = 15
const REQUESTS_MAX = 1_000_000
const KEPT_MAX = 20_000

/** What makes two token requests the same: who asks, for which API, with which claims, and from where. */
export interface Repeatable {
  readonly servicePrincipalId: string
  readonly resource: string
  /** What the client asks of its token besides: to answer a challenge is no loop. */
  readonly claims: { readonly handlesChallenges: boolean; readonly notBefore: number | undefined }
  readonly ipAddress: string
}

interface Window {
  readonly endsAtMs: number
  requests: number
}

/**
 * Notices clients that ask for the same token again and again in place of keeping it. Only requests that would get a token are
 * counted, so that nobody can stop a client by pretending to be it. 20,000 different ones are remembered, those of late.
 */
export class RequestLoops {
  readonly #max: number
  // What was counted lately, and what was counted before that: when the first is full it takes the other's place.
  #recent = new Map<string, Window>()
  #before = new Map<string, Window>()

  /** @throws PlatformError for a number of requests in five minutes that is not from 1 to 1,000,000. */
  constructor(max: number | true) {
    this.#max = max === true ? REQUESTS : max
    if (!Number.isInteger(this.#max) || this.#max < 1 || this.#max > REQUESTS_MAX)
      throw new PlatformError(
        `Cannot start, as 'loopDetection' must be true or a whole number from 1 to ${REQUESTS_MAX}: found ${max}`,
        { code: 'loop_detection_invalid', hint: 'Leave it out to let clients ask as often as they like' },
      )
  }

  /** How many different requests are remembered. */
  get size(): number {
    return this.#recent.size + this.#before.size
  }

  /** Counts a request. @throws TokenRefusal 50196 for one too many since the first of its window, until that has ended. */
  count({ servicePrincipalId, resource, claims, ipAddress }: Repeatable, nowMs: number): void {
    const key = `${servicePrincipalId} ${ipAddress} ${claims.handlesChallenges} ${claims.notBefore} ${resource}`
    const known = this.#recent.get(key) ?? this.#recall(key)
    if (!known || nowMs >= known.endsAtMs)
      return this.#keep(key, { endsAtMs: nowMs + WINDOW_MS, requests: 1 })
    known.requests += 1
    if (known.requests > this.#max) throw new TokenRefusal(50196)
  }

  #recall(key: string): Window | undefined {
    const known = this.#before.get(key)
    if (!known) return undefined
    this.#before.delete(key)
    this.#keep(key, known)
    return known
  }

  #keep(key: string, window: Window): void {
    if (this.#recent.size >= KEPT_MAX / 2) {
      this.#before = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(key, window)
  }
}
