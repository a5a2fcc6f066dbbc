import { signingInput } from '../credential/assertion-style.ts'
import { keySigner } from '../credential/client-assertion.ts'
import type { KeyedCertificate } from '../credential/certificate-file.ts'

// Whom a proof of possession is for, in every tenant and cloud (wire.md §13.2).
const AUDIENCE = '00000002-0000-0000-c000-000000000000'
const LIFETIME_SECONDS = 600

/**
 * Proves to Graph that the caller holds the private key of a registered certificate: a JWT for `addKey` and `removeKey`, whose
 * issuer is the application's object id, valid for 600 seconds (wire.md §13.2).
 */
export async function proofOfPossession(
  { certificate, key }: KeyedCertificate,
  objectId: string,
  nowMs: number,
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000)
  const signed = signingInput(
    { alg: 'RS256', typ: 'JWT', x5t: certificate.thumbprintSha1 },
    { aud: AUDIENCE, iss: objectId, nbf: nowSeconds, exp: nowSeconds + LIFETIME_SECONDS },
  )
  const signature = await keySigner(key)(Buffer.from(signed), 'RS256')
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}
