import { PlatformError } from '../errors.ts'
import { TokenRefusal } from './refusal.ts'

const WINDOW_MS = 5 * 60 * 1000
/** How many of the same request Entra takes within five minutes, as it says of looping clients. */
const REQUESTS = 15
const REQUESTS_MAX = 1_000_000
const CLIENTS_MAX = 20_000
const REQUESTS_OF_CLIENT_MAX = 16

/** What makes two token requests the same: who asks, for which API, with which claims, and from where. */
export interface Repeatable {
  readonly servicePrincipalId: string
  readonly resource: string
  /** What the client asks of its token besides: to answer a challenge is no loop. */
  readonly claims: { readonly handlesChallenges: boolean; readonly notBefore: number | undefined }
  readonly ipAddress: string
}

interface Window {
  readonly of: Repeatable
  readonly endsAtMs: number
  requests: number
}

/**
 * Notices clients that ask for the same token again and again in place of keeping it. Only requests that would get a token are
 * counted, so that nobody can stop a client by pretending to be it. Of the last 20,000 clients the last 16 different requests are
 * remembered.
 */
export class RequestLoops {
  readonly #max: number
  // Who asked lately, and who asked before that: when the first is full it takes the other's place.
  #recent = new Map<string, Window[]>()
  #before = new Map<string, Window[]>()

  /** @throws PlatformError for a number of requests in five minutes that is not from 1 to 1,000,000. */
  constructor(max: number | true) {
    this.#max = max === true ? REQUESTS : max
    if (!Number.isInteger(this.#max) || this.#max < 1 || this.#max > REQUESTS_MAX)
      throw new PlatformError(
        `Cannot start, as 'loopDetection' must be true or a whole number from 1 to ${REQUESTS_MAX}: found ${max}`,
        { code: 'loop_detection_invalid', hint: 'Leave it out to let clients ask as often as they like' },
      )
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#recent.size + this.#before.size
  }

  /** Counts a request. @throws TokenRefusal 50196 for one too many since the first of its window, until that has ended. */
  count(request: Repeatable, nowMs: number): void {
    const windows = this.#windowsOf(request.servicePrincipalId)
    const at = windows.findIndex(({ of }) => isSame(of, request))
    const known = windows[at]
    if (known && nowMs < known.endsAtMs) {
      known.requests += 1
      if (known.requests > this.#max) throw new TokenRefusal(50196)
      return
    }
    // What is known no more, or was asked for first of all, makes room.
    if (known) windows.splice(at, 1)
    else if (windows.length === REQUESTS_OF_CLIENT_MAX) windows.shift()
    windows.push({ of: request, endsAtMs: nowMs + WINDOW_MS, requests: 1 })
  }

  #windowsOf(client: string): Window[] {
    const recent = this.#recent.get(client)
    if (recent) return recent
    const windows = this.#before.get(client) ?? []
    this.#before.delete(client)
    if (this.#recent.size >= CLIENTS_MAX / 2) {
      this.#before = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(client, windows)
    return windows
  }
}

const isSame = (one: Repeatable, other: Repeatable): boolean =>
  one.resource === other.resource &&
  one.ipAddress === other.ipAddress &&
  one.claims.handlesChallenges === other.claims.handlesChallenges &&
  one.claims.notBefore === other.claims.notBefore
