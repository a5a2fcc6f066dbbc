/** The issuer of v2.0 tokens of a tenant; `{tenantid}` makes the template (wire.md §6). */
export const issuerV2 = (origin: string, tenantId: string): string => `${origin}/${tenantId}/v2.0`

/** The issuer of v1.0 tokens, which names no host of the authority's own (wire.md §6). */
export const issuerV1 = (tenantId: string): string => `https://sts.windows.net/${tenantId}/`

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

/** The OpenID discovery document of a tenant's v2.0 endpoints; a domain name has been resolved to its GUID (wire.md §7). */
export function metadataV2(origin: string, tenantId: string): object {
  return {
    ...COMMON,
    issuer: issuerV2(origin, tenantId),
    authorization_endpoint: `${origin}/${tenantId}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${tenantId}/oauth2/v2.0/token`,
    jwks_uri: `${origin}/${tenantId}/discovery/v2.0/keys`,
    end_session_endpoint: `${origin}/${tenantId}/oauth2/v2.0/logout`,
    msgraph_host: new URL(origin).host,
  }
}
