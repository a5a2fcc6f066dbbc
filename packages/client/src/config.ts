import { federatedTokenFile } from './credential/assertion.ts'
import { certificate } from './credential/certificate.ts'
import type { Credential } from './credential/credential.ts'
import { clientSecret } from './credential/secret.ts'
import { ConfigurationError } from './errors.ts'
import type { AppIdentityOptions } from './identity/app-identity.ts'

/** An environment as `process.env` has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads an identity's options from the environment, under the names the Azure SDKs use: `AZURE_TENANT_ID`,
 * `AZURE_CLIENT_ID`, `AZURE_AUTHORITY_HOST`, `AZURE_REGIONAL_AUTHORITY_NAME`, and one credential or several: `AZURE_CLIENT_CERTIFICATE_PATH` (with
 * `AZURE_CLIENT_CERTIFICATE_PASSWORD`), `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_CLIENT_SECRET`. Of several the safest goes
 * first, in this order.
 *
 * @throws ConfigurationError that names every variable that is missing.
 * @example
 * ```ts
 * import { AppIdentity, identityFromEnvironment } from '@tomte/client'
 * const identity = new AppIdentity(identityFromEnvironment(process.env))
 * ```
 */
export function identityFromEnvironment(environment: Environment): AppIdentityOptions {
  const { tenantId, clientId, authorityHost, region, credential } = identityPartsFrom(environment)
  if (tenantId === undefined || clientId === undefined || credential.length === 0) {
    throw incomplete([
      ...(tenantId === undefined ? ['AZURE_TENANT_ID'] : []),
      ...(clientId === undefined ? ['AZURE_CLIENT_ID'] : []),
      ...(credential.length === 0 ? [CREDENTIAL_VARIABLES.join(' or ')] : []),
    ])
  }
  return { tenantId, clientId, credential, authorityHost, ...(region === undefined ? {} : { region }) }
}

/** What an environment says of an identity; what it does not say is `undefined`, or an empty list of credentials. */
export interface IdentityParts {
  readonly tenantId: string | undefined
  readonly clientId: string | undefined
  readonly authorityHost: string | undefined
  readonly region: string | undefined
  readonly credential: readonly Credential[]
}

/** Reads what there is in the environment, be it all or not; see {@link identityFromEnvironment}. */
export function identityPartsFrom(environment: Environment): IdentityParts {
  const value = (name: string) => environment[name]?.trim() || undefined
  return {
    tenantId: value('AZURE_TENANT_ID'),
    clientId: value('AZURE_CLIENT_ID'),
    authorityHost: value('AZURE_AUTHORITY_HOST'),
    region: value('AZURE_REGIONAL_AUTHORITY_NAME'),
    credential: credentialsFrom(environment),
  }
}

/** Where credentials come from, the safest first. */
export const CREDENTIAL_VARIABLES = [
  'AZURE_CLIENT_CERTIFICATE_PATH',
  'AZURE_FEDERATED_TOKEN_FILE',
  'AZURE_CLIENT_SECRET',
] as const

function credentialsFrom(environment: Environment): readonly Credential[] {
  const [certificateFile, tokenFile, secret] = CREDENTIAL_VARIABLES.map(
    (name) => environment[name]?.trim() || undefined,
  )
  const password = environment['AZURE_CLIENT_CERTIFICATE_PASSWORD']
  return [
    ...(certificateFile === undefined ? [] : [certificate({ file: certificateFile, password })]),
    ...(tokenFile === undefined ? [] : [federatedTokenFile(tokenFile)]),
    ...(secret === undefined ? [] : [clientSecret(secret)]),
  ]
}

function incomplete(missing: readonly string[]): ConfigurationError {
  return new ConfigurationError(
    `Cannot read the identity from the environment, as tenant, client and a credential must be set: missing ${missing.join(', ')}`,
    {
      code: 'environment_incomplete',
      hint: 'Set AZURE_TENANT_ID, AZURE_CLIENT_ID, and for example AZURE_CLIENT_CERTIFICATE_PATH to a PEM file with the private key and its certificate',
    },
  )
}
