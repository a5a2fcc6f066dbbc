/** What the client may have done wrong at the token endpoint: status, `error` and text by AADSTS number (wire.md §8). */
export const REFUSALS = {
  900561: {
    status: 400,
    error: 'invalid_request',
    text: 'The endpoint only accepts POST requests. Received a {method} request.',
  },
  900023: {
    status: 400,
    error: 'invalid_request',
    text: "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
  },
  90002: {
    status: 400,
    error: 'invalid_tenant',
    text: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
  },
  9002313: {
    status: 400,
    error: 'invalid_request',
    text: 'Invalid request. Request is malformed or invalid.',
  },
  900144: {
    status: 400,
    error: 'invalid_request',
    text: "The request body must contain the following parameter: '{name}'.",
  },
  70003: {
    status: 400,
    error: 'unsupported_grant_type',
    text: "The app requested an unsupported grant type '{grant}'.",
  },
  700016: {
    status: 400,
    error: 'unauthorized_client',
    text: "Application with identifier '{client}' was not found in the directory '{tenant}'. Check the client id and the tenant.",
  },
  1002012: {
    status: 400,
    error: 'invalid_scope',
    text: 'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  },
  700022: {
    status: 400,
    error: 'invalid_scope',
    text: 'The scope asks for more than one resource: {scope}.',
  },
  7000216: {
    status: 401,
    error: 'invalid_client',
    text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  },
  7000215: {
    status: 401,
    error: 'invalid_client',
    text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'.",
  },
  7000222: {
    status: 401,
    error: 'invalid_client',
    text: "The provided client secret keys for app '{client}' are expired. Create a new one for the app, or use a certificate.",
  },
  50027: { status: 400, error: 'invalid_request', text: 'Invalid JWT token. {reason}' },
  700021: {
    status: 401,
    error: 'invalid_client',
    text: "Client assertion application identifier doesn't match 'client_id' parameter.",
  },
  50048: {
    status: 400,
    error: 'invalid_request',
    text: "Subject '{subject}' mismatches Issuer '{issuer}' claim in the client assertion.",
  },
  700027: {
    status: 401,
    error: 'invalid_client',
    text: "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}'] Registered on app '{client}': {registered}.",
  },
  1000502: {
    status: 401,
    error: 'invalid_client',
    text: 'The provided certificate is not within its valid time range: {from} to {to}.',
  },
  700023: {
    status: 401,
    error: 'invalid_client',
    text: 'Client assertion audience claim does not match Realm issuer.',
  },
  700024: {
    status: 401,
    error: 'invalid_client',
    text: 'Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {to}.',
  },
  700211: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion issuer '{issuer}'.",
  },
  700213: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion subject '{subject}'.",
  },
  700212: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion audience '{audience}'.",
  },
  7002138: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion {claim} '{found}'. One matches only if letter case is ignored: '{expected}'.",
  },
  5002730: {
    status: 401,
    error: 'invalid_client',
    text: 'Invalid JWT token. Unsupported key for the signing algorithm: federated assertions are signed with RS256.',
  },
  50166: {
    status: 400,
    error: 'invalid_request',
    text: 'Request to External OIDC endpoint failed. {reason}',
  },
  50013: {
    status: 401,
    error: 'invalid_client',
    text: 'Assertion failed signature validation. [Reason - {reason}]',
  },
  7000229: {
    status: 401,
    error: 'invalid_client',
    text: 'The client application {client} is missing service principal in the tenant {tenant}.',
  },
  7000112: { status: 400, error: 'unauthorized_client', text: "Application '{client}'({name}) is disabled." },
  500011: {
    status: 400,
    error: 'invalid_resource',
    text: 'The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant.',
  },
  500014: {
    status: 400,
    error: 'invalid_resource',
    text: "The service principal for resource '{resource}' is disabled.",
  },
  501051: {
    status: 400,
    error: 'invalid_grant',
    text: "Application '{client}'({name}) is not assigned to a role for the application '{resource}'.",
  },
} as const satisfies Record<number, { status: 400 | 401; error: string; text: string }>

export type RefusalNumber = keyof typeof REFUSALS

/** One refusal of the token endpoint. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal'
  readonly aadsts: RefusalNumber
  readonly status: 400 | 401
  readonly error: string

  constructor(aadsts: RefusalNumber, facts: Readonly<Record<string, string>> = {}) {
    const { status, error, text } = REFUSALS[aadsts]
    super(
      `AADSTS${aadsts}: ${text.replaceAll(/\{(\w+)\}/g, (_, name: string) => bounded(facts[name] ?? ''))}`,
    )
    this.aadsts = aadsts
    this.status = status
    this.error = error
  }
}

const FACT_LENGTH_MAX = 300

/** What a client sent is quoted in part and without control characters. */
const bounded = (fact: string) => fact.slice(0, FACT_LENGTH_MAX).replaceAll(/\p{Cc}/gu, ' ')

export interface RequestIds {
  readonly traceId: string
  readonly correlationId: string
  readonly nowMs: number
}

/** The body of a refusal as Entra writes it (wire.md §8). */
export function refusalBody(refusal: TokenRefusal, { traceId, correlationId, nowMs }: RequestIds): object {
  const timestamp = `${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
  return {
    error: refusal.error,
    error_description: `${refusal.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.aadsts],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
  }
}
