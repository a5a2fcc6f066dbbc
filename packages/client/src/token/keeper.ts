import { placeOf } from '../authority/issuer.ts'
import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import type { Listener } from '../events.ts'
import type { Acquire } from './acquire.ts'
import { backOffMs } from './back-off.ts'
import type { TokenCache } from './cache.ts'
import { type AccessToken, type Flight, type Slot, wholeSeconds } from './slot.ts'
import type { Token } from './token.ts'
import { waitFor } from './wait.ts'

/** How one caller asks for a token. */
export interface Ask {
  /** Ends this caller's waiting; the request that others wait for goes on. */
  readonly signal?: AbortSignal | undefined
  /** How long this caller waits for a token when none is cached. Default 30,000 ms. */
  readonly timeoutMs?: number | undefined
}

export interface KeeperOptions {
  readonly cache: TokenCache
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** Asks the authority once. */
  readonly acquire: Acquire
  readonly tell: Listener
}

const TIMEOUT_MS = 30_000
// The client's and the server's clocks differ a little, and a request takes a while to arrive.
const EXPIRY_MARGIN_MS = 10_000
// An early renewal that failed is tried again after this, give or take a fifth: the old token still works.
const RENEWAL_PAUSE_MS = 30_000
// An API may refuse a token that is as good as it gets; asking for another each time would flood the authority.
const REFUSED_PAUSE_MS = 30_000
const RENEWAL_JITTER = 0.1
// Between two looks at a token that is kept warm: a machine that slept has a timer that is late.
const LOOK_MIN_MS = 1_000
const LOOK_MAX_MS = 3_600_000

/**
 * Keeps tokens. A caller waits only when no token works; past its renewal point the old one is served while one request,
 * shared by all callers, gets the next. Through an outage the old token is served to its end.
 */
export class TokenKeeper {
  readonly #options: KeeperOptions

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** Where a token is or would be kept, for {@link cached}, until the slot is dropped. */
  slot(tenant: string, scope: string): Slot {
    const { cache, clock } = this.#options
    return cache.slot(tenant, scope, clock.now())
  }

  /** The token of a tenant and scope. @throws TomteError one of its subclasses; the class is the remedy. */
  async token(tenant: string, scope: string, ask: Ask | undefined): Promise<AccessToken> {
    const slot = this.slot(tenant, scope)
    return this.cached(slot) ?? this.#wait(slot, ask)
  }

  /** The cached token, if one works; past its renewal point the next is asked for behind the caller's back. */
  cached(slot: Slot): AccessToken | undefined {
    if (slot.answer === undefined) return undefined
    const nowMs = this.#options.clock.now()
    slot.lastUsedSeconds = wholeSeconds(nowMs)
    if (nowMs < slot.renewAtMs) return slot.answer
    if (nowMs >= slot.unusableAtMs) return undefined
    if (nowMs >= nextRenewalMs(slot) && slot.flight === undefined) this.#renew(slot)
    return slot.answer
  }

  /** Forgets the tokens of a tenant. */
  forget(tenant: string): void {
    this.#options.cache.clear(tenant)
  }

  /** A new token, whatever is cached: the one that is being asked for already, or else another. */
  async freshToken(
    tenant: string,
    scope: string,
    ask: Ask & { readonly claims?: string | undefined },
  ): Promise<AccessToken> {
    const { claims } = ask
    const { cache, clock } = this.#options
    const slot = cache.slot(tenant, scope, clock.now())
    if (claims === undefined) return this.#wait(slot, ask)
    ask.signal?.throwIfAborted()
    slot.challenged ??= new Map()
    const flight = slot.challenged.get(claims) ?? this.#fly(slot, claims)
    slot.challenged.set(claims, flight)
    return this.#join(slot, flight, ask)
  }

  /**
   * The token to use after an API has refused `refused` with 401: a new one if that is still the cached one, and at most
   * one every 30 s.
   */
  async tokenAfterRefusal(tenant: string, scope: string, refused: string, ask: Ask): Promise<AccessToken> {
    const { cache, clock } = this.#options
    const nowMs = clock.now()
    const slot = cache.slot(tenant, scope, nowMs)
    if (slot.answer?.token !== refused) return this.token(tenant, scope, ask)
    // Whoever was refused together with others waits for the renewal that the first of them has caused.
    if (slot.flight) return this.#join(slot, slot.flight, ask)
    if (nowMs - slot.refusedAtMs < REFUSED_PAUSE_MS) return this.token(tenant, scope, ask)
    slot.refusedAtMs = nowMs
    return this.#wait(slot, ask)
  }

  /** Renews a token when it is due, whether or not anybody asks for it, until the signal is aborted. Never rejects. */
  async keepWarm(tenant: string, scope: string, signal: AbortSignal): Promise<void> {
    const { cache, clock } = this.#options
    while (!signal.aborted) {
      try {
        await this.token(tenant, scope, { signal })
        await cache.find(tenant, scope)?.flight?.promise.catch(() => {})
      } catch (error) {
        if (!signal.aborted) this.#tell(error, cache.slot(tenant, scope, clock.now()))
      }
      const slot = cache.find(tenant, scope)
      const restMs = slot?.answer ? nextRenewalMs(slot) - clock.now() : this.#renewalPauseMs()
      await clock.sleep(Math.min(Math.max(restMs, LOOK_MIN_MS), LOOK_MAX_MS), signal).catch(() => {})
    }
  }

  #renew(slot: Slot): void {
    const flight = this.#fly(slot, undefined)
    slot.flight = flight
    flight.promise.catch((error: unknown) => {
      slot.nextRenewalMs = this.#options.clock.now() + this.#renewalPauseMs()
      this.#tell(error, slot)
    })
  }

  #renewalPauseMs(): number {
    return RENEWAL_PAUSE_MS * (0.8 + 0.4 * this.#options.random())
  }

  #tell(error: unknown, { tenant, scope, unusableAtMs }: Slot): void {
    this.#options.tell({ type: 'renewal_failed', tenant, scope, error, servedUntilMs: unusableAtMs })
  }

  async #wait(slot: Slot, ask: Ask = {}): Promise<AccessToken> {
    ask.signal?.throwIfAborted()
    slot.flight ??= this.#fly(slot, undefined)
    return this.#join(slot, slot.flight, ask)
  }

  async #join(slot: Slot, flight: Flight, { signal, timeoutMs = TIMEOUT_MS }: Ask): Promise<AccessToken> {
    const { clock } = this.#options
    const nowMs = clock.now()
    slot.lastUsedSeconds = wholeSeconds(nowMs)
    flight.waitUntilMs = Math.max(flight.waitUntilMs, nowMs + timeoutMs)
    return waitFor(flight.promise, {
      clock,
      signal,
      timeoutMs,
      what: `a token for ${slot.scope} ${placeOf(slot.tenant, '')}`,
    })
  }

  #fly(slot: Slot, claims: string | undefined): Flight {
    slot.flights += 1
    const flight: Flight = {
      number: slot.flights,
      promise: this.#tries(slot, claims, () => flight),
      waitUntilMs: 0,
    }
    // Whoever waits sees the error; if nobody does any more, it must not end the process.
    const landed = () => {
      if (slot.flight === flight) slot.flight = undefined
      if (claims !== undefined) slot.challenged?.delete(claims)
      if (slot.challenged?.size === 0) slot.challenged = undefined
    }
    flight.promise.then(landed, landed)
    return flight
  }

  /** Asks until there is a token, nobody waits any longer, or asking again is no use. */
  async #tries(slot: Slot, claims: string | undefined, flight: () => Flight): Promise<AccessToken> {
    const { acquire, clock, random } = this.#options
    // Lets the caller who started the flight be counted among those who wait.
    await Promise.resolve()
    for (let attempt = 1; ; attempt += 1) {
      const silenceMs = slot.quietUntilMs - clock.now()
      if (silenceMs > 0) {
        if (slot.fault && slot.quietUntilMs >= flight().waitUntilMs) throw slot.fault
        await clock.sleep(silenceMs)
      }
      try {
        const { tenant, scope, answer } = slot
        const token = await acquire({ tenant, scope, claims, notToken: answer?.token })
        return this.#land(slot, token, flight().number)
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error
        // A server that asks for no wait at all is not asked all the time.
        const delayMs = Math.max(this.#noteFault(slot, error), backOffMs(attempt, random))
        if (clock.now() + delayMs >= flight().waitUntilMs) throw error
        await clock.sleep(delayMs)
      }
    }
  }

  /** Remembers a fault for as long as the server asked and no longer. */
  #noteFault(slot: Slot, error: UnavailableError): number {
    const { retryAfterMs } = error
    if (retryAfterMs === undefined) return 0
    slot.fault = error
    slot.quietUntilMs = this.#options.clock.now() + retryAfterMs
    return retryAfterMs
  }

  #land(slot: Slot, { accessToken, expiresAtMs, refreshAtMs }: Token, flight: number): AccessToken {
    const nowMs = this.#options.clock.now()
    const answer: AccessToken = {
      token: accessToken,
      expiresOnTimestamp: expiresAtMs,
      refreshAfterTimestamp: refreshAtMs,
      tokenType: 'Bearer',
    }
    // A flight without claims that began before one with claims must not undo what that has brought.
    if (flight < slot.landed) return answer
    slot.landed = flight
    // What is as good as over serves those who wait for it and nobody else.
    const lasts = expiresAtMs - EXPIRY_MARGIN_MS > nowMs
    slot.answer = lasts && !slot.dropped ? answer : undefined
    slot.fault = undefined
    slot.quietUntilMs = 0
    slot.nextRenewalMs = 0
    slot.unusableAtMs = expiresAtMs - EXPIRY_MARGIN_MS
    // A fleet that got its tokens together must not renew them together: up to a tenth of the wait earlier.
    const dueAtMs = refreshAtMs - (refreshAtMs - nowMs) * RENEWAL_JITTER * this.#options.random()
    slot.renewAtMs = Math.min(dueAtMs, slot.unusableAtMs)
    return answer
  }
}

/** From here on a token is renewed: when it is due, but neither right after a failure nor while silence is asked for. */
const nextRenewalMs = (slot: Slot) => Math.max(slot.renewAtMs, slot.nextRenewalMs, slot.quietUntilMs)
