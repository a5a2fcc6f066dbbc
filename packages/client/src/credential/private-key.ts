import type { JsonWebKey } from 'node:crypto'
import { ConfigurationError } from '../errors.ts'
import { type AssertionAudience, assertionClaims, extraClaims } from './assertion-style.ts'
import type { Credential } from './credential.ts'
import type { KeySigner } from './private-key-signer.ts'

/** A private key: PEM text, a JWK, or a file with either, which is read again when it changes. */
export type PrivateKeySource =
  | {
      /** PEM text: RSA, EC on the curve P-256, or Ed25519. */
      readonly pem: string
      /** Opens the key if it is encrypted. */
      readonly password?: string | undefined
    }
  | { /** As RFC 7517 has it; its `kid` is the default of `keyId`. */ readonly jwk: JsonWebKey }
  | { readonly file: string; readonly password?: string | undefined }

/** How assertions are signed with a private key (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). */
export type KeyAlgorithm = 'PS256' | 'RS256' | 'ES256' | 'EdDSA' | 'Ed25519'

/** How assertions are signed with a private key, and what goes into them. */
export interface PrivateKeyOptions {
  /** The name under which the server knows the public key: the header's `kid`. Default: the JWK's own, or none. */
  readonly keyId?: string | undefined
  /** Default: the first that the key can and the server's metadata have, of PS256, RS256; ES256; EdDSA, Ed25519. */
  readonly algorithm?: KeyAlgorithm | undefined
  /** Whom assertions are for. Default `issuer`. */
  readonly audience?: AssertionAudience | undefined
  /** Extra signed claims; none of aud, iss, sub, jti, nbf, iat, exp. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Proves the application with a private key whose public half the server knows (`private_key_jwt`, RFC 7523 §2.2): signs an
 * assertion that is valid for 600 seconds. For servers found by discovery; Entra knows keys by their certificates.
 *
 * @throws ConfigurationError at once if a claim is reserved; from the credential if the source holds no usable key, the server
 * takes no algorithm of the key, or the authority is Entra.
 * @example
 * ```ts
 * import { AppIdentity, privateKey } from '@tomte/client'
 * const identity = new AppIdentity({
 *   issuer: 'https://id.example',
 *   clientId: 'nightly-sync',
 *   credential: privateKey({ file: 'daemon-key.pem' }, { keyId: '2026-11' }),
 * })
 * ```
 */
export function privateKey(source: PrivateKeySource, options: PrivateKeyOptions = {}): Credential {
  const { keyId, algorithm, audience = 'issuer', claims = {} } = options
  const extra = extraClaims(claims)
  let signing: Promise<KeySigner> | undefined
  return async ({ body }, context) => {
    if (context.server === undefined) throw certificateNeeded()
    // What reads keys and signs is loaded by the first proof: a program may never come to it.
    signing ??= import('./private-key-signer.ts').then(({ privateKeySigner }) => privateKeySigner(source))
    const sign = await signing
    const assertion = await sign(
      { keyId, algorithm },
      context.server,
      assertionClaims(context, audience, extra),
    )
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion)
  }
}

function certificateNeeded(): ConfigurationError {
  return new ConfigurationError(
    'Cannot sign in with a private key alone, as a server found by its issuer is needed: found an authority of tenants, which knows keys by their certificates',
    { code: 'private_key_unsupported', hint: 'Use certificate() with the key and its certificate' },
  )
}
