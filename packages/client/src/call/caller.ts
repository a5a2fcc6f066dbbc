import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type Clock, randomFraction, systemClock } from '../clock.ts'
import { TomteError } from '../errors.ts'
import type { Identity } from '../identity/identity.ts'
import { retryAfterMs } from '../retry-after.ts'
import { sendObserved } from '../telemetry/telemetry.ts'
import { rolesIn } from '../token/roles.ts'
import type { TokenSource } from '../token/token.ts'
import type { Address, Target } from './address.ts'
import { headerOf, jsonOrText, refusalError } from './answer.ts'
import { challengedClaims } from './challenge.ts'
import { type Pace, paceOf, type Priority, type Underway } from './pace.ts'
import { type Attempt, isRepeatable, nextDelay, RETRY_AFTER_MAX_MS, RetryBudget } from './retry.ts'
import { type Incoming, isHopeless, type Send, sender, type SenderOptions, wasNotSent } from './transport.ts'

/** What one call may add to the common settings. */
export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** For the whole call, with its waits and repetitions. Default 900,000 ms. */
  readonly deadlineMs?: number | undefined
  /**
   * Whether doing it twice does no harm, so that it is sent again after an answer that was lost. Default: `true` of GET, PUT,
   * DELETE and HEAD, `false` of POST and PATCH (RFC 9110 §9.2.2).
   */
  readonly repeatable?: boolean | undefined
  /** Default: `bulk` of pages, deltas and batches, `interactive` of other calls, which overtake those. */
  readonly priority?: Priority | undefined
}

/** What a caller is made of. */
export interface CallerOptions extends SenderOptions {
  readonly scope: string
  readonly random?: (() => number) | undefined
  readonly clock?: Clock | undefined
}

/** One call, ready to be sent as often as it takes. */
export interface Call {
  readonly method: string
  readonly target: Target
  readonly headers: Readonly<Record<string, string>>
  /** The content, or a function that makes a stream of it anew for each attempt. */
  readonly content: string | Uint8Array | (() => Readable) | undefined
  readonly streamed?: boolean | undefined
  readonly options: CallOptions
  /** Of the quota: 1, or one for each item of a batch. */
  readonly units: number
  /** The application permissions that would do, where they are known: asked when the call is denied. */
  readonly needed: () => readonly string[]
}

/** The answer to a call, whatever its status, and with what it was asked for. */
export interface Answered {
  readonly incoming: Incoming
  readonly accessToken: string
  readonly underway: Underway
}

const TIMEOUT_MS = 100_000
const DEADLINE_MS = 900_000

/** Makes the calls of one application to one API: the token, the pace, the attempts. */
export class Caller {
  requests = 0
  retries = 0
  readonly identity: Identity
  readonly clock: Clock
  readonly random: () => number
  readonly pace: Pace
  readonly #address: Address
  readonly #source: TokenSource
  readonly #scope: string
  readonly #send: Send
  readonly #timeoutMs: number
  readonly #budget = new RetryBudget()

  constructor(identity: Identity, address: Address, options: CallerOptions) {
    const { scope, clock = systemClock, random = randomFraction, timeoutMs = TIMEOUT_MS } = options
    this.identity = identity
    this.clock = clock
    this.random = random
    this.#address = address
    this.#scope = scope
    this.#timeoutMs = timeoutMs
    this.#source = identity.tokenSource(scope)
    this.#send = sender(options, clock)
    const { authority, clientId } = identity
    const owner = authority === undefined ? identity : clock
    this.pace = paceOf(
      owner,
      `${authority?.tokenEndpoint ?? authority?.tenant} ${clientId} ${address.origin}`,
      clock,
    )
  }

  /**
   * Sends a call until it is answered for good. @returns the answer of a success.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async answer(call: Call): Promise<Answered> {
    const answered = await this.exchange(call)
    const { status } = answered.incoming
    if (status >= 200 && status < 300) return answered
    throw this.refusal(call, answered)
  }

  /** Sends a call until it is answered for good, by whatever status. */
  async exchange(call: Call): Promise<Answered> {
    const { options, method } = call
    const untilMs = this.clock.now() + (options.deadlineMs ?? DEADLINE_MS)
    const repeatable = isRepeatable(method, options.repeatable)
    let token = await this.#token(options, untilMs)
    let renewed = false
    for (let number = 1; ; number += 1) {
      const tried = await this.#attempt(call, token, number, untilMs)
      if ('incoming' in tried) {
        const { incoming } = tried
        if (incoming.status < 300) {
          this.#budget.succeeded()
          return tried
        }
        if (incoming.status === 401 && !renewed) {
          renewed = true
          const next = await this.#renewed(token, incoming, options, untilMs)
          if (next !== token) {
            token = next
            this.retries += 1
            continue
          }
        }
      }
      const failed: Attempt =
        'incoming' in tried
          ? answeredAttempt(tried.incoming, number, repeatable)
          : lostAttempt(tried.error, number, repeatable)
      const delayMs = this.delayMs(failed, untilMs)
      if (delayMs === undefined) {
        if ('incoming' in tried) return tried
        throw tried.error
      }
      await this.pause(delayMs, options.signal)
      token = await this.#token(options, untilMs)
    }
  }

  /** The error that a refused call comes to. */
  refusal({ method, target, needed }: Call, { incoming, accessToken }: Answered): TomteError {
    const { status, headers, text } = incoming
    return refusalError(
      { method, path: target.pathname, status, headers, body: jsonOrText(text), accessToken },
      this.identity,
      needed(),
    )
  }

  /** The application permissions in the token, for display alone; none if it is not for others to read. */
  async rolesHeld(): Promise<readonly string[]> {
    return rolesIn((await this.#source.token()).token) ?? []
  }

  /** Waits before something is sent again. */
  async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.retries += 1
    await this.clock.sleep(ms, signal)
  }

  /** When to send again what has failed, if that is allowed, can be afforded and ends in time. */
  delayMs(attempt: Attempt, untilMs = Number.POSITIVE_INFINITY): number | undefined {
    const nowMs = this.clock.now()
    const delay = nextDelay(attempt, nowMs, this.random)
    if (delay === undefined || nowMs + delay.ms >= untilMs) return undefined
    // A throttled call was not done, and the pace sees to it that an API is not overrun.
    if (attempt.status !== 429 && !this.#budget.take()) return undefined
    return delay.ms
  }

  async #token({ signal }: CallOptions, untilMs: number): Promise<string> {
    const { token } = await this.#source.token({ signal, timeoutMs: this.#patienceMs(untilMs) })
    return token
  }

  /** Waiting for a token is a part of the call. */
  #patienceMs(untilMs: number): number | undefined {
    const restMs = untilMs - this.clock.now()
    return restMs < TOKEN_TIMEOUT_MS ? Math.max(0, restMs) : undefined
  }

  /** The token to try after 401: one with the claims that the API demands, or a new one, or the same if there is no better. */
  async #renewed(
    refused: string,
    { headers }: Incoming,
    { signal }: CallOptions,
    untilMs: number,
  ): Promise<string> {
    const timeoutMs = this.#patienceMs(untilMs)
    const claims = challengedClaims(headers['www-authenticate'])
    if (claims === undefined)
      return (await this.#source.tokenAfterRefusal(refused, { signal, timeoutMs })).token
    // Somebody else may have been challenged before, and have brought the token that does.
    const current = await this.#token({ signal }, untilMs)
    if (current !== refused) return current
    return (await this.identity.getToken(this.#scope, { claims, abortSignal: signal, timeoutMs })).token
  }

  async #attempt(call: Call, accessToken: string, number: number, untilMs: number): Promise<Tried> {
    const { method, target, content, options, streamed, units } = call
    const { signal, priority = 'interactive' } = options
    const underway =
      this.pace.tryEnter(priority, units) ?? (await this.pace.enter({ priority, units, signal, untilMs }))
    this.requests += 1
    const outgoing = {
      method,
      origin: this.#address.origin,
      path: target.path,
      headers: { 'client-request-id': randomUUID(), ...call.headers, authorization: `Bearer ${accessToken}` },
      body: typeof content === 'function' ? content() : content,
      signal,
      timeoutMs: Math.min(this.#timeoutMs, untilMs - this.clock.now()),
      streamed,
    }
    let cost: number | undefined
    try {
      const incoming = await sendObserved(this.#send, {
        outgoing,
        resends: number - 1,
        now: () => this.clock.now(),
      })
      cost = this.#heed(incoming, underway)
      return { incoming, accessToken, underway }
    } catch (error) {
      if (signal?.aborted || !(error instanceof TomteError)) throw error
      return { error }
    } finally {
      this.pace.leave(underway, cost)
    }
  }

  /** Lets the pace know what an answer says of it, and returns what the call has cost. */
  #heed(incoming: Incoming, underway: Underway): number | undefined {
    const share = headerOf(incoming, 'x-ms-throttle-limit-percentage')
    if (share !== undefined) this.pace.used(Number(share))
    if (incoming.status === 429) {
      const askedMs = retryAfterMs(headerOf(incoming, 'retry-after'), this.clock.now())
      this.pace.refused(
        underway,
        underway.units,
        askedMs === undefined ? undefined : Math.min(askedMs, RETRY_AFTER_MAX_MS),
      )
      return undefined
    }
    const units = headerOf(incoming, 'x-ms-resource-unit')
    return units === undefined ? undefined : unitsOf(units)
  }
}

type Tried = Answered | { readonly error: TomteError }

const TOKEN_TIMEOUT_MS = 30_000
const UNITS_MAX = 1000

/** What a header says that a call has cost; nonsense is 1. */
export function unitsOf(header: string): number {
  return /^\d{1,4}$/.test(header) ? Math.min(Math.max(1, Number(header)), UNITS_MAX) : 1
}

const answeredAttempt = (incoming: Incoming, number: number, repeatable: boolean): Attempt => ({
  number,
  status: incoming.status,
  retryAfter: headerOf(incoming, 'retry-after'),
  repeatable,
})

function lostAttempt(error: TomteError, number: number, repeatable: boolean): Attempt {
  const status = wasNotSent(error) ? 'unsent' : 'lost'
  // A certificate that is not trusted, or an answer that is too long, would be the same again.
  const hopeless = isHopeless(error) || error.name === 'ProtocolError'
  return { number, status: hopeless ? 400 : status, retryAfter: undefined, repeatable }
}
