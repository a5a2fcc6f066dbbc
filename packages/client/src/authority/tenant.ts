import { ConfigurationError } from '../errors.ts'

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const DNS_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

const NO_TENANT: ReadonlyMap<string, string> = new Map([
  ['common', 'it stands for any account, and an application that signs in as itself belongs to one tenant'],
  [
    'organizations',
    'it stands for any work account, and an application that signs in as itself belongs to one tenant',
  ],
  ['consumers', 'personal accounts have no applications that sign in as themselves'],
  [
    '9188040d-6c67-4c5b-b112-36a304b66dad',
    'it is the tenant of personal accounts, which have no such applications',
  ],
])

/**
 * Returns the tenant in lower case if it can be one for client credentials: a GUID or a DNS name (wire.md §1).
 *
 * @throws ConfigurationError for `common`, `organizations`, `consumers`, the personal accounts' tenant, and anything else.
 * @example
 * ```ts
 * import { tenantName } from '@tomte/client'
 * const tenant = tenantName('contoso.example')
 * ```
 */
export function tenantName(tenant: string): string {
  const name = tenant.toLowerCase()
  const reason = NO_TENANT.get(name)
  // Not the name in lower case: the Kelvin sign would have become a k.
  if (reason === undefined && (GUID.test(tenant) || DNS_NAME.test(tenant))) return name
  const found = reason === undefined ? `found '${tenant}'` : `found '${tenant}', but ${reason}`
  throw new ConfigurationError(
    `Cannot use the tenant, as it must be a GUID or a verified domain name: ${found}`,
    {
      code: 'tenant_invalid',
      hint: 'Set the tenant (AZURE_TENANT_ID) to the directory id or a domain name of the tenant to work in',
    },
  )
}
