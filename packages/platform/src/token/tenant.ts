import { issuerV2 } from '../discovery/metadata.ts'
import { canNameTenant, findFirstTenant, findTenant, type Tenant } from '../registration/tenants.ts'
import type { Database } from '../store/database.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { TokenRefusal } from './refusal.ts'

/** Names in place of a tenant that stand for any: a person who signs in brings the tenant along, a daemon has none. */
const TEMPLATES: ReadonlySet<string> = new Set(['common', 'organizations'])

/** The accounts of people, among whom there are no daemons (wire.md §1). */
const PERSONAL = 'consumers'

/**
 * The name by which SDKs that are told nothing but an environment reach the first tenant: for this one they ask no other
 * host whether to trust ours (clients.md, door 1).
 */
const FIRST = 'adfs'

const EMPTY_GUID = '00000000-0000-0000-0000-000000000000'

export const isTemplate = (name: string): boolean => TEMPLATES.has(name.toLowerCase())
export const isPersonal = (name: string): boolean => name.toLowerCase() === PERSONAL
export const isEmptyGuid = (text: string): boolean => text === EMPTY_GUID

/** Finds the tenant that a URL names: by GUID, by domain, or the first one as `adfs`. @throws TokenRefusal 900023, 900021, 90002. */
export const requireTenant = (cache: ReadCache, name: string): Promise<Tenant> =>
  cache.read(`tenant ${name.toLowerCase()}`, (db) => tenantNamed(db, name))

async function tenantNamed(db: Database, name: string): Promise<Tenant> {
  if (name.toLowerCase() === FIRST) return requireFirst(db, name)
  if (!canNameTenant(name)) throw new TokenRefusal(900023, { tenant: name })
  if (isEmptyGuid(name)) throw new TokenRefusal(900021, { tenant: name })
  const tenant = await findTenant(db, name)
  if (!tenant) throw new TokenRefusal(90002, { tenant: name })
  return tenant
}

async function requireFirst(db: Database, name: string): Promise<Tenant> {
  const tenant = await findFirstTenant(db)
  if (!tenant) throw new TokenRefusal(90002, { tenant: name })
  return tenant
}

/** What an assertion may name as its audience: this tenant's token endpoints and issuer, by GUID, by domain or as called. */
export function audiencesOf(origin: string, tenant: Tenant, called: string): ReadonlySet<string> {
  const names = [tenant.id, tenant.defaultDomain, called.toLowerCase()]
  return new Set(
    names.flatMap((name) => [
      `${origin}/${name}/oauth2/v2.0/token`,
      `${origin}/${name}/oauth2/token`,
      issuerV2(origin, name),
      `${origin}/${name}`,
      `${origin}/${name}/`,
    ]),
  )
}
