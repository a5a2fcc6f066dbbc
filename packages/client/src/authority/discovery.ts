import type { Clock } from '../clock.ts'
import { ConfigurationError, ProtocolError, TomteError, UnavailableError } from '../errors.ts'
import { retryAfterMs } from '../retry-after.ts'
import type { ServerMetadata } from './issuer.ts'

/** What came back for a metadata document, uninterpreted. */
export interface RawDocument {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly cacheControl: string | undefined
  readonly body: string
}

/** Gets a document over https and follows no redirect. @throws UnavailableError or ConfigurationError if nothing comes back. */
export type GetDocument = (url: string) => Promise<RawDocument>

export interface DiscoveryOptions {
  readonly issuer: string
  readonly get: GetDocument
  readonly clock: Clock
}

const DAY_MS = 24 * 60 * 60 * 1000
// A server that forbids caching must not be asked before every token; what it says changes once in years.
const LIFE_MIN_MS = 60_000
const OUTAGE_PAUSE_MS = 60_000

/**
 * Makes the function that knows what the server says of itself: asked for at its first call, once for all callers, and again
 * after the document's `max-age`, from a minute to a day. Through an outage the last good document is used.
 *
 * @throws UnavailableError from the function if the server is down or out of reach; ProtocolError if the metadata is someone
 * else's or unusable; ConfigurationError if there is none.
 */
export function discovery(options: DiscoveryOptions): () => Promise<ServerMetadata> {
  const { clock } = options
  let known: { readonly metadata: ServerMetadata; readonly untilMs: number } | undefined
  let asking: Promise<ServerMetadata> | undefined
  const ask = async () => {
    try {
      const { metadata, lifeMs } = await discover(options)
      known = { metadata, untilMs: clock.now() + lifeMs }
      return metadata
    } catch (error) {
      if (known && error instanceof UnavailableError) {
        known = { ...known, untilMs: clock.now() + (error.retryAfterMs ?? OUTAGE_PAUSE_MS) }
        return known.metadata
      }
      known = undefined
      throw error
    } finally {
      asking = undefined
    }
  }
  return async () => {
    if (known && clock.now() < known.untilMs) return known.metadata
    asking ??= ask()
    return asking
  }
}

/** Where the metadata can be: put before the issuer's path (RFC 8414 §3.1), or after it (OpenID Connect Discovery 1.0 §4). */
export function metadataUrls(issuer: string): readonly [string, string] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
}

interface Discovered {
  readonly metadata: ServerMetadata
  readonly lifeMs: number
}

/** The first good document of the two; a bad one at one address does not hide a good one at the other. */
async function discover({ issuer, get, clock }: DiscoveryOptions): Promise<Discovered> {
  const found: Finding[] = []
  for (const url of metadataUrls(issuer)) {
    const document = await get(url)
    const read = readMetadata(document, issuer, clock.now())
    if ('metadata' in read) return { metadata: read.metadata, lifeMs: lifeMs(document.cacheControl) }
    found.push({ ...read, url })
  }
  throw refusal(issuer, found)
}

function lifeMs(cacheControl = ''): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return LIFE_MIN_MS
  const seconds = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(cacheControl)?.[1]
  if (seconds === undefined) return DAY_MS
  return Math.min(Math.max(Number(seconds) * 1000, LIFE_MIN_MS), DAY_MS)
}

type Fault = 'unavailable' | 'mismatch' | 'malformed' | 'absent'

interface Flaw {
  readonly fault: Fault
  /** Completes "the metadata at this address …", and quotes no more than an address of it. */
  readonly says: string
  readonly retryAfterMs?: number | undefined
}

interface Finding extends Flaw {
  readonly url: string
}

function readMetadata(
  { status, retryAfter, body }: RawDocument,
  issuer: string,
  nowMs: number,
): { readonly metadata: ServerMetadata } | Flaw {
  if (status === 429 || status >= 500)
    return { fault: 'unavailable', says: `status ${status}`, retryAfterMs: retryAfterMs(retryAfter, nowMs) }
  if (status !== 200) return { fault: 'absent', says: `status ${status}` }
  const document = jsonObject(body)
  if (!document) return { fault: 'malformed', says: 'no JSON object' }
  if (document['issuer'] !== issuer)
    return { fault: 'mismatch', says: `"issuer" is ${quoted(document['issuer'])}` }
  const tokenEndpoint = document['token_endpoint']
  if (!isHttpsUrl(tokenEndpoint))
    return { fault: 'malformed', says: `"token_endpoint" is ${quoted(tokenEndpoint)}, no https:// URL` }
  return {
    metadata: {
      issuer,
      tokenEndpoint,
      authMethods: texts(document['token_endpoint_auth_methods_supported']) ?? ['client_secret_basic'],
      signingAlgorithms: texts(document['token_endpoint_auth_signing_alg_values_supported']),
    },
  }
}

function jsonObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const read: unknown = JSON.parse(body)
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return { ...read }
  } catch {
    // What is no JSON is no metadata.
  }
  return undefined
}

function isHttpsUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !/^https:\/\/[^\s#\\]+$/.test(value) || !URL.canParse(value)) return false
  const { username, password } = new URL(value)
  return username === '' && password === ''
}

const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : undefined

const QUOTED_MAX = 200

/** Without control characters, and without a user name and password. */
const quoted = (value: unknown): string =>
  typeof value === 'string'
    ? `'${value
        .slice(0, QUOTED_MAX)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .replace(/\/\/[^/]*@/, '//…@')}'`
    : 'no text'

/** In order: what may be over in a moment, what must not be trusted, what is broken, what is not there. */
const FAULTS = ['unavailable', 'mismatch', 'malformed', 'absent'] as const

const CODES = { mismatch: 'issuer_mismatch', malformed: 'metadata_malformed', absent: 'metadata_absent' }
const HINTS = {
  unavailable: 'Wait and try again: the server may be starting or overloaded',
  mismatch:
    'Trust it only if that is the server you mean; then set the issuer to the text it states, letter by letter',
  malformed: 'Check that no proxy or web page answers in the place of the authorization server',
  absent:
    'Check the issuer, which is the "issuer" of the metadata and neither the token endpoint nor the host alone',
}

function refusal(issuer: string, found: readonly Finding[]): TomteError {
  const fault = FAULTS.find((each) => found.some((finding) => finding.fault === each)) ?? 'absent'
  const said = found.map(({ url, says }) => `${url}: ${says}`).join('; ')
  const message = `Cannot find the token endpoint of '${issuer}', as metadata that state this issuer are needed: ${said}`
  const hint = HINTS[fault]
  if (fault === 'unavailable') {
    const waits = found.flatMap(({ retryAfterMs: ms }) => ms ?? [])
    const silenceMs = waits.length === 0 ? undefined : Math.max(...waits)
    return new UnavailableError(message, { code: 'metadata_unavailable', hint, retryAfterMs: silenceMs })
  }
  const Remedy = fault === 'absent' ? ConfigurationError : ProtocolError
  return new Remedy(message, { code: CODES[fault], hint })
}
