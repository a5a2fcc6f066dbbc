import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import { backOffMs } from './back-off.ts'
import type { TokenCache } from './cache.ts'
import type { AccessToken, Flight, Slot } from './slot.ts'
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
  readonly acquire: (tenant: string, scope: string, claims: string | undefined) => Promise<Token>
  /** Told when a renewal in the background failed: callers still get the old token. */
  readonly onRenewalFailed?: ((error: unknown, slot: Slot) => void) | undefined
}

const TIMEOUT_MS = 30_000
// The client's and the server's clocks differ a little, and a request takes a while to arrive.
const EXPIRY_MARGIN_MS = 10_000
// An early renewal that failed is tried again after this, give or take a fifth: the old token still works.
const RENEWAL_PAUSE_MS = 30_000
// An API may refuse a token that is as good as it gets; asking for another each time would flood the authority.
const REFUSED_PAUSE_MS = 30_000
const RENEWAL_JITTER = 0.1

/**
 * Keeps tokens. A caller waits only when no token works; past its renewal point the old one is served while one request,
 * shared by all callers, gets the next. Through an outage the old token is served to its end.
 */
export class TokenKeeper {
  readonly #options: KeeperOptions

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** The token of a tenant and scope. @throws TomteError one of its subclasses; the class is the remedy. */
  async token(tenant: string, scope: string, ask: Ask | undefined): Promise<AccessToken> {
    const nowMs = this.#options.clock.now()
    const slot = this.#options.cache.find(tenant, scope)
    if (slot?.answer !== undefined && nowMs < slot.unusableAtMs) {
      slot.lastUsedMs = nowMs
      if (nowMs >= slot.renewAtMs && slot.flight === undefined && nowMs >= slot.quietUntilMs)
        this.#renew(slot)
      return slot.answer
    }
    return this.#wait(slot ?? this.#options.cache.slot(tenant, scope, nowMs), ask)
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
    if (slot.challenged?.claims !== claims) slot.challenged = { claims, flight: this.#fly(slot, claims) }
    return this.#join(slot, slot.challenged.flight, ask)
  }

  /**
   * The token to use after an API has refused `refused` with 401: a new one if that is still the cached one, and at most
   * one every 30 s.
   */
  async tokenAfterRefusal(tenant: string, scope: string, refused: string, ask: Ask): Promise<AccessToken> {
    const { cache, clock } = this.#options
    const nowMs = clock.now()
    const slot = cache.slot(tenant, scope, nowMs)
    if (slot.answer?.token !== refused || nowMs - slot.refusedAtMs < REFUSED_PAUSE_MS)
      return this.token(tenant, scope, ask)
    slot.refusedAtMs = nowMs
    return this.freshToken(tenant, scope, ask)
  }

  #renew(slot: Slot): void {
    const flight = this.#fly(slot, undefined)
    slot.flight = flight
    flight.promise.catch((error: unknown) => {
      const { clock, random, onRenewalFailed } = this.#options
      const pauseMs = RENEWAL_PAUSE_MS * (0.8 + 0.4 * random())
      slot.nextRenewalMs = Math.max(slot.quietUntilMs, clock.now() + pauseMs)
      onRenewalFailed?.(error, slot)
    })
  }

  #wait(slot: Slot, ask: Ask = {}): Promise<AccessToken> {
    slot.flight ??= this.#fly(slot, undefined)
    return this.#join(slot, slot.flight, ask)
  }

  async #join(slot: Slot, flight: Flight, { signal, timeoutMs = TIMEOUT_MS }: Ask): Promise<AccessToken> {
    const { clock } = this.#options
    flight.waitUntilMs = Math.max(flight.waitUntilMs, clock.now() + timeoutMs)
    await waitFor(flight.promise, {
      clock,
      signal,
      timeoutMs,
      what: `a token for ${slot.scope} in tenant ${slot.tenant}`,
    })
    if (slot.answer === undefined) throw new RangeError('Cannot answer without a token')
    return slot.answer
  }

  #fly(slot: Slot, claims: string | undefined): Flight {
    const flight: Flight = { promise: this.#tries(slot, claims, () => flight), waitUntilMs: 0 }
    // Whoever waits sees the error; if nobody does any more, it must not end the process.
    const landed = () => {
      if (slot.flight === flight) slot.flight = undefined
      if (slot.challenged?.flight === flight) slot.challenged = undefined
    }
    flight.promise.then(landed, landed)
    return flight
  }

  /** Asks until there is a token, nobody waits any longer, or asking again is no use. */
  async #tries(slot: Slot, claims: string | undefined, flight: () => Flight): Promise<Token> {
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
        const token = await acquire(slot.tenant, slot.scope, claims)
        this.#land(slot, token)
        return token
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error
        const delayMs = this.#noteFault(slot, error) ?? backOffMs(attempt, random)
        if (clock.now() + delayMs >= flight().waitUntilMs) throw error
        await clock.sleep(delayMs)
      }
    }
  }

  /** Remembers a fault for as long as the server asked and no longer. */
  #noteFault(slot: Slot, error: UnavailableError): number | undefined {
    slot.fault = error.retryAfterMs === undefined ? undefined : error
    if (error.retryAfterMs !== undefined) slot.quietUntilMs = this.#options.clock.now() + error.retryAfterMs
    return error.retryAfterMs
  }

  #land(slot: Slot, { accessToken, expiresAtMs, refreshAtMs }: Token): void {
    const nowMs = this.#options.clock.now()
    slot.answer = {
      token: accessToken,
      expiresOnTimestamp: expiresAtMs,
      refreshAfterTimestamp: refreshAtMs,
      tokenType: 'Bearer',
    }
    slot.fault = undefined
    slot.quietUntilMs = 0
    slot.nextRenewalMs = 0
    slot.unusableAtMs = expiresAtMs - EXPIRY_MARGIN_MS
    // A fleet that got its tokens together must not renew them together: up to a tenth of the wait earlier.
    slot.renewAtMs = refreshAtMs - (refreshAtMs - nowMs) * RENEWAL_JITTER * this.#options.random()
  }
}
