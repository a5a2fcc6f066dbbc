import {
  AppIdentity,
  type Api,
  configurationOf,
  definedApi,
  type Environment,
  type Listener,
  proxyFromEnvironment,
} from '@tomte/client'
import type { Daemon } from './daemon.ts'
import { TENANTS_MAX } from './definition.ts'
import { JobError } from './errors.ts'

/** Who works in a tenant, and the web APIs as that tenant's application sees them. */
export interface Place {
  readonly identity: AppIdentity
  readonly api: Readonly<Record<string, Api>>
}

/** What the runs of a daemon work with: one identity and one set of APIs for each tenant, shared by its runs. */
export interface Surroundings {
  readonly identity: AppIdentity
  /** The tenant of the identity. */
  readonly tenant: string
  /** The jobs whose runs may go beyond their limit: those that `TOMTE_BEYOND_LIMIT` names, with commas between them. */
  readonly beyondLimit: ReadonlySet<string>
  /** @throws ConfigurationError if there can be no such tenant. */
  placeIn(tenant: string): Place
  /** The tenants of the daemon, for a fan-out. @throws JobError `tenants_unusable` if there are too many, or they are none. */
  tenants(signal: AbortSignal): Promise<readonly string[]>
}

/** Where the surroundings of a daemon come from. */
export interface SurroundingsOptions {
  /** Goes before what the daemon says of its identity. */
  readonly environment: Environment
  /** Where the daemon was defined: its relative paths start at that folder. Default: the working folder. */
  readonly configFile?: string | undefined
  /** Told of what happens to tokens and credentials. */
  readonly onIdentityEvent?: Listener | undefined
}

// Each remembers the pace of its APIs; the tenant that was not worked in for longest is dropped, and made again.
const PLACES_MAX = 1_000

/**
 * Makes the identity and the APIs of a daemon; asks the network for nothing.
 *
 * @throws ConfigurationError if the identity or an API cannot be one.
 */
export async function surroundingsOf(daemon: Daemon, options: SurroundingsOptions): Promise<Surroundings> {
  const { environment, configFile: file, onIdentityEvent: onEvent } = options
  const { identity: configured } = await configurationOf(
    { identity: daemon.identity, apis: daemon.apis },
    { environment, file },
  )
  const proxy = proxyFromEnvironment(environment)
  const home = new AppIdentity({ ...configured, proxy, onEvent })
  const tenant = home.authority.tenant
  const placeOf = (identity: AppIdentity): Place => ({
    identity,
    api: Object.fromEntries(
      Object.entries(daemon.apis).map(([name, of]) => [
        name,
        typeof of === 'function' ? of(identity, environment) : definedApi(identity, of, { proxy }),
      ]),
    ),
  })
  const own = placeOf(home)
  const places = new Map<string, Place>()
  return {
    identity: home,
    tenant,
    beyondLimit: new Set((environment['TOMTE_BEYOND_LIMIT'] ?? '').split(',').map((job) => job.trim())),
    placeIn(wanted) {
      if (wanted === tenant) return own
      const place = places.get(wanted) ?? placeOf(home.forTenant(wanted))
      remember(places, wanted, place)
      return place
    },
    tenants: (signal) => tenantsOf(daemon, { identity: home, environment, signal }),
  }
}

/** A map is in the order of insertion: what was used last goes to its end. */
function remember(places: Map<string, Place>, tenant: string, place: Place): void {
  places.delete(tenant)
  places.set(tenant, place)
  if (places.size <= PLACES_MAX) return
  for (const oldest of places.keys()) {
    places.delete(oldest)
    return
  }
}

async function tenantsOf(
  { tenants = [] }: Daemon,
  around: { readonly identity: AppIdentity; readonly environment: Environment; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const found: unknown = typeof tenants === 'function' ? await tenants(around) : tenants
  if (!Array.isArray(found)) throw unusableTenants('they are no list')
  if (found.length > TENANTS_MAX) throw unusableTenants(`they are ${found.length}`)
  const wrong = found.findIndex((tenant) => typeof tenant !== 'string' || !TENANT.test(tenant))
  if (wrong !== -1) throw unusableTenants(`the one at place ${wrong} is none`)
  return [...new Set(found as string[])]
}

const TENANT = /^[a-z\d][a-z\d.-]{0,252}$/i

const unusableTenants = (found: string) =>
  new JobError(
    `Cannot work in the tenants of the daemon, as a list of at most ${TENANTS_MAX} ids or domain names is needed: ${found}`,
    { code: 'tenants_unusable', hint: 'Correct the tenants in tomte.config.ts' },
  )
