import type { AppliedPolicy } from '../policy/conditional-access.ts'

/** Which proof a client gave, in Graph's words (`clientCredentialType`). */
export type CredentialKind =
  | 'none'
  | 'clientSecret'
  | 'certificate'
  | 'federatedIdentityCredential'
  | 'managedIdentity'

/** What the policies said of a request, in Graph's words (`conditionalAccessStatus`). */
export type ConditionalAccess = 'notApplied' | 'success' | 'failure'

/** What the steps of a token request have found out so far: a refusal is logged with as much as was known by then. */
export interface SignInTrail {
  tenantId?: string
  /** The client's application id, as it was sent or as it was found. */
  appId?: string
  servicePrincipalId?: string | undefined
  /** The application id of the API that the token is for. */
  resourceAppId?: string
  credential?: { readonly kind: CredentialKind; readonly keyId: string | null }
  conditionalAccess?: ConditionalAccess
  /** The policies that applied, those that are only reported too. */
  policies?: readonly AppliedPolicy[]
}

/** One token request as it is logged: ids and numbers alone, never a text that a client may have put a secret into. */
export interface SignIn {
  /** The trace id that the client was told. */
  readonly id: string
  readonly correlationId: string
  readonly atMs: number
  readonly event: 'servicePrincipal' | 'managedIdentity'
  readonly ipAddress: string
  /** The AADSTS number of the refusal, 0 for a token, 90033 for a failure of the platform itself. */
  readonly errorCode: number
  readonly trail: SignInTrail
}
