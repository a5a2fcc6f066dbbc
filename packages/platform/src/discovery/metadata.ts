/** The issuer of v2.0 tokens of a tenant; `{tenantid}` makes the template (wire.md §6). */
export const issuerV2 = (origin: string, tenantId: string): string => `${origin}/${tenantId}/v2.0`

/** The issuer of v1.0 tokens, which names no host of the authority's own (wire.md §6). */
export const issuerV1 = (tenantId: string): string => `https://sts.windows.net/${tenantId}/`

/** What stands in place of a tenant's id in the documents that are for every tenant; APIs put a token's `tid` there (wire.md §6). */
export const ANY_TENANT = '{tenantid}'

const COMMON = {
  response_modes_supported: ['query', 'fragment', 'form_post'],
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['RS256'],
  response_types_supported: ['code'],
  scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  grant_types_supported: ['client_credentials'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
  token_endpoint_auth_signing_alg_values_supported: ['PS256', 'RS256'],
  claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'nbf', 'oid', 'tid', 'roles', 'ver'],
}

/** What a discovery document is about. */
export interface Described {
  readonly origin: string
  /** The tenant's GUID, or `common` or `organizations` for every tenant. */
  readonly tenant: string
  /** Whether it is for every tenant, so that the issuer is a template. */
  readonly template: boolean
  /** The application whose own keys the keys document is to have, too. */
  readonly appId?: string | undefined
}

const issuerTenant = ({ tenant, template }: Described) => (template ? ANY_TENANT : tenant)
const keysQuery = ({ appId }: Described) => (appId === undefined ? '' : `?appid=${appId}`)

/** The OpenID discovery document of a tenant's v2.0 endpoints; a domain name has been resolved to its GUID (wire.md §7). */
export function metadataV2(about: Described): object {
  const { origin, tenant } = about
  return {
    ...COMMON,
    issuer: issuerV2(origin, issuerTenant(about)),
    authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
    jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys${keysQuery(about)}`,
    end_session_endpoint: `${origin}/${tenant}/oauth2/v2.0/logout`,
    msgraph_host: new URL(origin).host,
  }
}

/** The discovery document of a tenant's v1.0 endpoints, by which v1.0 tokens are checked (wire.md §7). */
export function metadataV1(about: Described): object {
  const { origin, tenant, appId } = about
  // Keys of an application's own are those of one tenant.
  const keysOf = appId === undefined ? 'common' : tenant
  return {
    ...COMMON,
    issuer: issuerV1(issuerTenant(about)),
    authorization_endpoint: `${origin}/${tenant}/oauth2/authorize`,
    token_endpoint: `${origin}/${tenant}/oauth2/token`,
    jwks_uri: `${origin}/${keysOf}/discovery/keys${keysQuery(about)}`,
    end_session_endpoint: `${origin}/${tenant}/oauth2/logout`,
    msgraph_host: new URL(origin).host,
  }
}
