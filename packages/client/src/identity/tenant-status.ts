import type { Clock } from '../clock.ts'
import { TomteError, UnavailableError } from '../errors.ts'
import type { IdentityEvent, TokenObtained, TokenRefused } from '../events.ts'

/** A token request that the authority refused, or that could not be made. */
export interface LastRefusal {
  readonly atMs: number
  /** The error's stable code, such as `invalid_client`. */
  readonly code: string
  readonly aadsts: readonly number[]
  readonly hint: string | undefined
  readonly correlationId: string | undefined
}

/** What this process has seen of an application in a tenant. It may know less than the directory, and never more. */
export interface TenantStatus {
  readonly tenant: string
  /**
   * `true` while the last token of some scope has roles; `false` after a refusal that means that consent or the service
   * principal is missing (wire.md §8); `undefined` while neither is known.
   */
  readonly consented: boolean | undefined
  /** The roles of the last token of each scope, 20 scopes at most; a scope is absent while its token is opaque. */
  readonly rolesHeld: Readonly<Record<string, readonly string[]>>
  /** When the last token came, of whatever scope, and when it expires; milliseconds since 1970. */
  readonly lastTokenAtMs: number | undefined
  readonly expiresAtMs: number | undefined
  /** Waits for an authority that is busy or out of reach are no refusals. */
  readonly lastRefusal: LastRefusal | undefined
}

/**
 * The refusals that mean that consent is missing: for one resource, or with the service principal for all of them
 * (wire.md §8).
 */
const CONSENT_REFUSALS: Readonly<Record<number, 'resource' | 'tenant'>> = {
  65_001: 'resource',
  501_051: 'resource',
  700_016: 'tenant',
  7_000_112: 'tenant',
  7_000_229: 'tenant',
}

const TENANTS_MAX = 100_000
const SCOPES_MAX = 20
// Thousands of tenants hold the same roles of the same APIs: one list serves them all.
const ROLE_LISTS_MAX = 1000
const NO_ROLES: Roles = []

type Roles = readonly (readonly [scope: string, roles: readonly string[]])[]

interface Seen extends Omit<TenantStatus, 'rolesHeld'> {
  readonly roles: Roles
}

/**
 * What was seen of each tenant, bounded: the tenant that has not changed for longest is dropped. Kept of a token are its roles
 * and its times, and nothing is done when a cached token is served.
 */
export class TenantStatuses {
  readonly #clock: Clock
  readonly #tenantsMax: number
  readonly #seen = new Map<string, Seen>()
  readonly #lists = new Map<string, Roles>()

  constructor(clock: Clock, tenantsMax = TENANTS_MAX) {
    this.#clock = clock
    this.#tenantsMax = Math.max(1, tenantsMax || 1)
  }

  /** Hears what happened; a listener of events. */
  readonly hear = (event: IdentityEvent): void => {
    if (event.type === 'token_obtained') this.#obtained(event)
    else if (event.type === 'token_refused') this.#refused(event)
  }

  /** What was seen of a tenant, which may be nothing. */
  of(tenant: string): TenantStatus {
    const { roles, ...status } = this.#seen.get(tenant) ?? nothing(tenant)
    return { ...status, rolesHeld: Object.fromEntries(roles) }
  }

  /** Every tenant of which something was seen, the one that changed last at the end. */
  all(): readonly TenantStatus[] {
    return Array.from(this.#seen.keys(), (tenant) => this.of(tenant))
  }

  #obtained({ tenant, scope, expiresAtMs, roles: held }: TokenObtained): void {
    const before = this.#seen.get(tenant) ?? nothing(tenant)
    const roles = this.#shared(withRoles(before.roles, scope, held))
    const consented = roles.some(([, list]) => list.length > 0) || undefined
    this.#keep({ ...before, roles, consented, lastTokenAtMs: this.#clock.now(), expiresAtMs })
  }

  #refused({ tenant, scope, error }: TokenRefused): void {
    if (!(error instanceof TomteError) || error instanceof UnavailableError) return
    const before = this.#seen.get(tenant) ?? nothing(tenant)
    const { code, aadsts, hint, correlationId } = error
    const lastRefusal = { atMs: this.#clock.now(), code, aadsts, hint, correlationId }
    const missing = aadsts.map((number) => CONSENT_REFUSALS[number]).find((where) => where !== undefined)
    if (missing === undefined) return this.#keep({ ...before, lastRefusal })
    const roles = missing === 'tenant' ? NO_ROLES : this.#shared(withRoles(before.roles, scope, undefined))
    this.#keep({ ...before, roles, consented: false, lastRefusal })
  }

  #keep(seen: Seen): void {
    // A map is in the order of insertion: what has changed goes to its end.
    this.#seen.delete(seen.tenant)
    this.#seen.set(seen.tenant, seen)
    if (this.#seen.size <= this.#tenantsMax) return
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest)
      return
    }
  }

  #shared(roles: Roles): Roles {
    if (roles.length === 0) return NO_ROLES
    const name = JSON.stringify(roles)
    const known = this.#lists.get(name)
    if (known) return known
    if (this.#lists.size >= ROLE_LISTS_MAX) this.#lists.clear()
    this.#lists.set(name, roles)
    return roles
  }
}

const nothing = (tenant: string): Seen => ({
  tenant,
  consented: undefined,
  roles: NO_ROLES,
  lastTokenAtMs: undefined,
  expiresAtMs: undefined,
  lastRefusal: undefined,
})

/** The scopes with their roles, one of them anew, the one that came last at the end. */
function withRoles(roles: Roles, scope: string, held: readonly string[] | undefined): Roles {
  const others = roles.filter(([name]) => name !== scope)
  return held === undefined ? others : [...others.slice(1 - SCOPES_MAX), [scope, held]]
}
