import type { Environment } from '../config.ts'
import type { AppIdentityOptions } from '../identity/app-identity.ts'

/** One way to prove the application. A secret is never here: a file or an environment variable holds it. */
export type CredentialDefinition =
  | {
      /** A PEM or PFX file with the RSA private key and its certificate. */
      readonly certificateFile: string
      /** The environment variable with the password of the key. */
      readonly certificatePasswordEnv?: string | undefined
      /** Default `PS256`. */
      readonly algorithm?: 'PS256' | 'RS256' | undefined
      /** Sends the certificates along. Default false. */
      readonly sendChain?: boolean | undefined
    }
  | { /** A file with a token of another identity provider. */ readonly federatedTokenFile: string }
  | {
      /** The token that GitHub Actions gives to a workflow with this permission. */
      readonly githubActions: 'id-token'
      /** Whom the token is for. Default: the token exchange of the cloud. */
      readonly audience?: string | undefined
    }
  | {
      /** The client id of a managed identity of the host, or `system`: its token is the proof. */
      readonly managedIdentity: string
      /** Whom its token is for. Default: the token exchange of the cloud. */
      readonly audience?: string | undefined
    }
  | {
      /** A PEM file or a JWK, for an issuer that knows the public half. */
      readonly privateKeyFile: string
      /** The environment variable with the password of the key. */
      readonly privateKeyPasswordEnv?: string | undefined
      /** The name under which the issuer knows the key. */
      readonly keyId?: string | undefined
    }
  | {
      /** A file with the client secret and nothing else. */
      readonly secretFile: string
      /** Default `post`. */
      readonly method?: 'post' | 'basic' | undefined
    }
  | {
      /** The environment variable with the client secret. */
      readonly secretEnv: string
      /** Default `post`. */
      readonly method?: 'post' | 'basic' | undefined
    }

/** Who the application is. What is left out comes from the environment. */
export interface IdentityDefinition {
  /** The name of a cloud, or the https:// origin of an authority. Default: the public cloud. */
  readonly authorityHost?: string | undefined
  /** The region whose endpoint of the public cloud is asked, such as `westeurope`. */
  readonly region?: string | undefined
  /** Another OAuth 2.0 server, found by its metadata, instead of tenant and authority host. */
  readonly issuer?: string | undefined
  /** Sent to the issuer with every token request, such as `audience`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** The tenant to work in: its id or one of its domain names. */
  readonly tenantId?: string | undefined
  /** The application (client) id. */
  readonly clientId?: string | undefined
  /** In order: the next is tried when the authority refuses one. At most 20. */
  readonly credentials?: readonly CredentialDefinition[] | undefined
  /** How many tokens are kept, over all tenants. Default 100,000. */
  readonly tokensMax?: number | undefined
  /** For one token request. Default 30,000 ms. */
  readonly timeoutMs?: number | undefined
}

/** A web API: Microsoft Graph in the identity's own cloud, or any other. */
export type ApiDefinition =
  | {
      /** The version of Microsoft Graph. */
      readonly graph: 'v1.0' | 'beta'
      /** The application permissions that the calls need, named in the error when one is missing. */
      readonly permissions?: readonly string[] | undefined
    }
  | {
      /** The https:// root of the API; the token goes to its origin and nowhere else. */
      readonly baseUrl: string
      /** The scope of its tokens, `{resource}/.default`. */
      readonly scope: string
      /** The application permissions that the calls need, named in the error when one is missing. */
      readonly permissions?: readonly string[] | undefined
    }

/** What a configuration file holds. Its JSON Schema is `@tomte/client/config.schema.json`. */
export interface Configuration {
  /** Where the JSON Schema is, for editors; in a JSON file alone. */
  readonly $schema?: string | undefined
  readonly identity?: IdentityDefinition | undefined
  /** By names of your own: a letter, then letters, digits, `-` and `_`. At most 100. */
  readonly apis?: Readonly<Record<string, ApiDefinition>> | undefined
}

/** What a configuration comes down to when code, environment and file have been laid over each other. */
export interface LoadedConfiguration {
  /** For `new AppIdentity`. */
  readonly identity: AppIdentityOptions
  /** For {@link definedApi}. */
  readonly apis: Readonly<Record<string, ApiDefinition>>
  /** The file that was read, if there was one. */
  readonly file: string | undefined
}

/** What goes before the file. */
export interface ConfigurationSources {
  /** Such as `process.env`: the variables of {@link identityFromEnvironment}, and those that the file names. */
  readonly environment: Environment
  /** What the code says goes before all else, option by option. */
  readonly overrides?: Partial<AppIdentityOptions> | undefined
}

/** Where the configuration is. */
export interface LoadOptions extends ConfigurationSources {
  /** The file, which must be there. Default: `tomte.config.ts` or `tomte.config.json` in the folder, if there is one. */
  readonly file?: string | undefined
  /** Default: the working folder. */
  readonly folder?: string | undefined
}

/** Checks the types of a configuration; the default export of a `tomte.config.ts` that has no jobs. */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration
}

/**
 * Reads the configuration of an application: what the code says goes before the environment, and that before the file, option
 * by option. Credentials in the environment replace the whole list of the file. Relative paths in the file start at its
 * folder. A file may have 256 KiB.
 *
 * @throws ConfigurationError if the file cannot be read (`configuration_unreadable`), holds what it may not
 * (`configuration_invalid`, which names every fault by its path and repeats no value), or if something is missing
 * (`configuration_incomplete`).
 * @example
 * ```ts
 * import { AppIdentity, definedApis, loadConfiguration } from '@tomte/client'
 * const { identity, apis } = await loadConfiguration({ environment: process.env })
 * const { orders } = definedApis(new AppIdentity(identity), apis)
 * await orders?.get('/orders?state=open')
 * ```
 */
export async function loadConfiguration(options: LoadOptions): Promise<LoadedConfiguration> {
  // Few processes read a configuration, and only once: the rest is loaded here.
  const { load } = await import('./resolve.ts')
  return load(options)
}

/** A configuration that is in memory already. */
export interface StatedOptions extends ConfigurationSources {
  /** Where it was written: relative paths start at its folder, and messages name it. Default: the working folder. */
  readonly file?: string | undefined
}

/**
 * As {@link loadConfiguration}, for a configuration that is in memory, such as the default export of a module. It may hold
 * what no JSON can, which is passed over here: `jobs`, and APIs that are made by functions.
 *
 * @throws ConfigurationError as {@link loadConfiguration}.
 */
export async function configurationOf(value: unknown, options: StatedOptions): Promise<LoadedConfiguration> {
  const { resolved } = await import('./resolve.ts')
  return resolved({ value, isModule: true }, options)
}
