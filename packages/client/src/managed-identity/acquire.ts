import { type BoundedResponse, type Bounds, boundedRequest } from '../bounded-request.ts'
import { ConfigurationError, type TomteError, UnavailableError } from '../errors.ts'
import type { Listener } from '../events.ts'
import { isUntrusted, networkHint, networkReason } from '../network.ts'
import type { Acquire, TokenRequest } from '../token/acquire.ts'
import { rolesIn } from '../token/roles.ts'
import type { Token } from '../token/token.ts'
import { readIdentityAnswer } from './answer.ts'
import type { SelectorName, Source } from './source.ts'

/** Which of several identities is meant. */
export interface Selection {
  readonly by: SelectorName
  readonly id: string
}

export interface IdentityAcquireOptions extends Bounds {
  readonly source: Source
  readonly selection: Selection | undefined
  readonly tell: Listener
  /** Counts what is sent. */
  readonly sent: () => void
}

// Where nothing says that there is a source, so many attempts, some seconds, show that there is none.
const GUESSES_MAX = 5

/** Makes the function that asks a source for one token. */
export function identityAcquirer(options: IdentityAcquireOptions): Acquire {
  const { source, clock, tell } = options
  let guesses = source.guessed ? GUESSES_MAX : Number.POSITIVE_INFINITY
  const ask = async (request: TokenRequest): Promise<Token> => {
    try {
      const token = await exchange(options, request)
      guesses = Number.POSITIVE_INFINITY
      return token
    } catch (error) {
      if (!(error instanceof Unreached)) {
        guesses = Number.POSITIVE_INFINITY
        throw error
      }
      guesses -= 1
      throw guesses > 0 ? error.remedy : nobodyThere(error)
    }
  }
  const endpoint = source.endpoint.href
  return async (request) => {
    const { tenant, scope } = request
    const startMs = clock.now()
    try {
      const token = await ask(request)
      const { expiresAtMs, accessToken } = token
      const [durationMs, roles] = [clock.now() - startMs, rolesIn(accessToken)]
      tell({ type: 'token_obtained', tenant, scope, durationMs, endpoint, expiresAtMs, roles })
      return token
    } catch (error) {
      tell({ type: 'token_refused', tenant, scope, durationMs: clock.now() - startMs, endpoint, error })
      throw error
    }
  }
}

async function exchange(options: IdentityAcquireOptions, request: TokenRequest): Promise<Token> {
  const { source, selection, clock, sent } = options
  const resource = request.scope.slice(0, -'/.default'.length)
  const parameters = {
    ...source.parameters,
    resource,
    ...selected(source, selection),
    ...instead(source, request),
  }
  const sentAtMs = clock.now()
  const post = async (headers: Readonly<Record<string, string>>) => {
    sent()
    return send(options, parameters, headers)
  }
  let response = await post({})
  if (response.status === 401 && source.prove)
    response = await post(await source.prove(response.wwwAuthenticate))
  const clientId = selection?.by === 'clientId' ? selection.id : undefined
  return readIdentityAnswer(response, { source, resource, clientId, sentAtMs }, clock.now())
}

function selected(source: Source, selection: Selection | undefined): Readonly<Record<string, string>> {
  if (!selection) return source.unselected ?? {}
  const parameter = source.selectors[selection.by]
  if (parameter !== undefined) return { [parameter]: selection.id }
  const known = Object.keys(source.selectors)
  throw new ConfigurationError(
    `Cannot choose a managed identity by ${selection.by}, as ${source.name} knows ${known.length === 0 ? 'one identity alone' : `no selector but ${known.join(', ')}`}`,
    {
      code: 'selector_unknown',
      hint:
        known.length === 0 ? 'Leave the selector out' : `Select the identity by its ${known.join(' or ')}`,
    },
  )
}

/** After a challenge the source's own cache would serve the very token that was refused. */
const instead = (source: Source, { claims, notToken }: TokenRequest) =>
  claims === undefined || notToken === undefined ? {} : source.instead?.(notToken)

async function send(
  { source, clock, timeoutMs, connectMs, ca }: IdentityAcquireOptions,
  parameters: Readonly<Record<string, string>>,
  proof: Readonly<Record<string, string>>,
): Promise<BoundedResponse> {
  const { method, thumbprint } = source
  const form = new URLSearchParams(parameters)
  const url = new URL(source.endpoint)
  if (method === 'GET') for (const [name, value] of form) url.searchParams.set(name, value)
  const headers = { accept: 'application/json', ...source.headers, ...proof }
  const request = { method, url, headers, body: method === 'POST' ? form.toString() : undefined }
  try {
    return await boundedRequest(request, { clock, timeoutMs, connectMs, ca, thumbprint })
  } catch (error) {
    throw new Unreached(source, error instanceof Error ? error : new Error('unknown network error'))
  }
}

/** No answer came. */
class Unreached extends Error {
  override readonly name = 'Unreached'
  readonly source: Source
  readonly fault: Error

  constructor(source: Source, fault: Error) {
    super(networkReason(fault))
    this.source = source
    this.fault = fault
  }

  get remedy(): TomteError {
    const { name, endpoint } = this.source
    const facts = { hint: networkHint(this.fault, endpoint.origin), cause: this.fault }
    if (isUntrusted(this.fault)) {
      return new ConfigurationError(
        `Cannot get a managed identity's token, as the certificate of ${name} at ${endpoint.origin} must be trusted: ${this.message}`,
        { ...facts, code: 'identity_endpoint_untrusted' },
      )
    }
    return new UnavailableError(
      `Cannot get a managed identity's token, as ${name} must be reachable at ${endpoint.origin}: ${this.message}`,
      { ...facts, code: 'identity_endpoint_unreachable' },
    )
  }
}

const nobodyThere = ({ source, message, fault }: Unreached) =>
  new ConfigurationError(
    `Cannot get a managed identity's token, as this program must run on a host that has one: no variable names a source, and ${source.name} is not at ${source.endpoint.origin}: ${message}`,
    {
      code: 'identity_absent',
      hint: 'Run it on an Azure host with a managed identity, or give it an AppIdentity with a credential of its own',
      cause: fault,
    },
  )
