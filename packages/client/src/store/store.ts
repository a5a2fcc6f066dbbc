/** What a store gave back. */
export interface StoredEntry {
  readonly value: Uint8Array
  /** How many milliseconds are left of the lifetime that it was put with, by the store's own clock. */
  readonly restMs: number
}

/**
 * Where processes share tokens. A store sees names that tell nothing and bytes that it cannot read; it may forget
 * everything at any time, and an operation may fail: that costs a warning and a token request. Names are 43 characters of
 * base64url. `signal` is aborted when nobody waits for the operation any more. `@tomte/client/store` exports
 * `storeRules`, which shows whether a store of your own keeps what this page asks.
 *
 * @example
 * ```ts
 * import type { TokenStore } from '@tomte/client/store'
 *
 * const entries = new Map<string, { value: Uint8Array; endsAtMs: number }>()
 * const leases = new Map<string, { holder: string; endsAtMs: number }>()
 * const memory: TokenStore = {
 *   async get(name) {
 *     const entry = entries.get(name)
 *     const restMs = (entry?.endsAtMs ?? 0) - Date.now()
 *     return entry && restMs > 0 ? { value: entry.value, restMs } : undefined
 *   },
 *   async put(name, value, lifetimeMs) {
 *     entries.set(name, { value, endsAtMs: Date.now() + lifetimeMs })
 *   },
 *   async lease(name, holder, lifetimeMs) {
 *     if ((leases.get(name)?.endsAtMs ?? 0) > Date.now()) return false
 *     leases.set(name, { holder, endsAtMs: Date.now() + lifetimeMs })
 *     return true
 *   },
 *   async release(name, holder) {
 *     if (leases.get(name)?.holder === holder) leases.delete(name)
 *   },
 * }
 * ```
 */
export interface TokenStore {
  /** Gives what was put last under a name, unless its lifetime is over, or it is larger than {@link ENTRY_MAX_BYTES}. */
  get(name: string, signal: AbortSignal): Promise<StoredEntry | undefined>
  /** Keeps bytes for `lifetimeMs`, in place of what was there, whole or not at all. */
  put(name: string, value: Uint8Array, lifetimeMs: number, signal: AbortSignal): Promise<void>
  /** Gives a name to one holder for `lifetimeMs` at most; false if another has it. It does not touch the entry. */
  lease(name: string, holder: string, lifetimeMs: number, signal: AbortSignal): Promise<boolean>
  /** Ends a lease before its time, if this holder still has it. */
  release(name: string, holder: string, signal: AbortSignal): Promise<void>
}

/** The largest entry that is written or read: a token of 60 kB is none that an API would take in a header. */
export const ENTRY_MAX_BYTES = 64 * 1024
