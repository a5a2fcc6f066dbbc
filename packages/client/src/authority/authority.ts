import { ConfigurationError } from '../errors.ts'
import { withoutUser } from '../network.ts'
import { CLOUDS, cloudOf } from './clouds.ts'
import { tenantName } from './tenant.ts'

/** Where one tenant's tokens come from. */
export interface Authority {
  readonly host: string
  readonly tenant: string
  readonly tokenEndpoint: string
  /** Where an administrator of the tenant approves an application's static permissions (wire.md §9). */
  adminConsentUrl(clientId: string): string
}

export const PUBLIC_CLOUD = CLOUDS.AzurePublicCloud.login

/**
 * The authorities of a host, an origin or the name of a cloud, laid out for each tenant as on the Microsoft identity platform
 * (wire.md §2).
 *
 * @throws ConfigurationError if the host cannot be one; from the returned function if the tenant cannot.
 */
export function authorityAt(host: string): (tenant: string) => Authority {
  const origin = authorityOrigin(host)
  return (tenant) => {
    const name = tenantName(tenant)
    return {
      host: origin,
      tenant: name,
      tokenEndpoint: `${origin}/${name}/oauth2/v2.0/token`,
      adminConsentUrl: (clientId) =>
        `${origin}/${name}/adminconsent?client_id=${encodeURIComponent(clientId)}`,
    }
  }
}

/** The authority of one tenant; see {@link authorityAt}. */
export const authority = (host: string, tenant: string): Authority => authorityAt(host)(tenant)

function authorityOrigin(host: string): string {
  const named = Object.hasOwn(CLOUDS, host) ? cloudOf(host) : undefined
  if (named) return named.login
  const url = URL.canParse(host) ? new URL(host) : undefined
  if (url?.protocol === 'https:' && url.href === `${url.origin}/`) return url.origin
  throw new ConfigurationError(
    `Cannot use the authority host, as it must be an https:// origin without a path, or the name of a cloud: found '${withoutUser(host)}'`,
    {
      code: 'authority_invalid',
      hint: `Set AZURE_AUTHORITY_HOST to an origin such as ${PUBLIC_CLOUD}, or to one of ${Object.keys(CLOUDS).join(', ')}`,
    },
  )
}
