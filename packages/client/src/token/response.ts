import {
  ConfigurationError,
  CredentialError,
  type ErrorFacts,
  PermissionError,
  ProtocolError,
  type TomteError,
  UnavailableError,
} from '../errors.ts'
import type { RawResponse } from './request.ts'
import type { Token } from './token.ts'

/** The request a response belongs to, for its error messages. */
export interface Asked {
  readonly clientId: string
  readonly tenant: string
  readonly scope: string
  /** The secret that was sent, to tell a pasted id from a value; it goes into no message. */
  readonly secret?: string | null
}

type Json = Readonly<Record<string, unknown>>
type Remedy = new (message: string, facts: ErrorFacts) => TomteError

/**
 * Turns what the token endpoint sent into a token or an error; it never touches the network (RFC 6749 §5, wire.md §8).
 *
 * @throws TomteError one of its subclasses; the class is the remedy.
 */
export function readTokenResponse(response: RawResponse, asked: Asked, nowMs: number): Token {
  const body = parse(response)
  if (response.status !== 200 || body['error'] !== undefined) throw refusal(response, body, asked)
  const accessToken = body['access_token']
  const tokenType = body['token_type']
  if (typeof accessToken !== 'string' || accessToken === '') throw malformed('"access_token" is not a text')
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer')
    throw malformed('"token_type" is not Bearer')
  const lifetimeSeconds = seconds(body['expires_in'], '"expires_in"')
  const refreshSeconds =
    body['refresh_in'] === undefined ? lifetimeSeconds / 2 : seconds(body['refresh_in'], '"refresh_in"')
  return {
    accessToken,
    expiresAtMs: nowMs + lifetimeSeconds * 1000,
    refreshAtMs: nowMs + Math.min(refreshSeconds, lifetimeSeconds) * 1000,
  }
}

function parse(response: RawResponse): Json {
  try {
    const body: unknown = JSON.parse(response.body)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Json
  } catch {
    // Falls through: what is no JSON is treated like JSON of the wrong shape. A throttled endpoint answers in plain text.
  }
  if (response.status === 429 || response.status >= 500) return {}
  throw malformed(
    `status ${response.status} with a body of type '${response.contentType || 'none'}' that is no JSON object`,
  )
}

/** Entra writes numbers as text on its v1 endpoint (wire.md §3). */
function seconds(value: unknown, name: string): number {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number) && number > 0) return number
  throw malformed(`${name} is not a positive number of seconds`)
}

function malformed(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot use the token response, as RFC 6749 §5.1 asks for a JSON object with a Bearer token: ${found}`,
    {
      code: 'token_response_malformed',
      hint: 'Check that the authority host is an OAuth 2.0 authorization server and that no proxy answers for it',
    },
  )
}

const HINTS: Readonly<Record<number, string>> = {
  90002: 'Check the tenant (AZURE_TENANT_ID) and the cloud (AZURE_AUTHORITY_HOST)',
  700016: 'Check the client id (AZURE_CLIENT_ID) and that the application is installed in this tenant',
  700027:
    'Register the public half of this certificate on the application, or point the configuration at the one that is registered',
  700024: 'Compare this machine’s clock with the server’s, then sign a new assertion',
  7000229:
    'An administrator of the tenant has to add the application’s service principal there, for example by admin consent',
  7000112: 'An administrator has to enable the application in the tenant',
  500011: 'Check the resource in the scope, and that its service principal exists in this tenant',
}

const PERMISSION_CODES = new Set([65001, 53003, 500014, 501051, 7000112, 7000229])

function refusal(response: RawResponse, body: Json, asked: Asked): TomteError {
  const error = text(body['error']) ?? `http_${response.status}`
  const aadsts = Array.isArray(body['error_codes'])
    ? body['error_codes'].filter((code) => typeof code === 'number')
    : []
  const said =
    text(body['error_description'])?.split(/[\r\n]| Trace ID:/, 1)[0] ?? `HTTP status ${response.status}`
  const Class = remedy(response.status, error, aadsts)
  return new Class(
    `Cannot get a token for application '${asked.clientId}' in tenant '${asked.tenant}' with scope '${asked.scope}': ${said}`,
    {
      code: error,
      aadsts,
      hint: aadsts.map((code) => HINTS[code]).find((hint) => hint !== undefined),
      correlationId: text(body['correlation_id']),
      traceId: text(body['trace_id']),
    },
  )
}

function remedy(status: number, error: string, aadsts: readonly number[]): Remedy {
  if (status === 429 || status >= 500 || error === 'temporarily_unavailable') return UnavailableError
  if (aadsts.some((code) => PERMISSION_CODES.has(code))) return PermissionError
  if (error === 'invalid_client') return CredentialError
  return ConfigurationError
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
