import type { Clock } from '../clock.ts'
import type { CredentialExpiring, Listener } from '../events.ts'
import type { Credential } from './credential.ts'

/** The thresholds at which an end is announced, in days; 0 means that it is over. */
export type DaysLeft = CredentialExpiring['daysLeft']

const DAY_MS = 86_400_000
const THRESHOLDS: readonly DaysLeft[] = [0, 1, 7, 30]

/** The nearest threshold that an end has passed, and none while it is more than 30 days away. */
export function daysLeft(expiresAtMs: number, nowMs: number): DaysLeft | undefined {
  return THRESHOLDS.find((days) => expiresAtMs - nowMs <= days * DAY_MS)
}

/** Remembers what has been announced, so that each threshold of each end is told once. */
export class ExpiryNotices<Key> {
  readonly #told = new Map<Key, { readonly expiresAtMs: number; readonly daysLeft: DaysLeft }>()

  /** The threshold to tell now, if there is one; a credential with another end begins anew. */
  due(key: Key, expiresAtMs: number, nowMs: number): DaysLeft | undefined {
    const reached = daysLeft(expiresAtMs, nowMs)
    if (reached === undefined) return undefined
    const told = this.#told.get(key)
    if (told?.expiresAtMs === expiresAtMs && told.daysLeft <= reached) return undefined
    this.#told.set(key, { expiresAtMs, daysLeft: reached })
    return reached
  }

  /** Forgets all others, so that the memory is bounded by what there is. */
  keep(keys: readonly Key[]): void {
    for (const key of this.#told.keys()) if (!keys.includes(key)) this.#told.delete(key)
  }
}

/**
 * Listens for token requests, whether they succeed or not, and announces the ends of the credentials that are known by then. A
 * cached token costs nothing: it makes no event.
 */
export function expiryListener(
  credentials: readonly Credential[],
  clock: Pick<Clock, 'now'>,
  tell: Listener,
): Listener {
  const notices = new ExpiryNotices<number>()
  return ({ type }) => {
    if (type !== 'token_obtained' && type !== 'token_refused') return
    for (const [credential, { expiresAtMs: end }] of credentials.entries()) {
      const expiresAtMs = end?.()
      if (expiresAtMs === undefined) continue
      const reached = notices.due(credential, expiresAtMs, clock.now())
      if (reached !== undefined)
        tell({ type: 'credential_expiring', credential, expiresAtMs, daysLeft: reached })
    }
  }
}
