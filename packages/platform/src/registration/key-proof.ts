import { X509Certificate } from 'node:crypto'
import { badRequest, GraphError } from '../graph/errors.ts'
import {
  isSignedBy,
  isSupported,
  type Jwt,
  MalformedJwt,
  numericDate,
  parseJwt,
  thumbprintOf,
} from '../jwt.ts'
import type { Database } from '../store/database.ts'
import type { CredentialOwner } from './credential-owner.ts'
import { keysOf } from './key-credentials.ts'

/** What a proof names as its audience: the directory service's application id, the same in every tenant (wire.md §13.2). */
export const PROOF_AUDIENCE = '00000002-0000-0000-c000-000000000000'

const LIFETIME_MAX_SECONDS = 600
const SKEW_SECONDS = 300

/**
 * Demands proof that the caller holds the private key of a valid certificate of this very object: a JWT signed with it, whose
 * issuer is the object's id and which lives for at most ten minutes (wire.md §13.2).
 *
 * @throws GraphError 400 without a proof, 401 for one that does not hold.
 */
export async function requireProof(
  db: Database,
  owner: CredentialOwner,
  proof: unknown,
  nowMs: number,
): Promise<void> {
  if (typeof proof !== 'string' || proof === '')
    throw badRequest(
      "A value is required for property 'proof': a JWT signed with a certificate of this object.",
    )
  const jwt = readProof(proof)
  const { aud, iss } = jwt.claims
  if (!isSupported(jwt)) throw refused('its alg must be PS256 or RS256, without extensions')
  if (aud !== PROOF_AUDIENCE) throw refused(`its aud must be '${PROOF_AUDIENCE}'`)
  if (typeof iss !== 'string' || iss.toLowerCase() !== owner.objectId)
    throw refused('its iss must be the id of this object')
  checkLifetime(jwt, nowMs)
  const thumbprint = thumbprintOf(jwt)
  const rows = await keysOf(db, owner).selectAll().execute()
  const signed = rows
    .filter((row) => nowMs >= row.start_at_ms && nowMs <= row.end_at_ms)
    .filter((row) => thumbprint === undefined || named(row).includes(thumbprint))
    .some((row) => isSignedBy(jwt, new X509Certificate(Buffer.from(row.certificate, 'base64')).publicKey))
  if (!signed) throw refused('it must be signed with a valid certificate of this object')
}

const named = (row: { readonly thumbprint_sha1: string; readonly thumbprint_sha256: string }) => [
  row.thumbprint_sha1,
  row.thumbprint_sha256,
]

function checkLifetime({ claims }: Jwt, nowMs: number): void {
  const from = numericDate(claims['nbf'])
  const expires = numericDate(claims['exp'])
  if (from === undefined || expires === undefined || expires - from > LIFETIME_MAX_SECONDS)
    throw refused('it must have nbf and exp, at most ten minutes apart')
  const nowSeconds = nowMs / 1000
  if (nowSeconds < from - SKEW_SECONDS || nowSeconds > expires + SKEW_SECONDS)
    throw refused('it is not within its time')
}

function readProof(proof: string): Jwt {
  try {
    return parseJwt(proof)
  } catch (error) {
    if (error instanceof MalformedJwt) throw refused('it must be a JWT')
    throw error
  }
}

/** Graph's own words for a proof that does not hold, and the reason, which it keeps to itself. */
const refused = (reason: string) =>
  new GraphError(
    401,
    'Authentication_MissingOrMalformed',
    `Access Token missing or malformed. The proof is refused: ${reason}.`,
  )
