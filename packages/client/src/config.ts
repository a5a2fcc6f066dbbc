import { certificate } from './credential/certificate.ts'
import { ConfigurationError } from './errors.ts'
import type { AppIdentityOptions } from './identity.ts'

/** An environment as `process.env` has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads an identity's options from the environment, under the names the Azure SDKs use: `AZURE_TENANT_ID`,
 * `AZURE_CLIENT_ID`, `AZURE_CLIENT_CERTIFICATE_PATH`, `AZURE_CLIENT_CERTIFICATE_PASSWORD`, `AZURE_AUTHORITY_HOST`.
 *
 * @throws ConfigurationError that names every variable that is missing.
 * @example
 * ```ts
 * import { AppIdentity, identityFromEnvironment } from '@tomte/client'
 * const identity = new AppIdentity(identityFromEnvironment(process.env))
 * ```
 */
export function identityFromEnvironment(environment: Environment): AppIdentityOptions {
  const required = ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH'] as const
  const [tenantId, clientId, file] = required.map((name) => environment[name]?.trim() ?? '')
  const missing = required.filter((name) => !environment[name]?.trim())
  if (!tenantId || !clientId || !file) {
    throw new ConfigurationError(
      `Cannot read the identity from the environment, as ${required.join(', ')} must be set: missing ${missing.join(', ')}`,
      {
        code: 'environment_incomplete',
        hint: 'Set them to the tenant, the application (client) id and a PEM file with the private key and its certificate',
      },
    )
  }
  return {
    tenantId,
    clientId,
    credential: certificate({ file, password: environment['AZURE_CLIENT_CERTIFICATE_PASSWORD'] }),
    authorityHost: environment['AZURE_AUTHORITY_HOST']?.trim() || undefined,
  }
}
