import { GUID } from './issuers.ts'
import { GuardRefusal } from './refusal.ts'
import { textClaim } from './text-claim.ts'
import type { Claims } from './token.ts'
import type { Origin, Trust } from './trust.ts'

/** Who called, as the token says. */
export interface Principal {
  readonly kind: 'application' | 'user'
  /** `iss`, to the letter. */
  readonly issuer: string
  /** `tid`; of an issuer without tenants, the issuer itself: what belongs to the one is none of the other's. */
  readonly tenantId: string
  /** The client's application id: `azp` or `appid` of Entra, else `client_id`. */
  readonly appId: string
  /** The client's service principal, or the user: `oid` of Entra, else `sub`. */
  readonly objectId: string
  /** The roles of an application or of a user, which are not the same even if they have one name. */
  readonly roles: readonly string[]
  /** What the client may do for a user: `scp` of Entra, else `scope`; empty for an application. */
  readonly scopes: readonly string[]
  readonly claims: Claims
}

/** What a token must claim to be for this API. */
export interface Expectations {
  /** The API's own identifiers: its application id and App ID URIs. */
  readonly audience: ReadonlySet<string>
  /** How far the issuer's clock may differ. */
  readonly skewSeconds: number
}

/** Checks what a verified token claims and says who called; pure (wire.md §6, RFC 9068 §4). @throws GuardRefusal with status 401. */
export function principalOf(
  claims: Claims,
  origin: Origin,
  expected: Expectations,
  nowMs: number,
): Principal {
  const { trust } = origin
  const entra = trust.kind === '1.0' || trust.kind === '2.0'
  if (entra && textClaim(claims, 'ver') !== trust.kind)
    throw new GuardRefusal('version_invalid', `ver is not ${trust.kind}, as this issuer's tokens have it`)
  checkAudience(claims, expected.audience, entra)
  checkLifetime(lifetimeOf(claims, trust, expected.skewSeconds), nowMs)
  if (claims['cnf'] !== undefined)
    throw new GuardRefusal('token_bound', 'the token is bound to a key (cnf), and came as a bearer token')
  return entra ? entraPrincipal(claims, origin) : oauthPrincipal(claims, origin)
}

/** Entra names one audience; elsewhere it may be a list (RFC 7519 §4.1.3). */
function checkAudience(claims: Claims, audience: ReadonlySet<string>, entra: boolean): void {
  const aud = claims['aud']
  const listed =
    !entra && Array.isArray(aud) && aud.length > 0 && aud.every((each) => typeof each === 'string')
  const named: readonly string[] = listed ? aud : [textClaim(claims, 'aud')]
  if (!named.some((each) => audience.has(each)))
    throw new GuardRefusal('audience_invalid', 'aud is another API')
}

/** When a token counts, in milliseconds since 1970-01-01T00:00:00Z, with the skew on both sides. */
export interface Lifetime {
  readonly fromMs: number
  readonly untilMs: number
}

/** Reads when a token counts; `iat` and `exp` are always there, `nbf` at Entra. @throws GuardRefusal claim_missing, claim_malformed. */
export function lifetimeOf(claims: Claims, { kind }: Trust, skewSeconds: number): Lifetime {
  const expires = seconds(claims, 'exp')
  const issued = seconds(claims, 'iat')
  const needed = kind === '1.0' || kind === '2.0' || claims['nbf'] !== undefined
  const begins = needed ? Math.max(seconds(claims, 'nbf'), issued) : issued
  return { fromMs: (begins - skewSeconds) * 1000, untilMs: (expires + skewSeconds) * 1000 }
}

function checkLifetime({ fromMs, untilMs }: Lifetime, nowMs: number): void {
  if (nowMs < fromMs) throw new GuardRefusal('token_too_early', 'the token is not valid yet')
  if (nowMs >= untilMs) throw new GuardRefusal('token_expired', 'the token has expired')
}

function seconds(claims: Claims, name: string): number {
  const value = claims[name]
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (value === undefined) throw new GuardRefusal('claim_missing', `${name} is missing`)
  throw new GuardRefusal('claim_malformed', `${name} is no number`)
}

function entraPrincipal(claims: Claims, { trust, issuer, tenantId }: Origin): Principal {
  const objectId = textClaim(claims, 'oid')
  const subject = textClaim(claims, 'sub')
  const appId = textClaim(claims, trust.kind === '2.0' ? 'azp' : 'appid')
  if (!GUID.test(objectId)) throw new GuardRefusal('claim_malformed', 'oid is no GUID')
  if (!GUID.test(appId)) throw new GuardRefusal('claim_malformed', 'the id of the client is no GUID')
  const type = claims['idtyp'] === undefined ? undefined : textClaim(claims, 'idtyp')
  const scopes = claims['scp'] === undefined ? [] : words(claims, 'scp')
  const forApp = scopes.length === 0 && objectId === subject && (type === undefined || type === 'app')
  const forUser = scopes.length > 0 && objectId !== subject && (type === undefined || type === 'user')
  if (!forApp && !forUser) throw unclear()
  const kind = forApp ? 'application' : 'user'
  return { kind, issuer, tenantId, appId, objectId, roles: listOf(claims, 'roles'), scopes, claims }
}

/** An application without a user is its own subject (RFC 9068 §2.2). */
function oauthPrincipal(claims: Claims, { trust, issuer, tenantId }: Origin): Principal {
  const objectId = textClaim(claims, 'sub')
  // Servers older than RFC 9068 name the client as OpenID Connect does.
  const clientClaim = trust.kind === 'any JWT' && claims['client_id'] === undefined ? 'azp' : 'client_id'
  const appId = textClaim(claims, clientClaim)
  if (trust.kind === 'at+jwt') textClaim(claims, 'jti')
  const kind = appId === objectId ? 'application' : 'user'
  const granted = scopesOf(claims)
  const scopes = kind === 'user' ? granted : []
  return {
    kind,
    issuer,
    tenantId,
    appId,
    objectId,
    roles: rolesOf(claims, trust, kind, granted),
    scopes,
    claims,
  }
}

function rolesOf(
  claims: Claims,
  { rolesFrom }: Trust,
  kind: Principal['kind'],
  scopes: readonly string[],
): readonly string[] {
  return rolesFrom === 'scope' && kind === 'application' ? scopes : listOf(claims, 'roles')
}

const scopesOf = (claims: Claims) => (claims['scope'] === undefined ? [] : words(claims, 'scope'))

const unclear = () =>
  new GuardRefusal('caller_unclear', 'oid, sub, scp and idtyp agree neither on an application nor on a user')

function listOf(claims: Claims, name: string): readonly string[] {
  const value = claims[name]
  if (value === undefined) return []
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  throw new GuardRefusal('claim_malformed', `${name} is not a list of texts`)
}

function words(claims: Claims, name: string): readonly string[] {
  const value = claims[name]
  if (typeof value !== 'string' || value.trim() === '')
    throw new GuardRefusal('claim_malformed', `${name} is no text`)
  return value.split(' ').filter((word) => word !== '')
}
