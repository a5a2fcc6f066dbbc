import { type KeyObject, X509Certificate } from 'node:crypto'
import { isSignedBy, isSupported, type Jwt, type JwtPart, thumbprintOf } from '../jwt.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { checkTime, iso } from './assertion-time.ts'
import type { Client } from './client.ts'
import { TokenRefusal } from './refusals.ts'

/** An assertion that names the client itself as its issuer. */
export interface CertificateProof {
  readonly assertion: Jwt
  readonly iss: string
  readonly sub: string
  readonly client: Client
  readonly audiences: () => ReadonlySet<string>
  readonly nowMs: number
  /** Takes the assertion as used, where the tenant refuses repeats. */
  readonly useOnce?: ((claims: JwtPart) => Promise<void>) | undefined
}

/**
 * Checks an assertion that is signed with a certificate registered for the client (RFC 7523 §3, wire.md §4). It may be used
 * again until it expires, as retries do, unless the tenant refuses that.
 *
 * @throws TokenRefusal 50048, 50027, 700027, 1000502, 700023, 700024, and those of `useOnce`.
 */
export async function proveByCertificate(
  cache: ReadCache,
  { assertion, iss, sub, client, audiences, nowMs, useOnce }: CertificateProof,
): Promise<string> {
  if (sub.toLowerCase() !== client.appId) throw new TokenRefusal(50048, { subject: sub, issuer: iss })
  const keyId = await checkSignature(cache, assertion, client, nowMs)
  const { aud } = assertion.claims
  if (typeof aud !== 'string' || !audiences().has(aud.toLowerCase())) throw new TokenRefusal(700023)
  checkTime(assertion.claims, nowMs)
  await useOnce?.(assertion.claims)
  return keyId
}

async function checkSignature(
  cache: ReadCache,
  assertion: Jwt,
  client: Client,
  nowMs: number,
): Promise<string> {
  const thumbprint = thumbprintOf(assertion)
  if (thumbprint === undefined)
    throw new TokenRefusal(50027, { reason: "The header must name the certificate by 'x5t#S256' or 'x5t'." })
  const registered = await registeredFor(cache, client)
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
  if (!isSupported(assertion))
    throw new TokenRefusal(50027, { reason: 'alg must be PS256 or RS256, without extensions.' })
  if (!isSignedBy(assertion, known.publicKey()))
    throw refuse('The provided signature value did not match the expected signature value.')
  return known.key_id
}

/** The certificates of the application, and of its service principal in the tenant that was asked. */
const registeredFor = (cache: ReadCache, client: Client) =>
  cache.read(`certificates ${client.id} ${client.servicePrincipalId}`, async (db) => {
    const rows = await db
      .selectFrom('key_credential')
      .select(['key_id', 'certificate', 'thumbprint_sha1', 'thumbprint_sha256', 'start_at_ms', 'end_at_ms'])
      .where('application_id', '=', client.id)
      .where((where) =>
        where.or([
          where('service_principal_id', 'is', null),
          where('service_principal_id', '=', client.servicePrincipalId ?? null),
        ]),
      )
      .execute()
    return rows.map((row) => ({ ...row, publicKey: publicKeyOf(row.certificate) }))
  })

/** Reads the key of a certificate when it is first wanted, and once: parsing costs more than looking it up. */
function publicKeyOf(certificate: string): () => KeyObject {
  let key: KeyObject | undefined
  return () => (key ??= new X509Certificate(Buffer.from(certificate, 'base64')).publicKey)
}
