import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { KeySource, VerificationKey } from '@tomte/guard'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { seal, unseal } from './sealing.ts'

/** A key that signs tokens; `kid` is the base64url SHA-1 thumbprint of its certificate (wire.md §6). */
export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly certificate: X509Certificate
}

const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** The platform's signing keys, newest first; a guard finds their public halves here. */
export class SigningKeys implements KeySource {
  readonly #keys: ReadonlyMap<string, SigningKey>

  constructor(keys: readonly SigningKey[]) {
    this.#keys = new Map(keys.map((key) => [key.kid, key]))
  }

  /** Opens the stored keys, making the first one if there is none. */
  static async load(db: Database, sealingKey: Buffer, now: Now): Promise<SigningKeys> {
    const rows = await db.selectFrom('signing_key').selectAll().orderBy('created_at_ms', 'desc').execute()
    if (rows.length === 0) return new SigningKeys([await makeSigningKey(db, sealingKey, now)])
    return new SigningKeys(
      rows.map((row) => signingKey(row.certificate, unseal(row.sealed_private_key, row.kid, sealingKey))),
    )
  }

  /** The key that signs new tokens. */
  get current(): SigningKey {
    const [newest] = this.#keys.values()
    if (!newest) throw new RangeError('Cannot sign, as one signing key is needed: found none')
    return newest
  }

  find(kid: string): VerificationKey | undefined {
    const key = this.#keys.get(kid)
    return key && { key: key.publicKey }
  }

  /** The public keys as the keys document lists them; v2 names the issuer of each (wire.md §7). */
  jwks(issuer: string | undefined): object {
    return { keys: [...this.#keys.values()].map((key) => jwk(key, issuer)) }
  }
}

function jwk({ kid, publicKey, certificate }: SigningKey, issuer: string | undefined): object {
  const { n, e } = publicKey.export({ format: 'jwk' })
  const x5c = [certificate.raw.toString('base64')]
  return { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c, ...(issuer === undefined ? {} : { issuer }) }
}

async function makeSigningKey(db: Database, sealingKey: Buffer, now: Now): Promise<SigningKey> {
  const notBeforeMs = now()
  const made = await makeSelfSigned('tomte token signing', {
    notBeforeMs,
    notAfterMs: notBeforeMs + 5 * YEAR_MS,
  })
  const key = signingKey(made.certificate, made.privateKey)
  const sealed = seal(made.privateKey, key.kid, sealingKey)
  await db
    .insertInto('signing_key')
    .values({
      kid: key.kid,
      certificate: made.certificate,
      sealed_private_key: sealed,
      created_at_ms: notBeforeMs,
    })
    .execute()
  return key
}

function signingKey(certificatePem: string, privateKeyPem: string): SigningKey {
  const certificate = new X509Certificate(certificatePem)
  const kid = createHash('sha1').update(certificate.raw).digest('base64url')
  return {
    kid,
    certificate,
    privateKey: createPrivateKey(privateKeyPem),
    publicKey: createPublicKey(certificatePem),
  }
}
