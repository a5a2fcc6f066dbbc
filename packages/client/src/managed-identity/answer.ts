import type { BoundedResponse } from '../bounded-request.ts'
import {
  ConfigurationError,
  type ErrorFacts,
  PermissionError,
  ProtocolError,
  type TomteError,
  UnavailableError,
} from '../errors.ts'
import { retryAfterMs } from '../retry-after.ts'
import type { Token } from '../token/token.ts'
import type { Source } from './source.ts'

type Json = Readonly<Record<string, unknown>>

/** The request that an answer belongs to. */
export interface Asked {
  readonly source: Source
  readonly resource: string
  /** The client id that was selected, if the identity was selected by that. */
  readonly clientId: string | undefined
  readonly sentAtMs: number
}

/**
 * Turns what a source of managed identities sent into a token or an error; it never touches the network (wire.md §10).
 *
 * @throws TomteError one of its subclasses; the class is the remedy.
 */
export function readIdentityAnswer(response: BoundedResponse, asked: Asked, nowMs: number): Token {
  const body = parse(response.body)
  if (response.status !== 200) throw refusal(response, body ?? {}, asked, nowMs)
  const accessToken = body?.['access_token']
  const tokenType = body?.['token_type'] ?? 'Bearer'
  if (body === undefined || typeof accessToken !== 'string' || accessToken === '')
    throw malformed(asked, 'it has no "access_token"')
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer')
    throw malformed(asked, '"token_type" is not Bearer')
  requireIdentity(body, asked)
  const expiresAtMs = endOf(body, asked)
  const restMs = Math.max(0, expiresAtMs - asked.sentAtMs)
  return { accessToken, expiresAtMs, refreshAtMs: asked.sentAtMs + restMs / 2 }
}

function parse(text: string): Json | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Json) : undefined
  } catch {
    return undefined
  }
}

/** A source that passes a selector over gives the token of somebody else, who may be allowed more. */
function requireIdentity(body: Json, asked: Asked): void {
  const { source, clientId } = asked
  const given = body['client_id']
  if (clientId === undefined || typeof given !== 'string') return
  if (given.toLowerCase() === clientId.toLowerCase()) return
  throw new ProtocolError(
    `Cannot use the token of ${source.name}, as it must be that of the managed identity '${clientId}': it is that of '${given.slice(0, 100)}'`,
    { code: 'identity_mismatch', hint: 'Check which identities are assigned to this host' },
  )
}

/**
 * The moment that `expires_on` names; `expires_in` counts from when the token was issued, which was long ago if the source
 * has had it in its cache.
 */
function endOf(body: Json, asked: Asked): number {
  const on = body['expires_on']
  if (on !== undefined && on !== '') {
    const ms = momentMs(on)
    if (ms !== undefined) return ms
    throw malformed(asked, '"expires_on" is no moment')
  }
  const seconds = Number(body['expires_in'] ?? 0)
  if (Number.isFinite(seconds) && seconds >= 0) return asked.sentAtMs + seconds * 1000
  throw malformed(asked, '"expires_in" is no number of seconds')
}

// Until 2019 App Service wrote '9/14/2017 12:00:00 AM +00:00' (wire.md §10.2).
const DATE = /^(\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M [+-]\d{2}:\d{2}|\d{4}-\d\d-\d\dT[\d:.]+Z)$/

/** Seconds since 1970, as a number or a text, or a date. */
function momentMs(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return undefined
  const ms = /^\d{1,12}(\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : DATE.test(text)
      ? Date.parse(text)
      : Number.NaN
  return Number.isFinite(ms) ? ms : undefined
}

const malformed = ({ source }: Asked, found: string) =>
  new ProtocolError(
    `Cannot use the answer of ${source.name}, as a JSON object with a Bearer token and its end is needed: ${found}`,
    {
      code: 'identity_answer_malformed',
      hint: `Check that nothing else answers at ${source.endpoint.origin}, such as a proxy`,
    },
  )

// What hosts say, in their own words, and what to do about it.
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /identity not found|no user assigned or delegated|ManagedIdentityNotFound|managed identity not found/i,
    'Assign a managed identity to this host, or check the id that selects one',
  ],
  [/multiple user assigned/i, 'Say which identity is meant: by clientId, objectId or resourceId'],
  [
    /AADSTS50001\b|AADSTS500011\b|invalid_resource/,
    'Check the resource in the scope: it must exist in the identity’s tenant',
  ],
  [/metadata header/i, 'Check that no proxy stands between this program and its host'],
]

const RESTART = 'Start the program again, so that it sees the variables that its host has set meanwhile'

function refusal(response: BoundedResponse, body: Json, asked: Asked, nowMs: number): TomteError {
  const { source, resource } = asked
  const { status } = response
  const { code, message } = told(body)
  const said = clean(message ?? `HTTP status ${status}`, source.secret)
  const facts: ErrorFacts = {
    code: code === undefined ? `http_${status}` : clean(code, source.secret),
    hint:
      HINTS.find(([pattern]) => pattern.test(`${code} ${message}`))?.[1] ??
      (status === 401 ? RESTART : undefined),
    aadsts: [...said.matchAll(/AADSTS(\d{4,9})/g)].map(([, number]) => Number(number)),
    correlationId: text(body['correlationId']) ?? text(body['correlation_id']),
  }
  const sentence = `Cannot get a managed identity's token for '${resource}' from ${source.name}: ${said}`
  const pauseMs = source.passing[status]
  if (pauseMs !== undefined || status === 408 || status === 429 || status >= 500) {
    const asWished = retryAfterMs(response.retryAfter, nowMs)
    return new UnavailableError(sentence, { ...facts, retryAfterMs: asWished ?? pauseMs })
  }
  return status === 403 ? new PermissionError(sentence, facts) : new ConfigurationError(sentence, facts)
}

/** The three shapes of errors: OAuth's, one inside `error`, and App Service's. */
function told(body: Json): { readonly code: string | undefined; readonly message: string | undefined } {
  const { error } = body
  const inner = typeof error === 'object' && error !== null ? (error as Json) : undefined
  return inner
    ? { code: text(inner['code']), message: text(inner['message']) }
    : { code: text(error), message: text(body['error_description']) ?? text(body['message']) }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** The first line, not too long, and without what this program has proved itself with, should a host repeat it. */
function clean(words: string, secret: string | undefined): string {
  const [line = ''] = words.slice(0, 1000).split(/[\r\n]| Trace ID:/, 1)
  return (secret === undefined ? line : line.replaceAll(secret, '…')).slice(0, 400)
}
