import { dirname, resolve } from 'node:path'
import {
  CREDENTIAL_VARIABLES,
  type Environment,
  identityFromEnvironment,
  identityPartsFrom,
} from '../config.ts'
import { federatedTokenFile } from '../credential/assertion.ts'
import { certificate } from '../credential/certificate.ts'
import type { Credential } from '../credential/credential.ts'
import { githubActionsToken } from '../credential/github-actions.ts'
import { assertionFrom } from '../credential/identity-assertion.ts'
import { privateKey } from '../credential/private-key.ts'
import { clientSecret } from '../credential/secret.ts'
import { ConfigurationError } from '../errors.ts'
import type { IssuerOptions, TenantOptions } from '../authority/token-server.ts'
import { ManagedIdentity } from '../managed-identity/managed-identity.ts'
import type { AppIdentityOptions, ApplicationOptions } from '../identity/app-identity.ts'
import type {
  Configuration,
  CredentialDefinition,
  IdentityDefinition,
  LoadedConfiguration,
  LoadOptions,
  StatedOptions,
} from './configuration.ts'
import { faultsIn } from './faults.ts'
import { configurationFileIn, type FileContents, readConfigurationFile } from './file.ts'
import { CONFIGURATION } from './shape.ts'

/** Finds, reads, checks and completes a configuration; see `loadConfiguration`. */
export async function load({ file, folder = '', ...sources }: LoadOptions): Promise<LoadedConfiguration> {
  const found = file === undefined ? await configurationFileIn(resolve(folder)) : resolve(folder, file)
  const contents = found === undefined ? { value: {}, isModule: false } : await readConfigurationFile(found)
  return resolved(contents, { ...sources, file: found })
}

/** Checks a configuration and lays environment and code over it. */
export function resolved({ value, isModule }: FileContents, options: StatedOptions): LoadedConfiguration {
  const { identity, apis = {} } = checked(isModule ? dataOf(value) : value, options.file)
  return { identity: identityOptions(identity, options), apis, file: options.file }
}

/** Leaves out what only a module can hold, and others make use of. */
function dataOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { jobs: _, apis, ...data } = value as Readonly<Record<string, unknown>>
  if (apis === undefined) return data
  if (typeof apis !== 'object' || apis === null || Array.isArray(apis)) return { ...data, apis }
  const defined = Object.entries(apis).filter(([, api]) => typeof api !== 'function')
  return { ...data, apis: Object.fromEntries(defined) }
}

// Whoever has more of them to mend sees the rest the next time.
const FAULTS_TOLD_MAX = 20

function checked(value: unknown, file: string | undefined): Configuration {
  const faults = faultsIn(value, CONFIGURATION)
  if (faults.length === 0) return value as Configuration
  const told = faults.slice(0, FAULTS_TOLD_MAX).map(({ path, said }) => (path ? `${path}: ${said}` : said))
  const more = faults.length - told.length
  throw new ConfigurationError(
    `Cannot use the configuration${named(file)}, as every key and value must be known: ` +
      [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; '),
    {
      code: 'configuration_invalid',
      hint: 'Mend what is named; an editor shows what fits when "$schema" names config.schema.json of @tomte/client',
    },
  )
}

const named = (file: string | undefined) => (file === undefined ? '' : ` in '${file}'`)

/** What the three sources say together, before it is known to be all. */
type Stated = {
  readonly [Name in keyof ApplicationOptions | keyof TenantOptions | keyof IssuerOptions]?:
    | AppIdentityOptions[Name]
    | undefined
}

function identityOptions(
  section: IdentityDefinition | undefined,
  { environment, overrides = {}, file }: StatedOptions,
): AppIdentityOptions {
  const { credentials = [], ...stated } = section ?? {}
  const { credential: proofs, ...parts } = identityPartsFrom(environment)
  // With the environment alone there is no configuration that a message could speak of.
  if (section === undefined && Object.keys(overrides).length === 0)
    return identityFromEnvironment(environment)
  const options: Stated = { ...stated, ...present(parts), ...present(overrides) }
  const outside = [options.credential ?? proofs].flat()
  const missing: string[] = []
  if (options.tenantId === undefined && options.issuer === undefined)
    missing.push('identity.tenantId (or AZURE_TENANT_ID)')
  if (options.clientId === undefined) missing.push('identity.clientId (or AZURE_CLIENT_ID)')
  if (outside.length + credentials.length === 0)
    missing.push(`identity.credentials (or ${CREDENTIAL_VARIABLES.join(' or ')})`)
  const credential = outside.length > 0 ? outside : credentialsOf(credentials, { environment, file, missing })
  if (missing.length > 0) throw incomplete(missing, file)
  return { ...options, credential } as AppIdentityOptions
}

const present = <Values extends object>(values: Values): Partial<Values> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>

interface Surroundings {
  readonly environment: Environment
  readonly file: string | undefined
  /** Where a variable that is not set is noted. */
  readonly missing: string[]
}

function credentialsOf(
  definitions: readonly CredentialDefinition[],
  { environment, file, missing }: Surroundings,
): readonly Credential[] {
  const path = (name: string) => resolve(file === undefined ? '' : dirname(file), name)
  return definitions.flatMap((each, index) => {
    const variable = (key: string, name: string | undefined): string | undefined => {
      if (name === undefined || environment[name]?.trim()) return name && environment[name]
      missing.push(`the environment variable ${name} (named by identity.credentials[${index}].${key})`)
      return undefined
    }
    return credentialOf(each, { environment, path, variable }) ?? []
  })
}

interface Readers {
  readonly environment: Environment
  readonly path: (name: string) => string
  /** What a variable holds; `undefined` is noted. */
  readonly variable: (key: string, name: string | undefined) => string | undefined
}

function credentialOf(
  definition: CredentialDefinition,
  { environment, path, variable }: Readers,
): Credential | undefined {
  if ('federatedTokenFile' in definition) return federatedTokenFile(path(definition.federatedTokenFile))
  if ('secretFile' in definition)
    return clientSecret({ file: path(definition.secretFile) }, { method: definition.method })
  if ('secretEnv' in definition) {
    const secret = variable('secretEnv', definition.secretEnv)?.trim()
    return secret === undefined ? undefined : clientSecret(secret, { method: definition.method })
  }
  if ('githubActions' in definition) return githubActionsToken({ environment, audience: definition.audience })
  if ('managedIdentity' in definition) {
    const { managedIdentity, audience } = definition
    const clientId = managedIdentity === 'system' ? undefined : managedIdentity
    return assertionFrom(new ManagedIdentity({ environment, clientId }), { audience })
  }
  // A password may begin or end with a blank.
  if ('privateKeyFile' in definition) {
    const { privateKeyFile, privateKeyPasswordEnv, keyId } = definition
    const password = variable('privateKeyPasswordEnv', privateKeyPasswordEnv)
    return privateKey({ file: path(privateKeyFile), password }, { keyId })
  }
  const { certificateFile, certificatePasswordEnv, algorithm, sendChain } = definition
  const password = variable('certificatePasswordEnv', certificatePasswordEnv)
  return certificate({ file: path(certificateFile), password }, { algorithm, sendChain })
}

function incomplete(missing: readonly string[], file: string | undefined): ConfigurationError {
  return new ConfigurationError(
    `Cannot make the identity of the configuration${named(file)}, as tenant, client and a credential are needed: missing ${missing.join(', ')}`,
    {
      code: 'configuration_incomplete',
      hint: 'Write what is missing into the section identity of the configuration, or set the variables',
    },
  )
}
