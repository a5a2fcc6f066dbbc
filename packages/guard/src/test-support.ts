// What the guard's tests need of an issuer: keys made at run time, tokens by hand, and claims as a good token has them.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Expectations } from './claims.ts'
import type { TrustedIssuer } from './issuers.ts'
import type { KeySource } from './keys/source.ts'
import { GuardRefusal, type RefusalCode } from './refusal.ts'
import type { Claims } from './token.ts'

export const newRsaKeys = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })

/** A source of these keys and no others. */
export const keySource = (keys: Readonly<Record<string, KeyObject>>): KeySource => ({
  find: (kid) => {
    const key = Object.hasOwn(keys, kid) ? keys[kid] : undefined
    return key && { key }
  },
})

export const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
export const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
export const PRINCIPAL = '33333333-cccc-4ccc-8ccc-000000000003'
export const OTHER_GUID = '99999999-ffff-4fff-8fff-000000000009'
export const AUDIENCE = 'api://orders'
export const NOW_SECONDS = 1_790_000_000
export const ROLE = 'Orders.Read.All'
export const KID = 'key-1'
export const AS = 'https://as.example/realm'

export const EXPECTED: Expectations = {
  audience: new Set([AUDIENCE, '55555555-eeee-4eee-8eee-000000000005']),
  skewSeconds: 300,
}

/** Entra's two versions, and another server, all with these keys. */
export const trusting = (
  keys: KeySource,
  tenants: readonly string[] | undefined = [TENANT],
): readonly TrustedIssuer[] => [
  { issuer: 'https://sts.example/{tenantid}/', kind: '1.0', tenants, keys },
  { issuer: 'https://login.example/{tenantid}/v2.0', kind: '2.0', tenants, keys },
  { issuer: AS, kind: 'at+jwt', keys, algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
]

const common = {
  aud: AUDIENCE,
  iat: NOW_SECONDS - 300,
  nbf: NOW_SECONDS - 300,
  exp: NOW_SECONDS + 3600,
  oid: PRINCIPAL,
  sub: PRINCIPAL,
  tid: TENANT,
  uti: 'token-1',
  roles: [ROLE, 'Orders.Write.All'],
}

/** The claims of a good token, for each version. */
export const GOOD: Readonly<Record<'1.0' | '2.0', Claims>> = {
  '1.0': { ...common, ver: '1.0', iss: `https://sts.example/${TENANT}/`, appid: CLIENT, idtyp: 'app' },
  '2.0': { ...common, ver: '2.0', iss: `https://login.example/${TENANT}/v2.0`, azp: CLIENT, idtyp: 'app' },
}

/** The claims of a good token of another server (RFC 9068 §2.2). */
export const GOOD_AT: Claims = {
  iss: AS,
  aud: AUDIENCE,
  exp: NOW_SECONDS + 3600,
  iat: NOW_SECONDS - 10,
  sub: 'nightly-sync',
  client_id: 'nightly-sync',
  jti: 'token-1',
  scope: 'orders.read orders.write',
}

export const encode = (part: object | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

/** A token made by hand, with a true RS256 signature over whatever its parts are. */
export function handmade(key: KeyObject, header: object | string, payload: object | string): string {
  const content = `${encode(header)}.${encode(payload)}`
  return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`
}

/** What a refusal must be, to the letter. */
export function refusal(code: RefusalCode, reason: string, claims?: string): object {
  const { status, description } = new GuardRefusal(code, reason)
  return {
    name: 'GuardRefusal',
    code,
    status,
    description,
    reason,
    claims,
    message: `Cannot let the request in: ${reason}`,
  }
}
