/** What may stand at one place of a configuration; the check and the JSON Schema for editors are both made of it. */
export type Rule = Text | Choice | Flag | Whole | List | Named | Section | OneOf

/** A text. `needed` says in words what `pattern` asks for. */
export interface Text {
  readonly kind: 'text'
  readonly about: string
  readonly needed: string
  /** ECMAScript, with the flag `u`. */
  readonly pattern: string
  /** In characters. */
  readonly lengthMax: number
}

/** One of a few words. */
export interface Choice {
  readonly kind: 'choice'
  readonly about: string
  readonly choices: readonly string[]
}

/** `true` or `false`. */
export interface Flag {
  readonly kind: 'flag'
  readonly about: string
}

/** A whole number. */
export interface Whole {
  readonly kind: 'whole'
  readonly about: string
  readonly min: number
  readonly max: number
}

/** Things in order. */
export interface List {
  readonly kind: 'list'
  readonly about: string
  readonly of: Rule
  readonly itemsMax: number
}

/** Things under names that the writer chooses. */
export interface Named {
  readonly kind: 'named'
  readonly about: string
  readonly name: Text
  readonly of: Rule
  readonly namesMax: number
}

/** Things under the names listed here, and no others. */
export interface Section {
  readonly kind: 'section'
  readonly about: string
  readonly required: readonly string[]
  readonly keys: Readonly<Record<string, Rule>>
}

/** Sections of which each has, required, a key that no other has. */
export interface OneOf {
  readonly kind: 'oneOf'
  readonly about: string
  readonly by: Readonly<Record<string, Section>>
}

const LINE = '^[^\\r\\n]*\\S[^\\r\\n]*$'
// As certificate() has it: the base64 of the smallest key is longer, and hardly any path is as long.
const PATH_CHARACTERS_MAX = 1000
const URL_CHARACTERS_MAX = 2000

const line = (about: string, lengthMax: number): Text => ({
  kind: 'text',
  about,
  needed: `one line of at most ${lengthMax} characters`,
  pattern: LINE,
  lengthMax,
})

const path = (about: string): Text => ({
  kind: 'text',
  about: `${about} Relative paths start at the folder of this file.`,
  needed: 'the path of a file',
  pattern: LINE,
  lengthMax: PATH_CHARACTERS_MAX,
})

// In capitals, so that a secret that was put here by mistake is refused and not repeated.
const variable = (about: string): Text => ({
  kind: 'text',
  about,
  needed: 'the name of an environment variable, in capitals,',
  pattern: '^[A-Z_][A-Z0-9_]*$',
  lengthMax: 100,
})

const METHOD: Choice = {
  kind: 'choice',
  about: 'How the secret is sent: in the form, or in the Authorization header. Default: post.',
  choices: ['post', 'basic'],
}

const credential = (key: string, about: string, keys: Readonly<Record<string, Rule>>): Section => ({
  kind: 'section',
  about,
  required: [key],
  keys,
})

const CREDENTIAL: OneOf = {
  kind: 'oneOf',
  about: 'One way to prove the application. The next is tried when the authority refuses one.',
  by: {
    certificateFile: credential('certificateFile', 'A certificate with its RSA private key.', {
      certificateFile: path('A PEM or PFX file; it is read again when it changes.'),
      certificatePasswordEnv: variable('The environment variable with the password of the key.'),
      algorithm: {
        kind: 'choice',
        about: 'How assertions are signed; RS256 for older authorities. Default: PS256.',
        choices: ['PS256', 'RS256'],
      },
      sendChain: {
        kind: 'flag',
        about: 'Send the certificates along, for an authority that trusts a subject name. Default: false.',
      },
    }),
    federatedTokenFile: credential('federatedTokenFile', 'A token of another identity provider.', {
      federatedTokenFile: path('The file that somebody keeps fresh, as Kubernetes does.'),
    }),
    githubActions: credential('githubActions', 'The token that GitHub Actions gives to a workflow.', {
      githubActions: {
        kind: 'choice',
        about: 'The permission that the workflow needs.',
        choices: ['id-token'],
      },
      audience: line('Whom the token is for. Default: the token exchange of the cloud.', URL_CHARACTERS_MAX),
    }),
    managedIdentity: credential(
      'managedIdentity',
      'A managed identity of the host, as federated credential.',
      {
        managedIdentity: line("Its client id, or 'system' for the host's own.", 253),
        audience: line(
          'Whom its token is for. Default: the token exchange of the cloud.',
          URL_CHARACTERS_MAX,
        ),
      },
    ),
    privateKeyFile: credential('privateKeyFile', 'A private key, for an issuer that knows its public half.', {
      privateKeyFile: path('A PEM file or a JWK; it is read again when it changes.'),
      privateKeyPasswordEnv: variable('The environment variable with the password of the key.'),
      keyId: line('The name under which the issuer knows the key. Default: that of the JWK.', 253),
    }),
    secretFile: credential('secretFile', 'A client secret in a file.', {
      secretFile: path('A file with the secret and nothing else; it is read again when it changes.'),
      method: METHOD,
    }),
    secretEnv: credential('secretEnv', 'A client secret in the environment.', {
      secretEnv: variable('The environment variable with the secret.'),
      method: METHOD,
    }),
  },
}

const IDENTITY: Section = {
  kind: 'section',
  about: 'Who the application is. The environment (AZURE_TENANT_ID, …) goes before it, key by key.',
  required: [],
  keys: {
    authorityHost: {
      kind: 'text',
      about: 'The cloud, by its name, or the https:// origin of an authority. Default: AzurePublicCloud.',
      needed: 'an https:// origin or the name of a cloud',
      pattern: '^(AzurePublicCloud|AzureUSGovernment|AzureChinaCloud|https://\\S+)$',
      lengthMax: URL_CHARACTERS_MAX,
    },
    region: line('The region whose endpoint of the public cloud is asked, such as westeurope.', 63),
    issuer: {
      kind: 'text',
      about: 'Another OAuth 2.0 server, found by its metadata, instead of tenantId and authorityHost.',
      needed: 'an https:// URL',
      pattern: '^https://\\S+$',
      lengthMax: URL_CHARACTERS_MAX,
    },
    parameters: {
      kind: 'named',
      about: 'Sent to the issuer with every token request, such as audience.',
      name: line('The name of a parameter.', 100),
      of: line('The value of a parameter; no secret.', URL_CHARACTERS_MAX),
      namesMax: 20,
    },
    tenantId: line('The tenant to work in: its id or one of its domain names.', 253),
    clientId: line('The application (client) id.', 253),
    credentials: {
      kind: 'list',
      about: 'How the application proves itself, in order.',
      of: CREDENTIAL,
      itemsMax: 20,
    },
    tokensMax: {
      kind: 'whole',
      about: 'How many tokens are kept, over all tenants. Default: 100000.',
      min: 1,
      max: 100_000_000,
    },
    timeoutMs: {
      kind: 'whole',
      about: 'How long one token request may take, in milliseconds. Default: 30000.',
      min: 1,
      max: 600_000,
    },
  },
}

const PERMISSIONS: List = {
  kind: 'list',
  about: 'The application permissions that the calls need, named in the error when one is missing.',
  of: line('An application permission.', 250),
  itemsMax: 1000,
}

const API: OneOf = {
  kind: 'oneOf',
  about: 'A web API that the application calls.',
  by: {
    graph: {
      kind: 'section',
      about: "Microsoft Graph in the identity's own cloud.",
      required: ['graph'],
      keys: {
        graph: { kind: 'choice', about: 'The version of Microsoft Graph.', choices: ['v1.0', 'beta'] },
        permissions: PERMISSIONS,
      },
    },
    baseUrl: {
      kind: 'section',
      about: 'Any web API.',
      required: ['baseUrl', 'scope'],
      keys: {
        baseUrl: {
          kind: 'text',
          about: 'The root of the API; the token goes to its origin and nowhere else.',
          needed: 'an https:// URL',
          pattern: '^https://\\S+$',
          lengthMax: URL_CHARACTERS_MAX,
        },
        scope: line('The scope of its tokens: {resource}/.default.', URL_CHARACTERS_MAX),
        permissions: PERMISSIONS,
      },
    },
  },
}

/** All that a configuration file may hold. */
export const CONFIGURATION: Section = {
  kind: 'section',
  about: 'The configuration of an application that signs in as itself, for @tomte/client and @tomte/jobs.',
  required: [],
  keys: {
    $schema: line('Where the JSON Schema of this file is, for editors.', URL_CHARACTERS_MAX),
    identity: IDENTITY,
    apis: {
      kind: 'named',
      about: 'The web APIs that the application calls, by names of your own.',
      name: {
        kind: 'text',
        about: 'The name that the program calls the API by.',
        needed: 'a name that begins with a letter, of letters, digits, - and _,',
        pattern: '^[A-Za-z][A-Za-z0-9_-]*$',
        lengthMax: 64,
      },
      of: API,
      namesMax: 100,
    },
  },
}
