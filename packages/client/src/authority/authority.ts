import { ConfigurationError } from '../errors.ts'
import { withoutUser } from '../network.ts'
import { CLOUDS, cloudOf } from './clouds.ts'
import { tenantName } from './tenant.ts'

/** Where an application's tokens come from. */
export interface Authority {
  /** The origin that answers, for example https://login.microsoftonline.com. */
  readonly host: string
  /** The tenant; of a server that has none, its issuer with the extra parameters of the token request as a query. */
  readonly tenant: string
  /** Absent where discovery tells it, at the first token request. */
  readonly tokenEndpoint?: string | undefined
  /** Where an administrator of the tenant approves an application's static permissions (wire.md §9); absent elsewhere. */
  adminConsentUrl?(clientId: string): string
}

/** The authority of a tenant, laid out as on the Microsoft identity platform (wire.md §2). */
export interface TenantAuthority extends Authority {
  readonly tokenEndpoint: string
  adminConsentUrl(clientId: string): string
}

export const PUBLIC_CLOUD = CLOUDS.AzurePublicCloud.login

/**
 * The authorities of a host, an origin or the name of a cloud, laid out for each tenant as on the Microsoft identity platform
 * (wire.md §2). With a region, tokens come from the public cloud's endpoint there.
 *
 * @throws ConfigurationError if the host cannot be one or has no such region; from the returned function if the tenant cannot.
 */
export function authorityAt(host: string, region?: string): (tenant: string) => TenantAuthority {
  const origin = authorityOrigin(host)
  const tokenOrigin = region === undefined ? origin : regionalOrigin(origin, region)
  return (tenant) => {
    const name = tenantName(tenant)
    return {
      host: origin,
      tenant: name,
      tokenEndpoint: `${tokenOrigin}/${name}/oauth2/v2.0/token`,
      adminConsentUrl: (clientId) =>
        `${origin}/${name}/adminconsent?client_id=${encodeURIComponent(clientId)}`,
    }
  }
}

/** The authority of one tenant; see {@link authorityAt}. */
export const authority = (host: string, tenant: string): TenantAuthority => authorityAt(host)(tenant)

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

const REGION = /^[a-z0-9]{1,63}$/
// What other libraries take for "find it out"; as a name it would make a host that nobody answers at.
const DISCOVERED = /^(auto|autodiscoverregion|tryautodetect|attemptregiondiscovery|true)$/

/** `{region}.login.microsoft.com` (wire.md §2), which the public cloud alone has. */
function regionalOrigin(origin: string, region: string): string {
  const name = region.toLowerCase()
  if (cloudOf(origin) !== CLOUDS.AzurePublicCloud)
    throw unusableRegion(region, `the authority host is ${origin}`)
  if (!REGION.test(name)) throw unusableRegion(region, 'it has other characters than letters and digits')
  if (DISCOVERED.test(name)) throw unusableRegion(region, 'the region is not found out here')
  return `https://${name}.login.microsoft.com`
}

function unusableRegion(region: string, found: string): ConfigurationError {
  return new ConfigurationError(
    `Cannot use the region '${region.slice(0, 100)}', as the name of a region of the public cloud is needed: ${found}`,
    {
      code: 'region_invalid',
      hint: 'Name the region that the program runs in, such as westeurope, or leave the option out',
    },
  )
}
