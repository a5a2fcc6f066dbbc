import type { Algorithm } from './algorithms.ts'
import { type DocumentOptions, documentGetter } from './keys/document.ts'
import { FetchedKeys } from './keys/fetched-keys.ts'
import { isHttps } from './keys/metadata.ts'
import type { KeySource } from './keys/source.ts'

/** How an issuer's access tokens look: Entra's versions (wire.md §6), `at+jwt` (RFC 9068), or a JWT that does not say what it is. */
export type TokenKind = '1.0' | '2.0' | 'at+jwt' | 'any JWT'

/** An issuer whose tokens are let in, if all else is right. */
export interface TrustedIssuer {
  /** What `iss` must be, to the letter. For Entra's versions `{tenantid}` stands for the token's `tid`. */
  readonly issuer: string
  readonly kind: TokenKind
  /** The tenants whose tokens are let in, by id; `undefined` lets in every tenant of the issuer. */
  readonly tenants?: readonly string[] | undefined
  readonly keys: KeySource
  /** The signature algorithms that the issuer uses. Default: RS256 alone. */
  readonly algorithms?: readonly Algorithm[] | undefined
  /** The claim that says what an application may do: `roles`, a list, or `scope`, a text with blanks. Default: `roles`. */
  readonly rolesFrom?: 'roles' | 'scope' | undefined
}

/** Which tenants of Entra ID, and where it is. */
export interface EntraOptions extends DocumentOptions {
  /** The ids of the tenants whose tokens are let in, or the word that lets in every tenant of the cloud. */
  readonly tenants: readonly string[] | 'any tenant'
  /** Default: `https://login.microsoftonline.com`. */
  readonly authorityHost?: string | undefined
  /** The issuer of v1.0 tokens up to the tenant. Default: `https://sts.windows.net`, in China `https://sts.chinacloudapi.cn`. */
  readonly issuerV1?: string | undefined
  /** The API's own application id, if its tokens may be signed with keys of its own: the metadata are asked for by `?appid=` (wire.md §7). */
  readonly appId?: string | undefined
  /** The versions of tokens that the API takes. Default: both. */
  readonly versions?: readonly ('1.0' | '2.0')[] | undefined
}

/** Any authorization server that has metadata. */
export interface OAuthIssuerOptions extends DocumentOptions, Pick<TrustedIssuer, 'algorithms' | 'rolesFrom'> {
  /** The issuer as its metadata state it, to the letter. */
  readonly issuer: string
  /** The word that takes tokens without `typ: at+jwt`, as servers older than RFC 9068 make them; ID tokens may look the same. */
  readonly accept?: 'any JWT' | undefined
  /** The hosts that may hold its keys, with port where it is not 443. Default: the issuer's own alone. */
  readonly keyHosts?: readonly string[] | undefined
}

/** What stands in an issuer for the tenant's id. */
export const TENANT_TEMPLATE = '{tenantid}'

/** The form of a tenant's id. */
export const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const PUBLIC_CLOUD = 'https://login.microsoftonline.com'
const ISSUERS_V1: Readonly<Record<string, string>> = {
  'https://login.partner.microsoftonline.cn': 'https://sts.chinacloudapi.cn',
}
const TENANTS_MAX = 10_000

/**
 * Trusts tenants of Microsoft Entra ID, or of a platform that speaks as it does. Each tenant's keys are read by its own metadata,
 * version 1.0 and 2.0 apart, when its first token comes (wire.md §6, §7).
 *
 * @throws TypeError if a tenant is no GUID in lower case, if there is none or more than 10,000, or if a host is no https origin.
 * @example
 * ```ts
 * import { createGuard, entra } from '@tomte/guard'
 * const guard = createGuard({
 *   audience: ['api://orders', '55555555-eeee-4eee-8eee-000000000005'],
 *   issuers: entra({ tenants: ['11111111-aaaa-4aaa-8aaa-000000000001'] }),
 * })
 * ```
 */
export function entra(options: EntraOptions): readonly TrustedIssuer[] {
  const { tenants, versions = ['1.0', '2.0'], appId } = options
  if (appId !== undefined && !GUID.test(appId))
    throw new TypeError(`Cannot read keys of application '${appId}', as a GUID in lower case is needed`)
  const query = appId === undefined ? '' : `?appid=${appId}`
  const host = originOf('authorityHost', options.authorityHost ?? PUBLIC_CLOUD)
  const v1 = originOf('issuerV1', options.issuerV1 ?? ISSUERS_V1[host] ?? 'https://sts.windows.net')
  checkTenants(tenants)
  const issuers = { '1.0': `${v1}/${TENANT_TEMPLATE}/`, '2.0': `${host}/${TENANT_TEMPLATE}/v2.0` }
  const paths = { '1.0': '', '2.0': '/v2.0' }
  const get = documentGetter(options)
  return versions.map((version) => {
    const keysOf = (name: string, issuer: string) =>
      new FetchedKeys({
        ...options,
        get,
        issuer,
        metadataUrls: [`${host}/${name}${paths[version]}/.well-known/openid-configuration${query}`],
        keyHosts: [new URL(host).host],
      })
    const keys =
      tenants === 'any tenant'
        ? keysOf(version === '1.0' ? 'common' : 'organizations', issuers[version])
        : keysByTenant((tenantId) => keysOf(tenantId, issuers[version].replace(TENANT_TEMPLATE, tenantId)))
    return {
      issuer: issuers[version],
      kind: version,
      tenants: tenants === 'any tenant' ? undefined : tenants,
      keys,
    }
  })
}

/** Bounded by the list of tenants: the guard asks for the keys of no other. */
function keysByTenant(make: (tenantId: string) => KeySource): KeySource {
  const sources = new Map<string, KeySource>()
  return {
    find(kid, tenantId) {
      let source = sources.get(tenantId)
      if (!source) sources.set(tenantId, (source = make(tenantId)))
      return source.find(kid, tenantId)
    },
  }
}

/**
 * Trusts an authorization server, whose keys are found by its metadata (RFC 8414 §3.1, else OpenID Connect Discovery 1.0 §4).
 * Its tokens are those of RFC 9068, signed by RS256, PS256, ES256 or EdDSA, whichever fits its keys.
 *
 * @throws TypeError if the issuer is no https URL without query and fragment.
 * @example
 * ```ts
 * import { createGuard, entra, oauthIssuer } from '@tomte/guard'
 * const guard = createGuard({
 *   audience: ['https://orders.example'],
 *   issuers: [
 *     ...entra({ tenants: ['11111111-aaaa-4aaa-8aaa-000000000001'] }),
 *     ...oauthIssuer({ issuer: 'https://as.example', rolesFrom: 'scope' }),
 *   ],
 * })
 * ```
 */
export function oauthIssuer(options: OAuthIssuerOptions): readonly TrustedIssuer[] {
  const { issuer, accept, rolesFrom, algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] } = options
  if (!isHttps(issuer) || issuer.includes('?') || issuer.includes(TENANT_TEMPLATE))
    throw new TypeError(`Cannot trust issuer '${issuer}', as an https:// URL without query is needed`)
  const { origin, host, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const keys = new FetchedKeys({
    ...options,
    metadataUrls: [
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}${path}/.well-known/openid-configuration`,
    ],
    keyHosts: options.keyHosts ?? [host],
  })
  return [{ issuer, kind: accept ?? 'at+jwt', keys, algorithms, rolesFrom }]
}

function originOf(name: string, address: string): string {
  const text = address.replace(/\/$/, '')
  if (!isHttps(text) || new URL(text).origin !== text)
    throw new TypeError(`Cannot trust ${name} '${address}', as an https:// origin without a path is needed`)
  return text
}

function checkTenants(tenants: EntraOptions['tenants']): void {
  if (tenants === 'any tenant') return
  const hint = "name each by its id, or say 'any tenant'"
  if (tenants.length === 0 || tenants.length > TENANTS_MAX)
    throw new TypeError(`Cannot trust ${tenants.length} tenants, as 1 to ${TENANTS_MAX} are needed: ${hint}`)
  const wrong = tenants.find((tenant) => !GUID.test(tenant))
  if (wrong !== undefined)
    throw new TypeError(`Cannot trust tenant '${wrong}', as a GUID in lower case is needed: ${hint}`)
}
