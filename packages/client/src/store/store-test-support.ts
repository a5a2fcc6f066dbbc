// A store in memory that runs on a clock at hand, and authorities that a test answers for.
import type { Clock } from '../clock.ts'
import type { Acquire, TokenRequest } from '../token/acquire.ts'
import { settled, virtualClock } from '../token/test-support.ts'
import type { Token } from '../token/token.ts'
import type { StoreWarning } from './circuit.ts'
import { sharedStore, type SharedStoreOptions } from './shared-store.ts'
import { ENTRY_MAX_BYTES, type StoredEntry, type TokenStore } from './store.ts'

export const TOKEN_ENDPOINT = 'https://login.example/contoso.example/oauth2/v2.0/token'
export const REQUEST: TokenRequest = { tenant: 'contoso.example', scope: 'api://orders/.default' }
export const newKey = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32)))

/** Everything that a memory store holds, for tests that change it behind its back. */
export interface Memory extends TokenStore {
  readonly entries: Map<string, { value: Uint8Array; endsAtMs: number }>
  readonly leases: Map<string, { holder: string; endsAtMs: number }>
}

export function memoryStore(clock: Clock): Memory {
  const entries: Memory['entries'] = new Map()
  const leases: Memory['leases'] = new Map()
  return {
    entries,
    leases,
    async get(name): Promise<StoredEntry | undefined> {
      const entry = entries.get(name)
      const restMs = (entry?.endsAtMs ?? 0) - clock.now()
      return entry && restMs > 0 && entry.value.length <= ENTRY_MAX_BYTES
        ? { value: entry.value, restMs }
        : undefined
    },
    async put(name, value, lifetimeMs) {
      entries.set(name, { value, endsAtMs: clock.now() + lifetimeMs })
    },
    async lease(name, holder, lifetimeMs) {
      if ((leases.get(name)?.endsAtMs ?? 0) > clock.now()) return false
      leases.set(name, { holder, endsAtMs: clock.now() + lifetimeMs })
      return true
    },
    async release(name, holder) {
      if (leases.get(name)?.holder === holder) leases.delete(name)
    },
  }
}

/** A fleet on one clock and one store; each process counts what it asks the authority. */
export function fleetAtHand(options: Partial<SharedStoreOptions> = {}) {
  const clock = virtualClock()
  const store = memoryStore(clock)
  const keys = [newKey()]
  let made = 0
  /** Answers with tokens named after their number, which live for an hour, unless a test says otherwise. */
  const process = (
    own: Partial<SharedStoreOptions> & { clock?: Clock; acquire?: Acquire; clientId?: string } = {},
  ) => {
    const asked: TokenRequest[] = []
    const told: StoreWarning[] = []
    const at = own.clock ?? clock
    const acquire: Acquire = async (request) => {
      asked.push(request)
      if (own.acquire) return own.acquire(request)
      made += 1
      return hourFrom(at.now(), `token-${made}`)
    }
    const shared = sharedStore({ store, keys, ...options, ...own }).share({
      authorityOf: (tenant) => TOKEN_ENDPOINT.replace('contoso.example', tenant),
      clientId: own.clientId ?? 'daemon',
      acquire,
      clock: at,
      random: () => 0,
      tell: (warning) => told.push(warning),
    })
    const token = async (request: Partial<TokenRequest> = {}) =>
      (await shared.acquire({ ...REQUEST, ...request })).accessToken
    return { shared, token, asked, told }
  }
  return { clock, store, keys, process }
}

export const hourFrom = (nowMs: number, accessToken: string): Token => ({
  accessToken,
  expiresAtMs: nowMs + 3_600_000,
  refreshAtMs: nowMs + 1_800_000,
})

/** Lets time pass until the promise is settled. */
export async function withTime<Result>(
  clock: ReturnType<typeof virtualClock>,
  promise: Promise<Result>,
): Promise<Result> {
  let done = false
  const end = () => {
    done = true
  }
  promise.then(end, end)
  for (let steps = 0; !done && steps < 10_000; steps += 1) {
    await settled()
    await clock.advance(10)
  }
  return promise
}
