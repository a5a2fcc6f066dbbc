import { type Clock, systemClock } from '../clock.ts'
import type { Environment } from '../config.ts'
import { ConfigurationError, CredentialError, ProtocolError, UnavailableError } from '../errors.ts'
import { networkHint, networkReason, withoutUser } from '../network.ts'
import { retryAfterMs } from '../retry-after.ts'
import type { TransportOptions } from '../token/request.ts'
import { signedAssertion } from './assertion.ts'
import type { Credential } from './credential.ts'
import { exchangeAudience } from './identity-assertion.ts'

/** Where a workflow's token comes from, and for whom it is meant. */
export interface GitHubActionsOptions extends TransportOptions {
  /** Where the runner says how it is asked: `process.env`. It is read at every request. */
  readonly environment: Environment
  /** Default: the token exchange of the authority's cloud, `api://AzureADTokenExchange` in the public one (wire.md §5). */
  readonly audience?: string | undefined
  readonly clock?: Clock | undefined
}

interface Kept {
  readonly token: string
  readonly keptUntilMs: number
}

const TIMEOUT_MS = 10_000
// What is left when the authority reads it must be enough for clocks that differ.
const MARGIN_MS = 60_000

/**
 * Proves the application with the token that GitHub Actions gives to a workflow (wire.md §5). The workflow needs
 * `permissions: id-token: write`, and the application a federated credential for its repository. A token is kept until a
 * minute before its end; 10 s is the time limit of a request unless `timeoutMs` says otherwise.
 *
 * @throws ConfigurationError outside of such a workflow; CredentialError when GitHub refuses; UnavailableError when it is
 * busy or out of reach; ProtocolError when it answers with no token.
 * @example
 * ```ts
 * import { AppIdentity, githubActionsToken } from '@tomte/client'
 * const identity = new AppIdentity({
 *   tenantId: 'contoso.example',
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   credential: githubActionsToken({ environment: process.env }),
 * })
 * ```
 */
export function githubActionsToken(options: GitHubActionsOptions): Credential {
  const kept = new Map<string, Kept>()
  const flights = new Map<string, Promise<Kept>>()
  return signedAssertion(async ({ tokenEndpoint, nowMs }) => {
    const audience = options.audience ?? exchangeAudience(tokenEndpoint)
    const known = kept.get(audience)
    if (known && nowMs < known.keptUntilMs) return known.token
    const flight = flights.get(audience) ?? request(options, audience)
    flights.set(audience, flight)
    try {
      const fresh = await flight
      kept.set(audience, fresh)
      return fresh.token
    } finally {
      flights.delete(audience)
    }
  })
}

async function request(options: GitHubActionsOptions, audience: string): Promise<Kept> {
  const { clock = systemClock, timeoutMs = TIMEOUT_MS, ca } = options
  const { url, bearer } = runner(options.environment)
  url.searchParams.set('audience', audience)
  // Few programs run in a workflow; the others do not load what only this one needs.
  const { boundedRequest } = await import('../bounded-request.ts')
  const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json; api-version=2.0' }
  const response = await boundedRequest({ method: 'GET', url, headers }, { clock, timeoutMs, ca }).catch(
    (error: Error) => {
      throw unreachable(url, error)
    },
  )
  const { status, body } = response
  if (status !== 200) throw refusal(status, retryAfterMs(response.retryAfter, clock.now()))
  const token = valueIn(body)
  return { token, keptUntilMs: endMs(token) - MARGIN_MS }
}

function runner(environment: Environment): { readonly url: URL; readonly bearer: string } {
  const text = environment['ACTIONS_ID_TOKEN_REQUEST_URL']?.trim() ?? ''
  const bearer = environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']?.trim() ?? ''
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && /^[\x21-\x7e]+$/.test(bearer)) return { url, bearer }
  const found =
    text === '' || bearer === ''
      ? 'one of them is missing'
      : url?.protocol === 'https:'
        ? 'the second is no token'
        : `found '${withoutUser(text).split('?', 1)[0]}'`
  throw new ConfigurationError(
    `Cannot ask GitHub Actions for a token, as ACTIONS_ID_TOKEN_REQUEST_URL (an https:// URL) and ACTIONS_ID_TOKEN_REQUEST_TOKEN must be set: ${found}`,
    {
      code: 'github_actions_absent',
      hint: 'Run inside a GitHub Actions workflow whose job has the permission id-token: write',
    },
  )
}

const unreachable = ({ origin }: URL, error: Error) =>
  new UnavailableError(
    `Cannot get a token of GitHub Actions, as ${origin} must be reachable: ${networkReason(error)}`,
    { code: 'github_actions_unreachable', hint: networkHint(error, origin), cause: error },
  )

function refusal(status: number, pauseMs: number | undefined): CredentialError | UnavailableError {
  const message = `Cannot get a token of GitHub Actions: HTTP status ${status}`
  const code = `http_${status}`
  if (status === 429 || status >= 500) return new UnavailableError(message, { code, retryAfterMs: pauseMs })
  return new CredentialError(message, {
    code,
    hint: 'The runner’s request token ends with its job: check that the job is still running, and that it has the permission id-token: write',
  })
}

function valueIn(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && 'value' in parsed) {
      const { value } = parsed
      if (typeof value === 'string' && value.split('.').length === 3) return value
    }
  } catch {
    // What is no JSON has no value either.
  }
  throw new ProtocolError(
    'Cannot use the answer of GitHub Actions, as a JSON object with a signed token in "value" is needed: found something else',
    { code: 'github_actions_malformed', hint: 'Check that no proxy answers for it' },
  )
}

/** When a token ends; one that does not say is used once. */
function endMs(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    if (typeof claims === 'object' && claims !== null && 'exp' in claims && typeof claims.exp === 'number')
      return claims.exp * 1000
  } catch {
    // The authority will say what it thinks of it.
  }
  return 0
}
