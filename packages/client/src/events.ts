import type { CredentialError } from './errors.ts'
import type { StoreWarning } from './store/circuit.ts'

/** A token request that brought a token. */
export interface TokenObtained {
  readonly type: 'token_obtained'
  readonly tenant: string
  readonly scope: string
  /** The URL that was asked. */
  readonly endpoint?: string | undefined
  /** The HTTP status of the answer. */
  readonly status?: number | undefined
  readonly durationMs: number
  readonly expiresAtMs: number
  /** The application permissions in the token, for display alone; `undefined` of a token that nobody else can read. */
  readonly roles?: readonly string[] | undefined
}

/** A token request that brought none; whoever waits goes on trying where that is of use. */
export interface TokenRefused {
  readonly type: 'token_refused'
  readonly tenant: string
  readonly scope: string
  /** The URL that was asked, if it got that far. */
  readonly endpoint?: string | undefined
  /** The HTTP status of the answer, if there was one. */
  readonly status?: number | undefined
  readonly durationMs: number
  readonly error: unknown
}

/** A renewal that failed while the old token still works. */
export interface RenewalFailed {
  readonly type: 'renewal_failed'
  readonly tenant: string
  readonly scope: string
  readonly error: unknown
  /** Until when callers are served without it; a moment in the past if there is no token. */
  readonly servedUntilMs: number
}

/** The authority refused one credential of several, and the next is tried. */
export interface CredentialRefused {
  readonly type: 'credential_refused'
  readonly tenant: string
  /** The credential's place in the configured list, from 0. */
  readonly credential: number
  readonly error: CredentialError
}

/** A credential ends soon, or has ended: told once for each threshold, and anew for one that has taken its place. */
export interface CredentialExpiring {
  readonly type: 'credential_expiring'
  /** The credential's place in the configured list, from 0; its key id if its end is known from the registration. */
  readonly credential: number | string
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
  /** The threshold that was reached, in days; 0 if the credential has ended. */
  readonly daysLeft: 30 | 7 | 1 | 0
}

/** What an identity tells whoever listens: for a log, metrics, an alarm. No event holds a token, secret or key. */
export type IdentityEvent =
  | TokenObtained
  | TokenRefused
  | RenewalFailed
  | CredentialRefused
  | CredentialExpiring
  | StoreWarning

/** Hears of every event. What it throws is lost: nobody who asks for a token may suffer from it. */
export type Listener = (event: IdentityEvent) => void

/** Makes one listener of several, none of which hears of another's failure. */
export function tellAll(listeners: readonly (Listener | undefined)[]): Listener {
  const present = listeners.filter((listener) => listener !== undefined)
  return (event) => {
    for (const listener of present) {
      try {
        listener(event)
      } catch {
        // A listener's fault is its own.
      }
    }
  }
}
