import { CLOUDS, cloudOf } from '../authority/clouds.ts'
import { ConfigurationError } from '../errors.ts'
import type { TokenCredential } from '../identity/token-credential.ts'
import { signedAssertion } from './assertion.ts'
import type { Credential } from './credential.ts'

/** For whom another identity's token is meant. */
export interface AssertionFromOptions {
  /** Default: the token exchange of the authority's cloud, `api://AzureADTokenExchange` in the public one (wire.md §5). */
  readonly audience?: string | undefined
}

/**
 * Proves the application with the token of another identity: a managed identity as federated credential, another
 * application, or any `TokenCredential` (wire.md §5). The application must trust that identity: its issuer, and as subject its
 * object id. It is asked at every token request, and keeps its own tokens.
 *
 * @throws ConfigurationError if the identity gives no signed token; whatever it throws passes through.
 * @example
 * ```ts
 * import { AppIdentity, assertionFrom, ManagedIdentity } from '@tomte/client'
 * const host = new ManagedIdentity({ environment: process.env, clientId: '66666666-ffff-4fff-8fff-000000000006' })
 * const identity = new AppIdentity({ tenantId: 'contoso.example', clientId: 'orders-sync', credential: assertionFrom(host) })
 * ```
 */
export function assertionFrom(
  identity: TokenCredential,
  { audience }: AssertionFromOptions = {},
): Credential {
  return signedAssertion(async ({ tokenEndpoint }) => {
    const resource = audience ?? exchangeAudience(tokenEndpoint)
    const given = await identity.getToken(`${resource}/.default`)
    if (given) return given.token
    throw new ConfigurationError(
      `Cannot use another identity's token as assertion, as one for '${resource}' is needed: it gave none`,
      { code: 'assertion_missing', hint: 'Check that the other identity works by itself' },
    )
  })
}

/** The audience of federated credentials in the cloud of a token endpoint; anyone else's authority is taken to speak as the public cloud. */
export function exchangeAudience(tokenEndpoint: string): string {
  const cloud = cloudOf(new URL(tokenEndpoint).origin) ?? CLOUDS.AzurePublicCloud
  return cloud.tokenExchange
}
