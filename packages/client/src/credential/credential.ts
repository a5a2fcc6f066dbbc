import type { ServerMetadata } from '../authority/issuer.ts'

/** The token request before it is sent: a credential adds its proof to it (RFC 6749 §2.3, RFC 7521 §4.2). */
export interface TokenForm {
  readonly body: URLSearchParams
  readonly headers: Record<string, string>
}

/** What a credential may need to know of the request it completes. */
export interface ProofContext {
  readonly clientId: string
  /** The token endpoint's URL: the audience of a client assertion (RFC 7523 §3). */
  readonly tokenEndpoint: string
  /** What the authorization server says of itself, where it was found by discovery (RFC 8414); absent for Entra. */
  readonly server?: ServerMetadata | undefined
  readonly nowMs: number
  readonly randomUuid: () => string
}

/**
 * A credential is a function that completes one token request.
 *
 * @throws CredentialError or ConfigurationError when it cannot prove anything.
 */
export interface Credential {
  (form: TokenForm, context: ProofContext): void | Promise<void>
  /**
   * When the credential stops working, in milliseconds since 1970: of a certificate the end of its validity, known after
   * the first use and anew after the file was replaced; `undefined` until then. Absent where nothing is known, as of a secret.
   */
  readonly expiresAtMs?: (() => number | undefined) | undefined
}
