import { ConfigurationError } from '../errors.ts'
import { EntrySealer } from './sealing.ts'
import { SharedTokens, type SharedTokensOptions } from './shared-tokens.ts'
import type { TokenStore } from './store.ts'

/** Where a fleet shares its tokens, and how they are sealed. */
export interface SharedStoreOptions {
  readonly store: TokenStore
  /**
   * The newest first; that one seals, all of them open, eight at most. Each is 32 random bytes, or those in base64. To
   * replace one without a token request: add the new key at the end everywhere, then put it first, then drop the old one.
   */
  readonly keys: readonly (Uint8Array | string)[]
  /** How long one operation of the store may take. From 1 to 30,000 ms, default 1,000. */
  readonly timeoutMs?: number | undefined
  /** How long the store is left alone after an operation has failed. From 1 to 3,600,000 ms, default 30,000. */
  readonly pauseMs?: number | undefined
}

/** What the identity of an application hands to its shared store. */
export type SharingOptions = Omit<SharedTokensOptions, 'store' | 'sealer' | 'limits'>

/** A store with its keys, ready for an identity. It shows none of them when it is printed. */
export interface SharedStore {
  /** @internal */
  readonly share: (options: SharingOptions) => SharedTokens
}

const TIMEOUT_MS = 1_000
const PAUSE_MS = 30_000

/**
 * Lets the processes of a fleet share their tokens: a hundred that need the same one ask the authority once. Entries are
 * sealed with AES-256-GCM and open at their own authority, client, tenant, scope and claims alone. A store that is down,
 * slow or holds garbage costs a `store_warning` event, and never a token.
 *
 * @throws ConfigurationError if a key or a limit cannot be one.
 * @example
 * ```ts
 * import { AppIdentity, identityFromEnvironment } from '@tomte/client'
 * import { redisStore, sharedStore } from '@tomte/client/store'
 *
 * const identity = new AppIdentity({
 *   ...identityFromEnvironment(process.env),
 *   store: sharedStore({
 *     store: redisStore({ url: 'rediss://cache.example:6380' }),
 *     keys: [process.env['TOKEN_STORE_KEY'] ?? ''],
 *   }),
 * })
 * ```
 */
export function sharedStore({
  store,
  keys,
  timeoutMs = TIMEOUT_MS,
  pauseMs = PAUSE_MS,
}: SharedStoreOptions): SharedStore {
  const sealer = new EntrySealer(keys)
  const limits = {
    timeoutMs: within('timeoutMs', timeoutMs, 30_000),
    pauseMs: within('pauseMs', pauseMs, 3_600_000),
  }
  return { share: (options) => new SharedTokens({ ...options, store, sealer, limits }) }
}

function within(name: string, valueMs: number, maxMs: number): number {
  if (Number.isInteger(valueMs) && valueMs >= 1 && valueMs <= maxMs) return valueMs
  throw new ConfigurationError(
    `Cannot share tokens with ${name} ${valueMs}, as a whole number from 1 to ${maxMs} is needed`,
    { code: 'store_limit_invalid', hint: 'Leave it out: the default suits a store in the same network' },
  )
}
