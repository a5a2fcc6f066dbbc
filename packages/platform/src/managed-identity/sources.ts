import type { SignedToken } from '../token/issue.ts'
import type { ManagedIdentity, Selector, Unselected } from './identities.ts'

/** A token for a managed identity, before a source has put it into its own words. */
export interface IdentityToken extends SignedToken {
  readonly identity: ManagedIdentity
  /** The resource as the request named it. */
  readonly resource: string
}

/** Why a source gives no token: its status, and what its own shape of error says. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** What can be wrong with a request before the token is asked for. */
export type Fault =
  | 'metadata'
  | 'forwarded'
  | 'secret'
  | 'version'
  | 'resource'
  | 'malformed'
  | 'unknown'
  | 'several'
  | 'throttled'

/** One kind of host, as its SDKs know it: where it listens, what it demands, and how it answers. */
export interface Source {
  readonly method: 'GET' | 'POST'
  readonly paths: readonly [string, ...string[]]
  /** The values of `api-version` that it knows; `undefined` if it takes none. */
  readonly versions?: readonly string[]
  /** What proves the caller: the metadata header, a secret in a header, or a key file that only the caller can read. */
  readonly proof: 'metadata' | 'key file' | { readonly header: string }
  readonly selectors: Readonly<Record<string, keyof Selector>>
  readonly unselected: Unselected
  /** Whether it answers 429 to too many requests in one second. */
  readonly throttled: boolean
  readonly token: (token: IdentityToken) => object
  readonly problem: (problem: Problem, correlationId: string) => object
  /** Its own statuses and words, where they are not those of a virtual machine. */
  readonly faults: Readonly<Partial<Record<Fault, Problem>>>
  /** What it makes of a refusal of the token endpoint. */
  readonly refused?: Problem
  /** The variables by which SDKs find it, given the origin, the secret and the thumbprint of a certificate. */
  readonly environment: (facts: Facts) => Readonly<Record<string, string>>
}

/** What the variables are made of. */
export interface Facts {
  readonly origin: string
  readonly secret: string
  readonly thumbprint: string
}

const problem = (status: number, code: string, message: string): Problem => ({ status, code, message })

/** The words of a virtual machine, which stand for every source that has none of its own (wire.md §10.1). */
export const FAULTS: Readonly<Record<Fault, Problem>> = {
  metadata: problem(400, 'bad_request_102', 'Required metadata header not specified'),
  forwarded: problem(400, 'bad_request_102', 'Requests that a proxy has forwarded are refused'),
  secret: problem(401, 'unauthorized', 'The secret of this endpoint is missing or wrong'),
  version: problem(
    400,
    'invalid_request',
    "Required query variable 'api-version' is missing or not supported",
  ),
  resource: problem(400, 'invalid_request', "Required query variable 'resource' is missing"),
  malformed: problem(400, 'invalid_request', 'A parameter is doubled, too long or contradicts another'),
  unknown: problem(400, 'invalid_request', 'Identity not found'),
  several: problem(
    400,
    'invalid_request',
    'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
  ),
  throttled: problem(429, 'too_many_requests', 'Too many requests: wait before the next one'),
}

const flatProblem = ({ code, message }: Problem) => ({ error: code, error_description: message })
const nestedProblem = ({ code, message }: Problem) => ({ error: { code, message } })

/** The body of a v1.0 token answer: every value is a text (wire.md §3). */
const textToken = (token: IdentityToken) => ({
  access_token: token.accessToken,
  client_id: token.identity.clientId,
  expires_in: String(token.expiresIn),
  expires_on: String(token.expiresOn),
  ext_expires_in: String(token.expiresIn),
  not_before: String(token.notBefore),
  resource: token.resource,
  token_type: 'Bearer',
})

const IMDS_PATH = '/metadata/identity/oauth2/token'
const IMDS_SELECTORS = {
  client_id: 'clientId',
  object_id: 'principalId',
  principal_id: 'principalId',
  msi_res_id: 'resourceId',
} as const

const APP_SERVICE_FAILED = problem(500, '', 'An unexpected error occured while fetching the AAD Token.')
const NOT_ASSIGNED =
  'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.'
const FABRIC_NOT_FOUND = 'Managed identity not found for the specified application host.'

/** Every source, by the name that its environment file bears (wire.md §10, and the requests of SDKs in traces.md). */
export const SOURCES = {
  imds: {
    method: 'GET',
    paths: [IMDS_PATH, `${IMDS_PATH}/`],
    versions: ['2018-02-01', '2019-08-01', '2020-06-01', '2021-02-01'],
    proof: 'metadata',
    selectors: IMDS_SELECTORS,
    unselected: 'system or the only one',
    throttled: true,
    token: textToken,
    problem: flatProblem,
    faults: {},
    environment: ({ origin }) => ({
      AZURE_POD_IDENTITY_AUTHORITY_HOST: origin,
      MSAL_MANAGED_IDENTITY_ENDPOINT: `${origin}${IMDS_PATH}`,
    }),
  },
  'app-service': {
    method: 'GET',
    paths: ['/app-service/msi/token', '/app-service/msi/token/'],
    versions: ['2019-08-01', '2025-03-30'],
    proof: { header: 'x-identity-header' },
    selectors: {
      client_id: 'clientId',
      principal_id: 'principalId',
      object_id: 'principalId',
      mi_res_id: 'resourceId',
    },
    unselected: 'system',
    throttled: false,
    token: ({ accessToken, expiresOn, resource, identity }) => ({
      access_token: accessToken,
      expires_on: String(expiresOn),
      resource,
      token_type: 'Bearer',
      client_id: identity.clientId,
    }),
    problem: ({ status, message }, correlationId) => ({ statusCode: status, message, correlationId }),
    faults: { unknown: problem(400, '', NOT_ASSIGNED) },
    refused: APP_SERVICE_FAILED,
    environment: ({ origin, secret }) => ({
      IDENTITY_ENDPOINT: `${origin}/app-service/msi/token`,
      IDENTITY_HEADER: secret,
    }),
  },
  'azure-arc': {
    method: 'GET',
    paths: [`/azure-arc${IMDS_PATH}`, `/azure-arc${IMDS_PATH}/`],
    versions: ['2019-11-01', '2020-06-01'],
    proof: 'key file',
    selectors: {},
    unselected: 'system',
    throttled: true,
    token: textToken,
    problem: flatProblem,
    faults: {},
    environment: ({ origin }) => ({
      IDENTITY_ENDPOINT: `${origin}/azure-arc${IMDS_PATH}`,
      IMDS_ENDPOINT: `${origin}/azure-arc`,
    }),
  },
  'service-fabric': {
    method: 'GET',
    paths: ['/service-fabric/msi/token'],
    versions: ['2019-07-01-preview', '2020-05-01'],
    proof: { header: 'secret' },
    selectors: {},
    unselected: 'system',
    throttled: false,
    token: ({ accessToken, expiresOn, resource }) => ({
      token_type: 'Bearer',
      access_token: accessToken,
      expires_on: expiresOn,
      resource,
    }),
    problem: ({ code, message }, correlationId) => ({ error: { correlationId, code, message } }),
    faults: {
      secret: problem(400, 'SecretHeaderNotFound', 'Secret is not found in the request headers.'),
      version: problem(400, 'InvalidApiVersion', 'The api-version is not supported.'),
      resource: problem(
        400,
        'ArgumentNullOrEmpty',
        "The parameter 'resource' should not be null or empty string.",
      ),
      malformed: problem(400, 'InvalidArgument', 'A parameter is doubled, too long or not known.'),
      unknown: problem(404, 'ManagedIdentityNotFound', FABRIC_NOT_FOUND),
    },
    refused: problem(500, 'InternalServerError', 'The token service refused the request.'),
    environment: ({ origin, secret, thumbprint }) => ({
      IDENTITY_ENDPOINT: `${origin}/service-fabric/msi/token`,
      IDENTITY_HEADER: secret,
      IDENTITY_SERVER_THUMBPRINT: thumbprint,
    }),
  },
  'machine-learning': {
    method: 'GET',
    paths: ['/machine-learning/msi/token'],
    versions: ['2017-09-01'],
    proof: { header: 'secret' },
    selectors: { clientid: 'clientId' },
    unselected: 'system',
    throttled: false,
    token: ({ accessToken, expiresOn, resource, identity }) => ({
      access_token: accessToken,
      client_id: identity.clientId,
      expires_on: String(expiresOn),
      resource,
      token_type: 'Bearer',
    }),
    problem: nestedProblem,
    faults: {},
    environment: ({ origin, secret }) => ({
      MSI_ENDPOINT: `${origin}/machine-learning/msi/token`,
      MSI_SECRET: secret,
    }),
  },
  'cloud-shell': {
    method: 'POST',
    paths: ['/cloud-shell/msi/token'],
    proof: 'metadata',
    selectors: {},
    unselected: 'system',
    throttled: false,
    token: textToken,
    problem: nestedProblem,
    faults: {},
    refused: problem(400, 'AudienceNotSupported', 'The audience is not a supported MSI token audience.'),
    environment: ({ origin }) => ({ MSI_ENDPOINT: `${origin}/cloud-shell/msi/token` }),
  },
} as const satisfies Readonly<Record<string, Source>>

/** The name of a kind of host that has managed identities. */
export type SourceName = keyof typeof SOURCES
