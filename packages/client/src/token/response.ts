import { placeOf, type ServerMetadata } from '../authority/issuer.ts'
import {
  ConfigurationError,
  CredentialError,
  type ErrorFacts,
  PermissionError,
  ProtocolError,
  type TomteError,
  UnavailableError,
} from '../errors.ts'
import { httpDateMs, retryAfterMs } from '../retry-after.ts'
import { quoted, quotedHeader, quotedName } from './quoted.ts'
import type { RawResponse } from './request.ts'
import { isPassing, serverHint, serverRemedy } from './server-refusals.ts'
import type { Token } from './token.ts'

/** The request a response belongs to, for its error messages. */
export interface Asked {
  readonly clientId: string
  readonly tenant: string
  readonly scope: string
  /** The secret that was sent, to tell a pasted id from a value; it goes into no message. */
  readonly secret?: string | null | undefined
  /** When it was sent: a lifetime counts from there, since the answer may have taken a while. Default: now. */
  readonly sentAtMs?: number | undefined
  /** Set for a server other than Microsoft's: its refusals have an `error` and no numbers (RFC 6749 §5.2). */
  readonly server?: ServerMetadata | undefined
}

type Json = Readonly<Record<string, unknown>>
type RefusalFacts = ErrorFacts & { readonly retryAfterMs: number | undefined }
type Remedy = new (message: string, facts: RefusalFacts) => TomteError

/**
 * Turns what the token endpoint sent into a token or an error; it never touches the network (RFC 6749 §5, wire.md §8).
 *
 * @throws TomteError one of its subclasses; the class is the remedy.
 */
export function readTokenResponse(response: RawResponse, asked: Asked, nowMs: number): Token {
  const body = parse(response)
  if (response.status !== 200 || body['error'] !== undefined) throw refusal(response, body, asked, nowMs)
  const accessToken = body['access_token']
  const tokenType = body['token_type']
  if (typeof accessToken !== 'string' || accessToken === '') throw malformed('"access_token" is not a text')
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer')
    throw malformed('"token_type" is not Bearer')
  const sentAtMs = asked.sentAtMs ?? nowMs
  const lifetimeSeconds = lifetime(body, sentAtMs)
  const refreshSeconds =
    body['refresh_in'] === undefined ? lifetimeSeconds / 2 : seconds(body['refresh_in'], '"refresh_in"')
  return {
    accessToken,
    expiresAtMs: sentAtMs + lifetimeSeconds * 1000,
    refreshAtMs: sentAtMs + Math.min(refreshSeconds, lifetimeSeconds) * 1000,
  }
}

/** A token whose end is unknown, which RFC 6749 §5.1 allows, is as good as over: it serves the call that waits for it. */
function lifetime(body: Json, sentAtMs: number): number {
  if (body['expires_in'] !== undefined)
    return Math.min(seconds(body['expires_in'], '"expires_in"'), LIFETIME_MAX_SECONDS)
  if (body['expires_on'] === undefined) return 0
  const leftSeconds = seconds(body['expires_on'], '"expires_on"') - sentAtMs / 1000
  return Math.min(Math.max(0, leftSeconds), LIFETIME_MAX_SECONDS)
}

// A hundred years: beyond it, moments would be no dates any more.
const LIFETIME_MAX_SECONDS = 3_155_760_000

function parse(response: RawResponse): Json {
  try {
    const body: unknown = JSON.parse(response.body)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Json
  } catch {
    // Falls through: what is no JSON is treated like JSON of the wrong shape. A throttled endpoint answers in plain text.
  }
  if (response.status === 429 || response.status >= 500) return {}
  throw malformed(
    `status ${response.status} with a body of type '${quotedHeader(response.contentType) || 'none'}' that is no JSON object`,
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
  700025: 'Make the application a confidential client, or sign in without a credential',
  7000229:
    'An administrator of the tenant has to add the application’s service principal there, for example by admin consent',
  7000112: 'An administrator has to enable the application in the tenant',
  500011: 'Check the resource in the scope, and that its service principal exists in this tenant',
}

/** Hints that depend on what was sent or when; `undefined` where nothing can be told from it. */
const OBSERVED_HINTS: Readonly<
  Record<number, (response: RawResponse, asked: Asked, nowMs: number) => string | undefined>
> = {
  700024: ({ date }, _, nowMs) => clockHint(httpDateMs(date), nowMs),
  7000215: (_, { secret }) =>
    GUID.test(secret ?? '')
      ? 'This is the secret’s id, not its value: use the value, which is shown once, when the secret is made'
      : undefined,
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function clockHint(serverMs: number | undefined, nowMs: number): string {
  if (serverMs === undefined)
    return 'Compare this machine’s clock with the server’s, then sign a new assertion'
  // The header tells whole seconds, and the answer was on its way for a moment.
  const seconds = Math.round((nowMs - serverMs) / 1000)
  if (Math.abs(seconds) <= 2)
    return 'This machine’s clock agrees with the server’s: sign a new assertion, and check the times it states'
  const where = seconds > 0 ? 'ahead of' : 'behind'
  return `This machine’s clock is ${Math.abs(seconds)} s ${where} the server’s: set it right, then sign a new assertion`
}

const PERMISSION_CODES = new Set([65001, 53003, 500014, 501051, 7000112, 7000229])

// Numbers that come with 'invalid_client' or 401 at times, though no other credential would help.
const CONFIGURATION_CODES = new Set([
  50_059, 70_001, 70_011, 90_002, 500_011, 700_016, 700_025, 700_038, 900_021, 900_023, 1_002_012,
])

function refusal(response: RawResponse, body: Json, asked: Asked, nowMs: number): TomteError {
  const hidden = [body['access_token'], body['refresh_token'], body['id_token'], asked.secret]
  const error = quotedName(body['error'], hidden) ?? `http_${response.status}`
  const aadsts = asked.server ? [] : errorNumbers(body['error_codes'])
  const description = text(body['error_description'])?.split(/[\r\n]| Trace ID:/, 1)[0]
  const said = description === undefined ? `HTTP status ${response.status}` : quoted(description, hidden)
  const scope = asked.scope === '' ? 'without a scope' : `with scope '${asked.scope}'`
  const Class = asked.server ? serverRemedy(response.status, error) : remedy(response.status, error, aadsts)
  return new Class(
    `Cannot get a token for application '${asked.clientId}' ${placeOf(asked.tenant)} ${scope}: ${said}`,
    {
      code: error,
      aadsts,
      hint: asked.server
        ? serverHint(response.status, error)
        : aadsts
            .map((code) => OBSERVED_HINTS[code]?.(response, asked, nowMs) ?? HINTS[code])
            .find((hint) => hint !== undefined),
      correlationId: quotedName(body['correlation_id'], hidden),
      traceId: quotedName(body['trace_id'], hidden),
      retryAfterMs: retryAfterMs(response.retryAfter, nowMs),
    },
  )
}

const ERROR_NUMBERS_MAX = 20

const errorNumbers = (codes: unknown): readonly number[] =>
  Array.isArray(codes) ? codes.filter((code) => typeof code === 'number').slice(0, ERROR_NUMBERS_MAX) : []

function remedy(status: number, error: string, aadsts: readonly number[]): Remedy {
  if (isPassing(status, error)) return UnavailableError
  if (aadsts.some((code) => PERMISSION_CODES.has(code))) return PermissionError
  if (aadsts.some((code) => CONFIGURATION_CODES.has(code))) return ConfigurationError
  if (error === 'invalid_client' || status === 401) return CredentialError
  return ConfigurationError
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
