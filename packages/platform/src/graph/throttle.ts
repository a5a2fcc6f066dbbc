import type { Principal } from '@tomte/guard'
import type { Database } from '../store/database.ts'
import type { GraphRoute } from './permissions.ts'
import { isWrite, resourceUnits } from './resource-units.ts'

/** One request, as the limits count it. */
export interface Metered {
  readonly route: GraphRoute
  readonly principal: Pick<Principal, 'appId' | 'tenantId'>
  readonly query: unknown
  /** The header `x-ms-throttle-priority`. */
  readonly priority: unknown
}

/** What the limits say to a request: the headers of its answer and, if it is too much, the error. */
export interface Verdict {
  readonly headers: Readonly<Record<string, string>>
  readonly refused: { readonly code: string; readonly message: string } | undefined
}

interface Limit {
  readonly scope: 'Tenant_Application' | 'Tenant' | 'Application'
  readonly counts: 'ReadWrite' | 'Write'
  readonly windowMs: number
  /** Resource units or writes in a window; for a tenant of few, some, or many users. */
  readonly max: readonly [small: number, medium: number, large: number]
}

const same = (max: number) => [max, max, max] as const

/** The limits of Graph's identity and access (wire.md §13.6). */
const LIMITS: readonly Limit[] = [
  { scope: 'Tenant_Application', counts: 'ReadWrite', windowMs: 10_000, max: [3_500, 5_000, 8_000] },
  { scope: 'Tenant_Application', counts: 'Write', windowMs: 150_000, max: same(3_000) },
  { scope: 'Application', counts: 'ReadWrite', windowMs: 20_000, max: same(150_000) },
  { scope: 'Application', counts: 'Write', windowMs: 300_000, max: same(70_000) },
  { scope: 'Tenant', counts: 'Write', windowMs: 300_000, max: same(18_000) },
]
const SMALL_USERS = 50
const MEDIUM_USERS = 500
const SIZE_KEPT_MS = 60_000
const TOLD_FROM = 0.8
const TOLD_MAX = 1.8
// Requests that someone waits for pass a little beyond the limit, so that all others are refused before them.
const HIGH_PRIORITY = 1.1
const WINDOWS_MAX = 50_000

interface Window {
  readonly endsAtMs: number
  used: number
}

/**
 * Limits by resource units for each application and tenant, in windows of fixed length. Off until {@link Throttle.set} is given a
 * part of Graph's limits: 1 for as much as Graph grants, 0.1 for a tenth. Requests that are refused count as well.
 */
export class Throttle {
  #part: number | undefined
  #windows = new Map<string, Window>()
  readonly #sizes = new Map<string, { readonly size: 0 | 1 | 2; readonly untilMs: number }>()

  constructor(part?: number) {
    this.set(part)
  }

  /** Sets the part of Graph's limits that is granted, up to 10; nothing switches the limits off. @throws RangeError */
  set(part: number | undefined): void {
    if (part !== undefined && !(part > 0 && part <= 10))
      throw new RangeError(
        `Cannot throttle to ${part} of Graph's limits: a number above 0 and at most 10 is needed`,
      )
    this.#part = part
    this.#windows.clear()
  }

  /** Counts a request, and says whether it may go on. `undefined` while there are no limits. */
  async charge(
    { route, principal, query, priority }: Metered,
    { db, nowMs }: { readonly db: Database; readonly nowMs: number },
  ): Promise<Verdict | undefined> {
    const part = this.#part
    if (part === undefined) return undefined
    const size = await this.#sizeOf(db, principal.tenantId, nowMs)
    const units = resourceUnits(route, query)
    const write = isWrite(route)
    const tolerance = typeof priority === 'string' && /^high$/i.test(priority) ? HIGH_PRIORITY : 1
    const counted = LIMITS.filter(({ counts }) => counts === 'ReadWrite' || write).map((limit) => {
      const window = this.#window(limit, principal, nowMs)
      window.used += limit.counts === 'Write' ? 1 : units
      return { limit, window, filled: window.used / (limit.max[size] * part) }
    })
    const fullest = counted.reduce((a, b) => (b.filled > a.filled ? b : a))
    return fullest.filled > tolerance
      ? refusal(fullest.limit, principal, {
          units,
          filled: fullest.filled,
          waitMs: fullest.window.endsAtMs - nowMs,
        })
      : {
          headers: { 'x-ms-resource-unit': String(units), ...percentage(fullest.filled) },
          refused: undefined,
        }
  }

  #window(
    { scope, counts, windowMs }: Limit,
    { appId, tenantId }: Metered['principal'],
    nowMs: number,
  ): Window {
    const who = { Tenant_Application: `${appId}/${tenantId}`, Tenant: tenantId, Application: appId }[scope]
    const key = `${scope}/${counts}/${who}`
    const known = this.#windows.get(key)
    // A clock that was set back would leave a window open for as long.
    if (known && nowMs < known.endsAtMs && known.endsAtMs - nowMs <= windowMs) return known
    if (this.#windows.size >= WINDOWS_MAX) this.#forgetEnded(nowMs)
    const begun = { endsAtMs: nowMs + windowMs, used: 0 }
    this.#windows.set(key, begun)
    return begun
  }

  #forgetEnded(nowMs: number): void {
    const open = [...this.#windows].filter(([, { endsAtMs }]) => endsAtMs > nowMs)
    this.#windows = new Map(open.slice(open.length - WINDOWS_MAX / 2))
  }

  /** Whether a tenant has few, some, or many users. */
  async #sizeOf(db: Database, tenantId: string, nowMs: number): Promise<0 | 1 | 2> {
    const known = this.#sizes.get(tenantId)
    if (known && nowMs < known.untilMs) return known.size
    const rows = await db
      .selectFrom('user')
      .select('id')
      .where('tenant_id', '=', tenantId)
      .limit(MEDIUM_USERS + 1)
      .execute()
    const size = rows.length > MEDIUM_USERS ? 2 : rows.length >= SMALL_USERS ? 1 : 0
    if (this.#sizes.size >= WINDOWS_MAX) this.#sizes.clear()
    this.#sizes.set(tenantId, { size, untilMs: nowMs + SIZE_KEPT_MS })
    return size
  }
}

const percentage = (filled: number): Record<string, string> =>
  filled < TOLD_FROM
    ? {}
    : { 'x-ms-throttle-limit-percentage': (Math.floor(Math.min(filled, TOLD_MAX) * 10) / 10).toFixed(1) }

function refusal(
  { scope, counts }: Limit,
  { appId, tenantId }: Metered['principal'],
  { units, filled, waitMs }: { readonly units: number; readonly filled: number; readonly waitMs: number },
): Verdict {
  return {
    headers: {
      'x-ms-resource-unit': String(units),
      ...percentage(filled),
      'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))),
      'x-ms-throttle-scope': `${scope}/${counts}/${appId}/${tenantId}`,
      'x-ms-throttle-information': counts === 'Write' ? 'WriteLimitExceeded' : 'ResourceUnitLimitExceeded',
    },
    refused: { code: 'TooManyRequests', message: 'Please retry again later.' },
  }
}
