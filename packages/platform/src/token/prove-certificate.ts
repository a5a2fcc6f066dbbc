import { type KeyObject, X509Certificate } from 'node:crypto'
import { isSignedBy, isSupported, type Jwt, type JwtPart, thumbprintInKid, thumbprintOf } from '../jwt.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { checkTime, iso } from './assertion-time.ts'
import type { Client } from './client.ts'
import { proveBySubjectName, sentCertificates } from './prove-subject-name.ts'
import { TokenRefusal } from './refusal.ts'

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
 * Checks an assertion that is signed with a certificate of the client's: one that is registered, or one with a name
 * that it trusts (RFC 7523 §3, wire.md §4). It may be used
 * again until it expires, as retries do, unless the tenant refuses that.
 *
 * @throws TokenRefusal 50048, 50027, 90014, 700027, 700030, 7000214, 1000502, 700023, 700024, and those of `useOnce`.
 */
export async function proveByCertificate(
  cache: ReadCache,
  { assertion, iss, sub, client, audiences, nowMs, useOnce }: CertificateProof,
): Promise<string> {
  if (sub.toLowerCase() !== client.appId) throw new TokenRefusal(50048, { subject: sub, issuer: iss })
  const keyId = await checkSignature(cache, assertion, client, nowMs)
  const { aud } = assertion.claims
  if (aud === undefined) throw new TokenRefusal(90014, { name: 'aud' })
  if (typeof aud !== 'string' || !audiences().has(aud.toLowerCase())) throw new TokenRefusal(700023)
  checkTime(assertion.claims, nowMs)
  await useOnce?.(assertion.claims)
  return keyId
}

/** Finds the certificate by which the header names it, its thumbprint before its name, and checks the signature. */
async function checkSignature(
  cache: ReadCache,
  assertion: Jwt,
  client: Client,
  nowMs: number,
): Promise<string> {
  const registered = await registeredFor(cache, client)
  const named = thumbprintOf(assertion) ?? thumbprintInKid(assertion)
  const find = (thumbprint: string | undefined) =>
    registered.find((row) => row.thumbprint_sha256 === thumbprint || row.thumbprint_sha1 === thumbprint)
  const refuse = (thumbprint: string, reason: string) => {
    const list = registered.map((row) => row.thumbprint_sha1).join(', ') || 'none'
    return new TokenRefusal(700027, { reason, thumbprint, client: client.appId, registered: list })
  }
  let thumbprint = named
  let known = find(named)
  if (!known) {
    const sent = sentCertificates(assertion)
    const [sha1, sha256] = sent[0]?.identifiers ?? []
    thumbprint ??= sha256
    if (thumbprint === undefined)
      throw new TokenRefusal(50027, {
        reason: "The header must name the certificate by 'x5t#S256', 'x5t' or 'x5c'.",
      })
    // A header that names one certificate and brings along another is about neither.
    const agrees = thumbprint === sha1 || thumbprint === sha256
    known = agrees ? find(sha256) : undefined
    if (!known && agrees) {
      requireAlgorithm(assertion)
      const proven = await proveBySubjectName(cache, { assertion, client, sent, nowMs })
      if (proven !== undefined) return proven
    }
    if (!known) throw refuse(thumbprint, 'The key was not found.')
  }
  if (nowMs < known.start_at_ms || nowMs > known.end_at_ms) {
    throw new TokenRefusal(1000502, { from: iso(known.start_at_ms), to: iso(known.end_at_ms) })
  }
  requireAlgorithm(assertion)
  if (!isSignedBy(assertion, known.publicKey()))
    throw refuse(thumbprint ?? '', 'The provided signature value did not match the expected signature value.')
  return known.key_id
}

function requireAlgorithm(assertion: Jwt): void {
  if (!isSupported(assertion))
    throw new TokenRefusal(50027, { reason: 'alg must be PS256 or RS256, without extensions.' })
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
