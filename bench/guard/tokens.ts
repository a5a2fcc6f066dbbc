// Tokens as Entra makes them for an API, signed beforehand.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { createGuard, type Guard, type KeySource } from '@tomte/guard'

export const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
export const ISSUER = `https://login.example/${TENANT}/v2.0`
export const AUDIENCE = '55555555-eeee-4eee-8eee-000000000005'
export const ROLE = 'Orders.Read.All'
export const KID = 'bench-key'

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** The signing keys of one run. */
export interface Keys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly publicPem: string
}

export function newKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { publicKey, privateKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

/** The claims of a v2.0 token for an application with three roles: some 1.2 kB when signed. */
export function claims(number: number): object {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const principal = randomUUID()
  return {
    aud: AUDIENCE,
    iss: ISSUER,
    iat: nowSeconds - 300,
    nbf: nowSeconds - 300,
    exp: nowSeconds + 3600,
    aio: `k2BgYFh${randomUUID()}${randomUUID()}`,
    azp: randomUUID(),
    azpacr: '2',
    idtyp: 'app',
    oid: principal,
    rh: `1.${randomUUID()}`,
    roles: [ROLE, 'Orders.ReadWrite.All', 'Invoices.Read.All'],
    sub: principal,
    tid: TENANT,
    uti: `${number}-${randomUUID()}`,
    ver: '2.0',
  }
}

const HEADER = encode({ typ: 'JWT', alg: 'RS256', kid: KID })

export function signed(number: number, { privateKey }: Keys): string {
  const content = `${HEADER}.${encode(claims(number))}`
  return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`
}

/** Ours as shipped, tokens remembered, with keys that are there already, as after the first token. */
export function guardOf({ publicPem }: Pick<Keys, 'publicPem'>): Guard {
  const key = { key: createPublicKey(publicPem), issuer: 'https://login.example/{tenantid}/v2.0' }
  const keys: KeySource = { find: (kid) => (kid === KID ? key : undefined) }
  return createGuard({
    audience: [AUDIENCE],
    issuers: [{ issuer: 'https://login.example/{tenantid}/v2.0', kind: '2.0', tenants: [TENANT], keys }],
  })
}
