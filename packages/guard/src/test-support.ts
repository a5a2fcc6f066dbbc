// What the guard's tests need of an issuer: keys made at run time, and claims as a good token has them.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Expectations } from './claims.ts'
import type { KeySource } from './keys.ts'
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
export const AUDIENCE = 'api://orders'
export const NOW_SECONDS = 1_790_000_000
export const ROLE = 'Orders.Read.All'

export const EXPECTED: Expectations = {
  audience: [AUDIENCE, '55555555-eeee-4eee-8eee-000000000005'],
  issuers: {
    '1.0': 'https://sts.example/{tenantid}/',
    '2.0': 'https://login.example/{tenantid}/v2.0',
  },
  tenants: [TENANT],
  skewSeconds: 300,
}

const common = {
  aud: AUDIENCE,
  iat: NOW_SECONDS - 300,
  nbf: NOW_SECONDS - 300,
  exp: NOW_SECONDS + 3600,
  oid: PRINCIPAL,
  sub: PRINCIPAL,
  tid: TENANT,
  roles: [ROLE, 'Orders.Write.All'],
}

/** The claims of a good token, for each version. */
export const GOOD: Readonly<Record<'1.0' | '2.0', Claims>> = {
  '1.0': { ...common, ver: '1.0', iss: `https://sts.example/${TENANT}/`, appid: CLIENT, idtyp: 'app' },
  '2.0': { ...common, ver: '2.0', iss: `https://login.example/${TENANT}/v2.0`, azp: CLIENT },
}

/** What a refusal must be, to the letter. */
export function refusal(code: RefusalCode, reason: string): object {
  const { status, description } = new GuardRefusal(code, reason)
  return {
    name: 'GuardRefusal',
    code,
    status,
    description,
    reason,
    message: `Cannot let the request in: ${reason}`,
  }
}
