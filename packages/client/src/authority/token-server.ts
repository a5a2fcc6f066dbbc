import type { Clock } from '../clock.ts'
import { ConfigurationError } from '../errors.ts'
import type { TokenEndpoint } from '../token/acquire.ts'
import { documentGetter, type TransportOptions } from '../token/request.ts'
import { anyScope, staticScope } from '../token/scope.ts'
import { type Authority, authorityAt, PUBLIC_CLOUD } from './authority.ts'
import { type ExtraParameters, extraParameters, issuerName, type ServerMetadata } from './issuer.ts'
import { tenantName } from './tenant.ts'

/** An application in a tenant of Microsoft Entra ID, or of a platform that is laid out like it (wire.md §2). */
export interface TenantOptions {
  /** The directory to work in: a GUID or a verified domain name. */
  readonly tenantId: string
  /** Default: the public cloud, https://login.microsoftonline.com. */
  readonly authorityHost?: string | undefined
  /** Asks the public cloud's endpoint in this region, such as `westeurope`, for tokens. Default: the global endpoint. */
  readonly region?: string | undefined
  readonly issuer?: undefined
  readonly parameters?: undefined
}

/** An application at any OAuth 2.0 authorization server that publishes its metadata (RFC 8414, OpenID Connect Discovery). */
export interface IssuerOptions {
  /** The server's issuer, letter by letter as its metadata states it: an https URL, which need not be its only address. */
  readonly issuer: string
  /** Sent with every token request, such as `resource` (RFC 8707) or `audience`; none of the names that the request itself sets. */
  readonly parameters?: ExtraParameters | undefined
  readonly tenantId?: undefined
  readonly authorityHost?: undefined
  readonly region?: undefined
}

/** Where an application's tokens come from, and by which rules they are asked for. */
export interface TokenServer {
  /** The tenant that the application works in, or the issuer with the extra parameters. */
  readonly home: string
  /** The name of another tenant. @throws ConfigurationError if there is none of that name. */
  readonly tenantNamed: (tenantId: string) => string
  readonly authorityOf: (tenant: string) => Authority
  readonly endpointOf: (tenant: string) => TokenEndpoint | Promise<TokenEndpoint>
  /** @throws ConfigurationError if the scope cannot be asked for. */
  readonly checkedScope: (scope: string) => string
}

/** Metadata are small and the same for years: whoever waits for a token does not wait for them longer than this. */
const METADATA_TIMEOUT_MS = 10_000

/** The server that the options name. @throws ConfigurationError if they name none, two, or one that cannot be. */
export function tokenServer(
  options: (TenantOptions | IssuerOptions) & TransportOptions,
  clock: Clock,
): TokenServer {
  const { tenantId, issuer, authorityHost, region, parameters } = options
  if (issuer === undefined && tenantId !== undefined && parameters === undefined)
    return tenantServer(tenantId, authorityHost, region)
  const isIssuer = tenantId === undefined && authorityHost === undefined && region === undefined
  if (issuer !== undefined && isIssuer) return issuerServer(options, clock)
  const given = Object.entries({ tenantId, authorityHost, region, issuer, parameters })
  const names = given.flatMap(([name, value]) => (value === undefined ? [] : [name]))
  throw new ConfigurationError(
    `Cannot make the identity, as either tenantId (with authorityHost, region) or issuer (with parameters) is needed: found ${names.join(', ') || 'neither'}`,
    {
      code: 'authority_unclear',
      hint: 'Give the tenant for Microsoft Entra ID, or the issuer for another OAuth 2.0 server',
    },
  )
}

function tenantServer(tenantId: string, authorityHost: string = PUBLIC_CLOUD, region?: string): TokenServer {
  const authorityOf = authorityAt(authorityHost, region)
  return {
    home: authorityOf(tenantId).tenant,
    tenantNamed: tenantName,
    authorityOf,
    endpointOf: (tenant) => ({ url: authorityOf(tenant).tokenEndpoint }),
    checkedScope: staticScope,
  }
}

function issuerServer(options: IssuerOptions & TransportOptions, clock: Clock): TokenServer {
  const issuer = issuerName(options.issuer)
  const parameters = extraParameters(options.parameters ?? {})
  // An issuer has no query, so this names one kind of token and no other: it keeps caches and stores apart.
  const query = new URLSearchParams(
    parameters.map(([name, value]): [string, string] => [name, value]),
  ).toString()
  const home = query === '' ? issuer : `${issuer}?${query}`
  const authority = { host: new URL(issuer).origin, tenant: home }
  let metadata: Promise<() => Promise<ServerMetadata>> | undefined
  return {
    home,
    tenantNamed: (tenantId) => {
      throw new ConfigurationError(
        `Cannot work in the tenant '${tenantId.slice(0, 200)}', as an authority with tenants is needed: found the issuer '${issuer}'`,
        {
          code: 'tenants_absent',
          hint: 'Make an identity for each issuer; tenants are Microsoft Entra ID’s',
        },
      )
    },
    authorityOf: () => authority,
    endpointOf: async () => {
      metadata ??= loadDiscovery(issuer, options, clock)
      const server = await (await metadata)()
      return { url: server.tokenEndpoint, server, parameters }
    },
    checkedScope: anyScope,
  }
}

/** Loaded at the first token request: who works with Entra alone never needs it. */
async function loadDiscovery(issuer: string, { ca, proxy, timeoutMs }: TransportOptions, clock: Clock) {
  const { discovery } = await import('./discovery.ts')
  const limitMs = Math.min(timeoutMs ?? METADATA_TIMEOUT_MS, METADATA_TIMEOUT_MS)
  return discovery({ issuer, clock, get: documentGetter({ ca, proxy, clock, timeoutMs: limitMs }) })
}
