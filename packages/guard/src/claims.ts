import { GuardRefusal } from './refusal.ts'
import type { Claims } from './token.ts'

/** Who called: an application, as its token says. */
export interface Principal {
  readonly tenantId: string
  /** The client's application id: `azp` or `appid`. */
  readonly appId: string
  /** The client's service principal: `oid`. */
  readonly objectId: string
  readonly roles: readonly string[]
  readonly claims: Claims
}

/** What a token must claim to be for this API. */
export interface Expectations {
  /** The API's own identifiers: its application id and App ID URIs. */
  readonly audience: readonly string[]
  /** Issuer templates by token version, `{tenantid}` standing for the token's `tid` (wire.md §6). */
  readonly issuers: { readonly '1.0'?: string | undefined; readonly '2.0'?: string | undefined }
  /** The tenants whose tokens are let in; `undefined` lets in every tenant of the issuers. */
  readonly tenants: readonly string[] | undefined
  readonly skewSeconds: number
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Checks what a verified token claims and says who called; pure (wire.md §6).
 *
 * @throws GuardRefusal issuer_invalid, audience_invalid, lifetime_invalid, tenant_unaccepted, not_app_only, token_malformed.
 */
export function principalOf(claims: Claims, expected: Expectations, nowMs: number): Principal {
  const version = text(claims, 'ver')
  const tenantId = text(claims, 'tid')
  const template = version === '1.0' || version === '2.0' ? expected.issuers[version] : undefined
  if (
    !GUID.test(tenantId) ||
    template === undefined ||
    text(claims, 'iss') !== template.replace('{tenantid}', tenantId)
  ) {
    throw new GuardRefusal(
      'issuer_invalid',
      `iss does not belong to version ${version} and tenant ${tenantId}`,
    )
  }
  if (!expected.audience.includes(text(claims, 'aud')))
    throw new GuardRefusal('audience_invalid', 'aud is another API')
  checkLifetime(claims, expected.skewSeconds, nowMs)
  if (expected.tenants && !expected.tenants.includes(tenantId)) {
    throw new GuardRefusal('tenant_unaccepted', `tenant ${tenantId} is not on the list`)
  }
  const objectId = text(claims, 'oid')
  const appOnly = objectId === text(claims, 'sub') && claims['scp'] === undefined
  const named = claims['idtyp'] === undefined || claims['idtyp'] === 'app'
  if (!appOnly || !named) throw new GuardRefusal('not_app_only', 'the token acts for a user')
  const appId = text(claims, version === '2.0' ? 'azp' : 'appid')
  return { tenantId, appId, objectId, roles: rolesOf(claims), claims }
}

function checkLifetime(claims: Claims, skewSeconds: number, nowMs: number): void {
  const nowSeconds = nowMs / 1000
  const [notBefore, expires] = [claims['nbf'], claims['exp']]
  if (typeof notBefore !== 'number' || typeof expires !== 'number') {
    throw new GuardRefusal('token_malformed', 'nbf or exp is not a number')
  }
  if (nowSeconds < notBefore - skewSeconds)
    throw new GuardRefusal('lifetime_invalid', 'the token is not valid yet')
  if (nowSeconds >= expires + skewSeconds) throw new GuardRefusal('lifetime_invalid', 'the token has expired')
}

function rolesOf(claims: Claims): readonly string[] {
  const roles = claims['roles']
  if (roles === undefined) return []
  if (Array.isArray(roles) && roles.every((role) => typeof role === 'string')) return roles
  throw new GuardRefusal('token_malformed', 'roles is not a list of texts')
}

function text(claims: Claims, name: string): string {
  const value = claims[name]
  if (typeof value === 'string' && value !== '') return value
  throw new GuardRefusal('token_malformed', `${name} is missing or no text`)
}
