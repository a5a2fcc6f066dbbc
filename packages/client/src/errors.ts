/** What every error of this package carries beside its message. None of it ever holds a token, secret or key. */
export interface ErrorFacts {
  /** Stable across releases: branch on this, never on the message. */
  readonly code: string
  /** What to do next, in one sentence. */
  readonly hint?: string | undefined
  /** The numbers of the authority's `error_codes`, empty where it sent none. */
  readonly aadsts?: readonly number[] | undefined
  /** Finds this request in the authority's sign-in log. */
  readonly correlationId?: string | undefined
  readonly traceId?: string | undefined
  readonly cause?: unknown
}

/** The base of all errors: its subclasses are the remedies, one class each. */
export class TomteError extends Error {
  override readonly name: string = 'TomteError'
  readonly code: string
  readonly hint: string | undefined
  readonly aadsts: readonly number[]
  readonly correlationId: string | undefined
  readonly traceId: string | undefined

  constructor(message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = facts.code
    this.hint = facts.hint
    this.aadsts = facts.aadsts ?? []
    this.correlationId = facts.correlationId
    this.traceId = facts.traceId
  }
}

/** Remedy: change the configuration. Raised before the network is asked wherever that is possible. */
export class ConfigurationError extends TomteError {
  override readonly name = 'ConfigurationError'
}

/** Remedy: replace or register the credential (secret, certificate, assertion). */
export class CredentialError extends TomteError {
  override readonly name = 'CredentialError'
}

/** What a {@link PermissionError} carries beside its message, where it is known. */
export interface PermissionFacts extends ErrorFacts {
  /** The application permissions in the token that was refused, for display alone. */
  readonly rolesHeld?: readonly string[] | undefined
  /** The application permissions that would have done. */
  readonly rolesNeeded?: readonly string[] | undefined
  /** Where an administrator of the tenant can grant them. */
  readonly consentUrl?: string | undefined
}

/** Remedy: ask an administrator, who has to consent, assign or enable something. */
export class PermissionError extends TomteError {
  override readonly name = 'PermissionError'
  readonly rolesHeld: readonly string[] | undefined
  readonly rolesNeeded: readonly string[] | undefined
  readonly consentUrl: string | undefined

  constructor(message: string, facts: PermissionFacts) {
    super(message, facts)
    this.rolesHeld = facts.rolesHeld
    this.rolesNeeded = facts.rolesNeeded
    this.consentUrl = facts.consentUrl
  }
}

/** Remedy: wait and try again; the other side is busy, down or out of reach. */
export class UnavailableError extends TomteError {
  override readonly name = 'UnavailableError'
  /** How long the other side asked to be left alone, if it did. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, facts: ErrorFacts & { readonly retryAfterMs?: number | undefined }) {
    super(message, facts)
    this.retryAfterMs = facts.retryAfterMs
  }
}

/** Remedy: report it; the other side answered with something the protocol does not allow. */
export class ProtocolError extends TomteError {
  override readonly name = 'ProtocolError'
}
