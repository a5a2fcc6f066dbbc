import { canNameTenant } from '../registration/tenants.ts'
import { required, type Form } from '../token/parse.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { isTemplate } from '../token/tenant.ts'

const VERSIONS: ReadonlySet<string> = new Set(['1.0', '1.1'])

/**
 * Tells an SDK whether it may trust an authority, which is so if the authority is on one of this platform's own hosts
 * (wire.md §7).
 *
 * @throws TokenRefusal 900144 without both parameters, 9002313 for another version, 50049 for another host.
 */
export function instanceDocument(query: Form, hosts: readonly string[]): object {
  const version = required(query, 'api-version')
  const endpoint = required(query, 'authorization_endpoint')
  if (!VERSIONS.has(version)) throw new TokenRefusal(9002313)
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  const [tenant = '', ...rest] = url?.pathname.split('/').slice(1) ?? []
  const named = canNameTenant(tenant) || isTemplate(tenant)
  if (url?.protocol !== 'https:' || !hosts.includes(url.host) || !named) throw new TokenRefusal(50049)
  const v2 = rest.includes('v2.0') ? '/v2.0' : ''
  return {
    tenant_discovery_endpoint: `${url.origin}/${tenant}${v2}/.well-known/openid-configuration`,
    'api-version': version,
    metadata: [{ preferred_network: url.host, preferred_cache: url.host, aliases: [url.host] }],
  }
}
