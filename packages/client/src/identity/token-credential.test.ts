import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { api } from '../call/api.ts'
import { UnavailableError } from '../errors.ts'
import { identityAt, manualClock, scriptedServer, tokenAnswer } from '../test-support.ts'
import { type BorrowedToken, identityFrom, type TokenCredentialOptions } from './token-credential.ts'

const ORDERS = 'api://orders/.default'
const END_MS = Date.UTC(2026, 8, 21, 1)

interface Borrowing {
  readonly scopes: string | string[]
  readonly options: TokenCredentialOptions
  readonly give: (token: BorrowedToken | null) => void
  readonly fail: (error: unknown) => void
}

/** Somebody else's credential, which answers when a test says so. */
function slowCredential() {
  const asked: Borrowing[] = []
  const getToken = (scopes: string | string[], options: TokenCredentialOptions = {}) =>
    new Promise<BorrowedToken | null>((give, fail) => asked.push({ scopes, options, give, fail }))
  return { asked, getToken }
}

/** One that answers at once, each time with another token. */
function quickCredential(facts: Partial<BorrowedToken> = {}) {
  const asked: TokenCredentialOptions[] = []
  return {
    asked,
    getToken: async (_: string | string[], options: TokenCredentialOptions = {}) => {
      asked.push(options)
      return { token: `token-${asked.length}`, expiresOnTimestamp: END_MS, ...facts }
    },
  }
}

const failing = (error: unknown) => identityFrom({ getToken: () => Promise.reject(error as Error) })

describe('identityFrom', () => {
  it('gives what the credential gives, asked each time', async () => {
    const credential = quickCredential()
    const identity = identityFrom(credential)
    assert.deepEqual(await identity.getToken(ORDERS), {
      token: 'token-1',
      expiresOnTimestamp: END_MS,
      refreshAfterTimestamp: END_MS,
      tokenType: 'Bearer',
    })
    assert.equal((await identity.getToken([ORDERS])).token, 'token-2')
    assert.equal((await identity.tokenSource(ORDERS).token()).token, 'token-3')
    const refreshing = identityFrom(quickCredential({ refreshAfterTimestamp: 5, tokenType: 'Bearer' }))
    assert.equal((await refreshing.getToken(ORDERS)).refreshAfterTimestamp, 5)
  })

  it('hands claims, tenant and forced refresh through', async () => {
    const credential = quickCredential()
    const options = { claims: '{}', tenantId: 'fabrikam.example', forceRefresh: true }
    await identityFrom(credential).getToken(ORDERS, options)
    await identityFrom(credential).getToken(ORDERS)
    const [full, bare] = credential.asked.map(({ abortSignal, ...others }) => {
      assert.equal(abortSignal?.aborted, false)
      return others
    })
    assert.deepEqual(full, options)
    assert.deepEqual(bare, {})
  })

  it('lets callers of the same token share one request, and no others', async () => {
    const credential = slowCredential()
    const identity = identityFrom(credential)
    const one = [identity.getToken(ORDERS), identity.getToken([ORDERS])]
    const others = [
      identity.getToken(ORDERS, { tenantId: 'a.example' }),
      identity.getToken(ORDERS, { tenantId: 'b.example' }),
      identity.getToken(ORDERS, { claims: '{}' }),
      identity.getToken('api://stock/.default'),
    ]
    assert.equal(credential.asked.length, 5)
    // Answered in reverse, so that none can get what is another's.
    for (const [index, { give }] of [...credential.asked.entries()].reverse())
      give({ token: `token-${index}`, expiresOnTimestamp: END_MS })
    const tokens = (await Promise.all([...one, ...others])).map(({ token }) => token)
    assert.deepEqual(tokens, ['token-0', 'token-0', 'token-1', 'token-2', 'token-3', 'token-4'])
  })

  it('ends one caller’s wait by signal, and the request when nobody waits any more', async () => {
    const credential = slowCredential()
    const identity = identityFrom(credential)
    const [first, second] = [new AbortController(), new AbortController()]
    const waits = [first, second].map(({ signal }) => identity.getToken(ORDERS, { abortSignal: signal }))
    const reasons = [new Error('first'), new Error('second')]
    first.abort(reasons[0])
    await assert.rejects(waits[0] ?? Promise.resolve(), reasons[0])
    assert.equal(credential.asked[0]?.options.abortSignal?.aborted, false)
    second.abort(reasons[1])
    await assert.rejects(waits[1] ?? Promise.resolve(), reasons[1])
    assert.equal(credential.asked[0]?.options.abortSignal?.aborted, true)
    credential.asked[0]?.fail(new Error('aborted'))
    void identity.getToken(ORDERS)
    assert.equal(credential.asked.length, 2)
  })

  it('waits 30 s unless told otherwise', async () => {
    const clock = manualClock()
    const identity = identityFrom(slowCredential(), { clock })
    const wait = identity.getToken(ORDERS)
    clock.pass(30_000)
    await assert.rejects(wait, {
      name: 'UnavailableError',
      code: 'token_timeout',
      message: `Cannot get a token for ${ORDERS} from the borrowed credential, as one is needed within 30000 ms: the authority has not answered yet`,
    })
    const short = identity.tokenSource(ORDERS).token({ timeoutMs: 5 })
    clock.pass(5)
    await assert.rejects(short, { code: 'token_timeout' })
  })

  for (const [given, found] of [
    [null, 'it gave none'],
    [{ token: '', expiresOnTimestamp: END_MS }, 'it gave an empty one'],
    [{ token: 'x', expiresOnTimestamp: Number.NaN }, 'it does not say when it ends'],
    [{ token: 'x', expiresOnTimestamp: END_MS, tokenType: 'pop' }, "it is of type 'pop'"],
  ] as const) {
    it(`refuses a token where ${found}`, async () => {
      await assert.rejects(identityFrom({ getToken: async () => given }).getToken(ORDERS), {
        name: 'CredentialError',
        code: 'borrowed_token_unusable',
        message: `Cannot get a token for ${ORDERS} from the borrowed credential, as a Bearer token with its end is needed: ${found}`,
        hint: 'Check that the credential works by itself',
      })
    })
  }

  it('makes errors of ours of the credential’s, without what they hold', async () => {
    const request = { body: `client_secret=${crypto.randomUUID()}` }
    const foreign = Object.assign(new Error('AADSTS7000215: Wrong.\r\nTrace ID: 1'), {
      request,
      statusCode: 401,
    })
    foreign.name = 'AuthenticationError'
    const caught = await failing(foreign)
      .getToken(ORDERS)
      .catch((error: unknown) => error)
    assert.equal((caught as Error).cause, undefined)
    await assert.rejects(Promise.reject(caught as Error), {
      name: 'CredentialError',
      code: 'borrowed_credential_failed',
      message: `Cannot get a token for ${ORDERS} from the borrowed credential: AuthenticationError: AADSTS7000215: Wrong.`,
    })
    for (const statusCode of [429, 503]) {
      const busy = failing(Object.assign(new Error('busy'), { statusCode }))
      await assert.rejects(busy.getToken(ORDERS), {
        name: 'UnavailableError',
        code: 'borrowed_credential_unavailable',
        message: `Cannot get a token for ${ORDERS} from the borrowed credential: Error: busy`,
      })
    }
    const ours = new UnavailableError('down', { code: 'http_503' })
    await assert.rejects(failing(ours).getToken(ORDERS), ours)
    await assert.rejects(failing('a text').getToken(ORDERS), { code: 'borrowed_credential_failed' })
  })

  it('refuses to ask for nothing', async () => {
    const identity = identityFrom(quickCredential())
    for (const scopes of ['', [], ['']])
      await assert.rejects(identity.getToken(scopes), { name: 'ConfigurationError', code: 'scope_invalid' })
    assert.throws(() => identity.tokenSource(''), { code: 'scope_invalid' })
  })

  it('calls an API, and repeats a call that was refused with another token', async (t) => {
    const asked: TokenCredentialOptions[] = []
    let renewals = 1
    const credential = {
      getToken: async (_: string | string[], options: TokenCredentialOptions = {}) => {
        asked.push(options)
        if (options.forceRefresh) renewals += 1
        return { token: `token-${renewals}`, expiresOnTimestamp: END_MS }
      },
    }
    const { origin, ca, received } = await scriptedServer(t, ({ headers }) =>
      headers.authorization === 'Bearer token-2' ? { body: { state: 'open' } } : { status: 401 },
    )
    const orders = api(identityFrom(credential, { clientId: 'orders-sync' }), {
      baseUrl: origin,
      scope: ORDERS,
      ca,
    })
    assert.deepEqual(await orders.get('/orders/1'), { state: 'open' })
    assert.equal(received.length, 2)
    assert.deepEqual(
      asked.map(({ forceRefresh }) => forceRefresh),
      [undefined, true],
    )
  })

  it('makes an AppIdentity renew its token when an API has refused it', async (t) => {
    const server = await scriptedServer(t, (_, number) => tokenAnswer(`token-${number}`))
    const source = identityFrom(identityAt(server)).tokenSource(ORDERS)
    const { token } = await source.token()
    assert.equal((await source.token()).token, token)
    assert.equal((await source.tokenAfterRefusal(token)).token, 'token-2')
  })
})
