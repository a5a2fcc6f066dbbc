import { api, AppIdentity, type Clock, type Credential, type IdentityEvent } from '@tomte/client'
import { seeded } from '../packages/client/src/token/test-support.ts'
import { type LocalPlatform, SCOPE } from './local-platform.ts'
import type { OrdersApi } from './orders-api.ts'

/** Where a daemon of a drill works. */
export interface Scene {
  readonly seed: number
  /** How much faster than the machine's the clock runs. */
  readonly speed: number
  readonly platform: LocalPlatform
  readonly orders: OrdersApi
  readonly clock: Clock
}

/** A daemon that calls the API in all tenants in turn. */
export interface Daemon {
  readonly identity: AppIdentity
  readonly renewals: Renewals
  /** Calls the API in the tenant that the number falls upon. */
  readonly call: (number: number) => Promise<unknown>
}

export const TENANTS = 5
export const CALLS_PER_SECOND = 50
/** How long a token request may take on a busy machine, by the machine's clock. */
export const REQUEST_MS = 2_000

// The first tokens come before the trouble; how fast they come is not what is drilled.
const COLD_MS = 60 * 60 * 1000
const TIMEOUT_MS = 30_000

/** Starts a daemon that has a token for each tenant. */
export async function startDaemon(
  { platform, orders, clock, seed, speed }: Scene,
  credential: readonly Credential[],
): Promise<Daemon> {
  const { origin, ca, clientId, tenants } = platform
  const random = seeded(seed)
  const { hear, ...renewals } = watchRenewals(clock)
  const identity = new AppIdentity({
    tenantId: tenants[0] ?? '',
    clientId,
    credential,
    authorityHost: origin,
    ca,
    clock,
    random,
    onEvent: hear,
    // A fast clock must not make a slow machine's requests late.
    timeoutMs: Math.max(TIMEOUT_MS, (REQUEST_MS / 2) * speed),
  })
  for (const tenant of tenants) await identity.forTenant(tenant).getToken(SCOPE, { timeoutMs: COLD_MS })
  const { baseUrl } = orders
  const apis = tenants.map((tenant) =>
    api(identity.forTenant(tenant), { baseUrl, scope: SCOPE, ca: orders.ca, clock, random }),
  )
  return { identity, renewals, call: async (number) => apis[number % apis.length]?.get('/orders') }
}

/** What is heard of renewals. */
export interface Renewals {
  /** From here on, the tenants that are renewed count. */
  readonly begin: () => void
  /** Waits until every tenant has been renewed, up to a limit; gives how long that took, or `undefined`. */
  readonly all: (limitMs: number) => Promise<number | undefined>
  /** How many renewals failed, and how many credentials were refused. */
  readonly failures: () => number
  readonly refusals: () => number
}

function watchRenewals(clock: Clock): Renewals & { readonly hear: (event: IdentityEvent) => void } {
  const renewed = new Set<string>()
  let [failures, refusals] = [0, 0]
  let begun = false
  let heard = () => {}
  return {
    hear: (event) => {
      if (event.type === 'renewal_failed') failures += 1
      if (event.type === 'credential_refused') refusals += 1
      if (event.type !== 'token_obtained' || !begun) return
      renewed.add(event.tenant)
      heard()
    },
    begin: () => {
      begun = true
    },
    all: async (limitMs) => {
      const startMs = clock.now()
      const ended = new AbortController()
      heard = () => {
        if (renewed.size === TENANTS) ended.abort()
      }
      heard()
      await clock.sleep(limitMs, ended.signal).catch(() => {})
      return ended.signal.aborted ? clock.now() - startMs : undefined
    },
    failures: () => failures,
    refusals: () => refusals,
  }
}
