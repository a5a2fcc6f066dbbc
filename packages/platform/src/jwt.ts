import { constants, type KeyObject, verify } from 'node:crypto'

/** A JWT's header or claims, before anything in it has been believed. */
export type JwtPart = Readonly<Record<string, unknown>>

/** A JWT taken apart (RFC 7519 §7.2); its signature has not been checked. */
export interface Jwt {
  readonly header: JwtPart
  readonly claims: JwtPart
  readonly signed: Buffer
  readonly signature: Buffer
}

/** A text that is no JWT, and why. */
export class MalformedJwt extends Error {
  override readonly name = 'MalformedJwt'
}

/** Takes a JWT in compact form apart. @throws MalformedJwt with the reason as its message. */
export function parseJwt(text: string): Jwt {
  const [header, claims, signature, ...rest] = text.split('.')
  if (!header || !claims || !signature || rest.length > 0) throw new MalformedJwt('A JWT has three parts.')
  return {
    header: parsePart(header),
    claims: parsePart(claims),
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, 'base64url'),
  }
}

function parsePart(part: string): JwtPart {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JwtPart
  } catch {
    // Falls through: unreadable is refused like unfit.
  }
  throw new MalformedJwt('Its header and claims must be JSON objects in base64url.')
}

// A map, because an object would also answer to 'toString' and '__proto__'.
const PADDINGS: ReadonlyMap<unknown, { padding: number; saltLength?: number }> = new Map([
  ['PS256', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }],
  ['RS256', { padding: constants.RSA_PKCS1_PADDING }],
])

/** Whether a JWT names an algorithm that certificates sign with here, and demands no extension (RFC 7515 §4.1.11). */
export const isSupported = ({ header }: Jwt): boolean =>
  PADDINGS.has(header['alg']) && header['crit'] === undefined

/** Whether this RSA key signed the JWT with PS256 or RS256, as its header says (RFC 7518 §3.3, §3.5). */
export function isSignedBy(jwt: Jwt, key: KeyObject): boolean {
  const padding = PADDINGS.get(jwt.header['alg'])
  return (
    padding !== undefined &&
    isSupported(jwt) &&
    verify('sha256', jwt.signed, { key, ...padding }, jwt.signature)
  )
}

/** The thumbprint in hex by which a header names a certificate; some clients pad it (clients.md §2). */
export function thumbprintOf({ header }: Jwt): string | undefined {
  const named = header['x5t#S256'] ?? header['x5t']
  if (typeof named !== 'string' || named === '') return undefined
  return Buffer.from(named, 'base64url').toString('hex').toUpperCase()
}

const KID_IN_HEX = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i
const KID_IN_BASE64URL = /^(?:[\w-]{27}|[\w-]{43})$/

/** The thumbprint that some clients write into `kid` instead, in hex or base64url (wire.md §4). */
export function thumbprintInKid({ header: { kid } }: Jwt): string | undefined {
  if (typeof kid !== 'string') return undefined
  if (KID_IN_HEX.test(kid)) return kid.toUpperCase()
  return KID_IN_BASE64URL.test(kid) ? Buffer.from(kid, 'base64url').toString('hex').toUpperCase() : undefined
}

const SECONDS_MAX = 8_640_000_000_000

/** A date in seconds since 1970. MSAL .NET writes dates as texts, MSAL Python as fractions (clients.md §2). */
export function numericDate(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && number >= 0 && number <= SECONDS_MAX ? number : undefined
}
