import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type Answer, manualClock, scriptedServer, type ScriptedServer } from '../test-support.ts'
import { githubActionsToken, type GitHubActionsOptions } from './github-actions.ts'
import { CONTEXT, proofOf } from './proof-support.ts'

const BEARER = crypto.randomUUID()
const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url')
const NOW_SECONDS = CONTEXT.nowMs / 1000

/** A token of GitHub's: its end, in seconds from now, and what makes it different from the others. */
const workflowToken = (endsInSeconds: number | undefined, number = 1) =>
  `${part({ alg: 'RS256' })}.${part({
    sub: 'repo:acme/shop:environment:prod',
    number,
    ...(endsInSeconds === undefined ? {} : { exp: NOW_SECONDS + endsInSeconds }),
  })}.c2ln`

const runnerAt = ({ origin }: Pick<ScriptedServer, 'origin'>) => ({
  ACTIONS_ID_TOKEN_REQUEST_URL: `${origin}/1/idtoken?api-version=2.0`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: BEARER,
})

async function workflow(
  t: Parameters<typeof scriptedServer>[0],
  answer: (number: number) => Answer,
  options: Partial<GitHubActionsOptions> = {},
) {
  const server = await scriptedServer(t, (_, number) => answer(number))
  const environment = runnerAt(server)
  const credential = githubActionsToken({ environment, ca: server.ca, clock: manualClock(), ...options })
  return { credential, server }
}

describe('githubActionsToken', () => {
  it('asks the runner for a token for the authority and sends it as assertion', async (t) => {
    const { credential, server } = await workflow(t, () => ({
      body: { count: 1, value: workflowToken(300) },
    }))
    assert.deepEqual(await proofOf(credential), {
      headers: {},
      body: {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: workflowToken(300),
      },
    })
    const [{ method, path, headers }] = server.received as [(typeof server.received)[0]]
    assert.equal(method, 'GET')
    assert.equal(path, '/1/idtoken?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange')
    assert.equal(headers.authorization, `Bearer ${BEARER}`)
  })

  for (const [tokenEndpoint, given, audience] of [
    ['https://login.microsoftonline.us/t/oauth2/v2.0/token', undefined, 'api://AzureADTokenExchangeUSGov'],
    [
      'https://login.partner.microsoftonline.cn/t/oauth2/v2.0/token',
      undefined,
      'api://AzureADTokenExchangeChina',
    ],
    ['https://login.microsoftonline.us/t/oauth2/v2.0/token', 'urn:acme', 'urn:acme'],
  ] as const) {
    it(`names the audience ${audience}`, async (t) => {
      const { credential, server } = await workflow(t, () => ({ body: { value: workflowToken(300) } }), {
        audience: given,
      })
      await credential({ body: new URLSearchParams(), headers: {} }, { ...CONTEXT, tokenEndpoint })
      assert.equal(
        new URL(server.received[0]?.path ?? '', 'https://x').searchParams.get('audience'),
        audience,
      )
    })
  }

  it('keeps a token until a minute before its end', async (t) => {
    const { credential, server } = await workflow(t, (number) => ({
      body: { value: workflowToken(300, number) },
    }))
    const tokenAt = async (seconds: number) => {
      const body = new URLSearchParams()
      await credential({ body, headers: {} }, { ...CONTEXT, nowMs: CONTEXT.nowMs + seconds * 1000 })
      return body.get('client_assertion')
    }
    assert.equal(await tokenAt(0), workflowToken(300, 1))
    assert.equal(await tokenAt(239), workflowToken(300, 1))
    assert.equal(await tokenAt(240), workflowToken(300, 2))
    assert.equal(server.received.length, 2)
  })

  it('uses a token that does not say when it ends once', async (t) => {
    const { credential, server } = await workflow(t, () => ({ body: { value: workflowToken(undefined) } }))
    await proofOf(credential)
    await proofOf(credential)
    assert.equal(server.received.length, 2)
  })

  it('asks once for all who ask at the same time, and anew after a failure', async (t) => {
    const { credential, server } = await workflow(t, (number) =>
      number === 1 ? { status: 503 } : { body: { value: workflowToken(300) } },
    )
    const failed = await Promise.allSettled([1, 2, 3].map(() => proofOf(credential)))
    assert.deepEqual(
      failed.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    )
    await Promise.all([1, 2, 3].map(() => proofOf(credential)))
    assert.equal(server.received.length, 2)
  })

  for (const [status, name, facts] of [
    [401, 'CredentialError', {}],
    [403, 'CredentialError', {}],
    [302, 'CredentialError', {}],
    [429, 'UnavailableError', { retryAfterMs: 9000 }],
    [500, 'UnavailableError', { retryAfterMs: 9000 }],
  ] as const) {
    it(`makes ${name} of ${status}, without what was answered`, async (t) => {
      const headers = { 'retry-after': '9', location: 'https://elsewhere.example/' }
      const { credential, server } = await workflow(t, () => ({ status, headers, body: BEARER }))
      const error: unknown = await proofOf(credential).catch((caught: unknown) => caught)
      assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(BEARER))
      await assert.rejects(Promise.reject(error as Error), {
        name,
        code: `http_${status}`,
        message: `Cannot get a token of GitHub Actions: HTTP status ${status}`,
        ...facts,
      })
      assert.equal(server.received.length, 1)
    })
  }

  for (const body of ['<html>', '[]', {}, { value: 5 }, { value: 'no.token' }, 'null']) {
    it(`refuses the answer ${JSON.stringify(body)}`, async (t) => {
      const { credential } = await workflow(t, () => ({ body }))
      await assert.rejects(proofOf(credential), {
        name: 'ProtocolError',
        code: 'github_actions_malformed',
        message:
          'Cannot use the answer of GitHub Actions, as a JSON object with a signed token in "value" is needed: found something else',
      })
    })
  }

  it('gives up after 10 s', async (t) => {
    const clock = manualClock()
    const { credential, server } = await workflow(t, () => () => clock.pass(10_000), { clock })
    await assert.rejects(proofOf(credential), {
      name: 'UnavailableError',
      code: 'github_actions_unreachable',
      message: `Cannot get a token of GitHub Actions, as ${server.origin} must be reachable: no answer within 10000 ms`,
    })
  })

  const HTTPS = 'https://runner.example/token?secret=1'
  for (const [environment, found] of [
    [{}, 'one of them is missing'],
    [{ ACTIONS_ID_TOKEN_REQUEST_URL: HTTPS }, 'one of them is missing'],
    [{ ACTIONS_ID_TOKEN_REQUEST_TOKEN: BEARER }, 'one of them is missing'],
    [
      { ACTIONS_ID_TOKEN_REQUEST_URL: HTTPS, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'a\nb' },
      'the second is no token',
    ],
    [
      { ACTIONS_ID_TOKEN_REQUEST_URL: HTTPS.replace('s:', ':'), ACTIONS_ID_TOKEN_REQUEST_TOKEN: BEARER },
      "found 'http://runner.example/token'",
    ],
  ] as const) {
    it(`refuses an environment where ${found}: ${Object.keys(environment).join(', ')}`, async () => {
      await assert.rejects(proofOf(githubActionsToken({ environment })), {
        name: 'ConfigurationError',
        code: 'github_actions_absent',
        message: `Cannot ask GitHub Actions for a token, as ACTIONS_ID_TOKEN_REQUEST_URL (an https:// URL) and ACTIONS_ID_TOKEN_REQUEST_TOKEN must be set: ${found}`,
        hint: 'Run inside a GitHub Actions workflow whose job has the permission id-token: write',
      })
    })
  }
})
