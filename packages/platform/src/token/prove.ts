import { constants, verify, X509Certificate } from 'node:crypto'
import type { Database } from '../store/database.ts'
import type { Client } from './client.ts'
import type { Form } from './parse.ts'
import { TokenRefusal } from './refusals.ts'

/** How a client proved who it is: the `appidacr` or `azpacr` claim, 1 for a secret, 2 for a certificate (wire.md §6). */
export type ClientProof = '1' | '2'

export interface ProofRequest {
  readonly form: Form
  readonly client: Client
  /** The audiences that an assertion may name: this tenant's endpoints by GUID and by domain. */
  readonly audiences: ReadonlySet<string>
  readonly nowMs: number
}

type Json = Readonly<Record<string, unknown>>

interface Assertion {
  readonly header: Json
  readonly claims: Json
  readonly signed: Buffer
  readonly signature: Buffer
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const SKEW_SECONDS = 300

// A map, because an object would also answer to 'toString' and '__proto__'.
const PADDINGS: ReadonlyMap<unknown, { padding: number; saltLength?: number }> = new Map([
  ['PS256', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }],
  ['RS256', { padding: constants.RSA_PKCS1_PADDING }],
])

/** Refuses a request without any credential. @throws TokenRefusal 7000216. */
export function requireCredential({ client_assertion, client_secret }: Form): void {
  if (!client_assertion && !client_secret) throw new TokenRefusal(7000216)
}

/**
 * Checks the client's proof: an assertion signed with a certificate registered on the application (RFC 7523 §3, wire.md §4).
 *
 * @throws TokenRefusal one of the invalid_client family.
 */
export async function proveClient(
  db: Database,
  { form, client, audiences, nowMs }: ProofRequest,
): Promise<ClientProof> {
  if (!form['client_assertion']) throw new TokenRefusal(7000215, { client: client.appId })
  if (form['client_assertion_type'] !== ASSERTION_TYPE) {
    throw new TokenRefusal(900144, { name: 'client_assertion_type' })
  }
  const assertion = parseAssertion(form['client_assertion'])
  checkIssuer(assertion.claims, client)
  await checkSignature(db, assertion, client, nowMs)
  const { aud } = assertion.claims
  if (typeof aud !== 'string' || !audiences.has(aud.toLowerCase())) throw new TokenRefusal(700023)
  checkTime(assertion.claims, nowMs)
  return '2'
}

function checkIssuer({ iss, sub }: Json, client: Client): void {
  if (typeof iss !== 'string' || typeof sub !== 'string')
    throw new TokenRefusal(50027, { reason: 'iss and sub must be texts.' })
  if (iss.toLowerCase() !== client.appId) {
    throw URL.canParse(iss) ? new TokenRefusal(700211, { issuer: iss }) : new TokenRefusal(700021)
  }
  if (sub.toLowerCase() !== client.appId) throw new TokenRefusal(50048, { subject: sub, issuer: iss })
}

async function checkSignature(
  db: Database,
  assertion: Assertion,
  client: Client,
  nowMs: number,
): Promise<void> {
  const thumbprint = thumbprintOf(assertion.header)
  const registered = await db
    .selectFrom('key_credential')
    .select(['certificate', 'thumbprint_sha1', 'thumbprint_sha256', 'start_at_ms', 'end_at_ms'])
    .where('application_id', '=', client.id)
    .execute()
  const known = registered.find(
    (row) => row.thumbprint_sha256 === thumbprint || row.thumbprint_sha1 === thumbprint,
  )
  const list = registered.map((row) => row.thumbprint_sha1).join(', ') || 'none'
  const refuse = (reason: string) =>
    new TokenRefusal(700027, { reason, thumbprint, client: client.appId, registered: list })
  if (!known) throw refuse('The key was not found.')
  if (nowMs < known.start_at_ms || nowMs > known.end_at_ms) {
    throw new TokenRefusal(1000502, { from: iso(known.start_at_ms), to: iso(known.end_at_ms) })
  }
  const padding = PADDINGS.get(assertion.header['alg'])
  if (!padding || assertion.header['crit'] !== undefined) {
    throw new TokenRefusal(50027, { reason: 'alg must be PS256 or RS256, without extensions.' })
  }
  const key = new X509Certificate(Buffer.from(known.certificate, 'base64')).publicKey
  if (!verify('sha256', assertion.signed, { key, ...padding }, assertion.signature)) {
    throw refuse('The provided signature value did not match the expected signature value.')
  }
}

/** The certificate's thumbprint in hex; some clients pad it (clients.md §2). */
function thumbprintOf(header: Json): string {
  const named = header['x5t#S256'] ?? header['x5t']
  if (typeof named !== 'string' || named === '') {
    throw new TokenRefusal(50027, { reason: "The header must name the certificate by 'x5t#S256' or 'x5t'." })
  }
  return Buffer.from(named, 'base64url').toString('hex').toUpperCase()
}

function checkTime(claims: Json, nowMs: number): void {
  const expires = seconds(claims['exp'])
  const from = seconds(claims['nbf'] ?? claims['iat'] ?? 0)
  const nowSeconds = nowMs / 1000
  if (expires === undefined || from === undefined) {
    throw new TokenRefusal(50027, { reason: 'exp and nbf must be numbers of seconds.' })
  }
  if (nowSeconds < from - SKEW_SECONDS || nowSeconds > expires + SKEW_SECONDS) {
    throw new TokenRefusal(700024, { now: iso(nowMs), from: iso(from * 1000), to: iso(expires * 1000) })
  }
}

const SECONDS_MAX = 8_640_000_000_000

/** MSAL .NET writes dates as texts, MSAL Python as fractions (clients.md §2). */
function seconds(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && number >= 0 && number <= SECONDS_MAX ? number : undefined
}

const iso = (ms: number) => new Date(ms).toISOString()

function parseAssertion(text: string): Assertion {
  const [header, claims, signature, ...rest] = text.split('.')
  if (!header || !claims || !signature || rest.length > 0) {
    throw new TokenRefusal(50027, { reason: 'A JWT has three parts.' })
  }
  return {
    header: parsePart(header),
    claims: parsePart(claims),
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, 'base64url'),
  }
}

function parsePart(part: string): Json {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  } catch {
    // Falls through: unreadable is refused like unfit.
  }
  throw new TokenRefusal(50027, { reason: 'Its header and claims must be JSON objects in base64url.' })
}
