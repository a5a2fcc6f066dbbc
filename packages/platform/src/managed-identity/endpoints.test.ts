// Each source of managed identities over the wire: what it demands, what it answers, and how it refuses (wire.md §10).
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { type Answer, claimsOf, type Json } from '../test-support.ts'
import { SOURCES, type SourceName } from './sources.ts'
import { GRAPH, type IdentityWorld, sendHttp, startHost } from './test-support.ts'

let host: IdentityWorld
before(async () => {
  host = await startHost([
    { kind: 'system', name: 'machine' },
    { kind: 'user', name: 'batch' },
    { kind: 'user', name: 'mail' },
  ])
})
after(() => host.world.remove())

const now = () => host.world.clock.ms / 1000

/** A proper request to a source, of which a test changes what it is about. */
interface Request {
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly resource?: string
}

const VERSIONS: Readonly<Record<SourceName, string | undefined>> = {
  imds: '2018-02-01',
  'app-service': '2019-08-01',
  'azure-arc': '2020-06-01',
  'service-fabric': '2019-07-01-preview',
  'machine-learning': '2017-09-01',
  'cloud-shell': undefined,
}
const NAMES = Object.keys(SOURCES) as SourceName[]

/** The headers with which each source is convinced. */
async function proof(source: SourceName): Promise<Readonly<Record<string, string>>> {
  const variables = await host.environment(source)
  const metadata = { metadata: 'true' }
  switch (source) {
    case 'imds':
    case 'cloud-shell':
      return metadata
    case 'azure-arc': {
      const { headers } = await host.send(`/azure-arc/metadata/identity/oauth2/token`, { headers: metadata })
      const file = String(headers['www-authenticate']).slice('Basic realm='.length)
      return { ...metadata, authorization: `Basic ${await readFile(file, 'utf8')}` }
    }
    case 'app-service':
      return { 'x-identity-header': String(variables['IDENTITY_HEADER']) }
    case 'service-fabric':
      return { secret: String(variables['IDENTITY_HEADER']) }
    case 'machine-learning':
      return { secret: String(variables['MSI_SECRET']) }
  }
}

async function ask(source: SourceName, { query = {}, headers, resource = GRAPH }: Request = {}) {
  const version = VERSIONS[source]
  const sent = new URLSearchParams({
    ...(version === undefined ? {} : { 'api-version': version }),
    resource,
    ...query,
  })
  return put(source, sent.toString(), headers ?? (await proof(source)))
}

function put(source: SourceName, text: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const [path] = SOURCES[source].paths
  if (SOURCES[source].method === 'GET') return host.send(`${path}?${text}`, { headers })
  const typed = { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8', ...headers }
  return host.send(path, { method: 'POST', headers: typed, body: text })
}

/** Every value of an answer but the token itself. */
function withoutToken({ status, body, text }: Answer): Json {
  assert.equal(status, 200, text)
  assert.match(String(body['access_token']), /^ey[\w-]+\.[\w-]+\.[\w-]+$/)
  return { ...body, access_token: '…' }
}

const TEXTS = () => ({
  access_token: '…',
  client_id: host.identity('machine').clientId,
  expires_in: '86399',
  expires_on: String(now() + 86_400),
  ext_expires_in: '86399',
  not_before: String(now() - 300),
  resource: GRAPH,
  token_type: 'Bearer',
})

const ANSWERS: Readonly<Record<SourceName, () => Json>> = {
  imds: TEXTS,
  'azure-arc': TEXTS,
  'cloud-shell': TEXTS,
  'app-service': () => ({
    access_token: '…',
    expires_on: String(now() + 86_400),
    resource: GRAPH,
    token_type: 'Bearer',
    client_id: host.identity('machine').clientId,
  }),
  'service-fabric': () => ({
    token_type: 'Bearer',
    access_token: '…',
    expires_on: now() + 86_400,
    resource: GRAPH,
  }),
  'machine-learning': () => ({
    access_token: '…',
    client_id: host.identity('machine').clientId,
    expires_on: String(now() + 86_400),
    resource: GRAPH,
    token_type: 'Bearer',
  }),
}

describe('a managed identity endpoint', () => {
  for (const source of NAMES) {
    it(`of ${source} answers in its own shape, with a token of the system-assigned identity`, async () => {
      const answer = await ask(source)
      assert.deepEqual(withoutToken(answer), ANSWERS[source]())
      assert.equal(answer.headers['cache-control'], 'no-store')
      const { sub, xms_mirid: resourceId } = claimsOf(String(answer.body['access_token']))
      const machine = host.identity('machine')
      assert.deepEqual([sub, resourceId], [machine.principalId, machine.resourceId])
    })
  }

  it('answers under each of its paths', async () => {
    for (const source of NAMES) {
      for (const path of SOURCES[source].paths.slice(1)) {
        const query = new URLSearchParams({ 'api-version': VERSIONS[source] ?? '', resource: GRAPH })
        const { status, text } = await host.send(`${path}?${query.toString()}`, {
          headers: await proof(source),
        })
        assert.equal(status, 200, `${path}: ${text}`)
      }
    }
  })

  it('answers to this machine’s names alone', async () => {
    const headers = { metadata: 'true', host: 'attacker.example' }
    const { status } = await host.send('/metadata/identity/oauth2/token', { headers })
    assert.equal(status, 421)
  })

  it('is nowhere else', async () => {
    const unknown = await host.send('/metadata/identity/oauth2/tokens?resource=x', {
      headers: { metadata: 'true' },
    })
    assert.deepEqual(
      [unknown.status, unknown.body],
      [
        401,
        { error: 'unknown_source', error_description: 'Unknown Source /metadata/identity/oauth2/tokens' },
      ],
    )
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/cloud-shell/msi/token'],
      ['POST', '/app-service/msi/token'],
      ['HEAD', '/app-service/msi/token'],
    ] as const)
      assert.equal((await host.send(path, { method })).status, 404, `${method} ${path}`)
  })
})

const MULTIPLE = { query: { client_id: 'x', object_id: 'x' } }
const NONE = { client_id: '00000000-0000-4000-8000-000000000000' }
const LONG = { resource: `api://${'x'.repeat(2048)}` }
const imdsError = (error: string, text: string) => ({ error, error_description: text })
const MALFORMED = 'A parameter is doubled, too long or contradicts another'
const VERSION = "Required query variable 'api-version' is missing or not supported"
const RESOURCE = "Required query variable 'resource' is missing"
const HEADER = 'Required metadata header not specified'
const PROXY = 'Requests that a proxy has forwarded are refused'
const WRONG_SECRET = 'The secret of this endpoint is missing or wrong'
const NO_SECRET = 'Secret is not found in the request headers.'
const appService = (status: number, message: string) => ({ statusCode: status, message, correlationId: '…' })
const fabric = (code: string, message: string) => ({ error: { correlationId: '…', code, message } })
const nested = (code: string, message: string) => ({ error: { code, message } })

/** Source, what is wrong, the request, and the whole answer. */
const REFUSED: readonly (readonly [SourceName, string, Request, number, Json])[] = [
  ['imds', 'no header', { headers: {} }, 400, imdsError('bad_request_102', HEADER)],
  ['imds', 'another header', { headers: { metadata: '1' } }, 400, imdsError('bad_request_102', HEADER)],
  [
    'imds',
    'a proxy',
    { headers: { metadata: 'true', 'x-forwarded-for': '10.0.0.1' } },
    400,
    imdsError('bad_request_102', PROXY),
  ],
  [
    'imds',
    'an old version',
    { query: { 'api-version': '2017-09-01' } },
    400,
    imdsError('invalid_request', VERSION),
  ],
  ['imds', 'no resource', { resource: '' }, 400, imdsError('invalid_request', RESOURCE)],
  ['imds', 'two selectors', MULTIPLE, 400, imdsError('invalid_request', MALFORMED)],
  ['imds', 'a value that is too long', LONG, 400, imdsError('invalid_request', MALFORMED)],
  [
    'imds',
    'another source’s selector',
    { query: { clientid: 'x' } },
    400,
    imdsError('invalid_request', MALFORMED),
  ],
  ['imds', 'an unknown identity', { query: NONE }, 400, imdsError('invalid_request', 'Identity not found')],
  ['app-service', 'no secret', { headers: {} }, 401, appService(401, WRONG_SECRET)],
  [
    'app-service',
    'a wrong secret',
    { headers: { 'x-identity-header': 'x' } },
    401,
    appService(401, WRONG_SECRET),
  ],
  [
    'app-service',
    'the metadata header alone',
    { headers: { metadata: 'true' } },
    401,
    appService(401, WRONG_SECRET),
  ],
  [
    'app-service',
    'an unknown identity',
    { query: NONE },
    400,
    appService(
      400,
      'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
    ),
  ],
  [
    'app-service',
    'an unknown resource',
    { resource: 'api://nothing' },
    500,
    appService(500, 'An unexpected error occured while fetching the AAD Token.'),
  ],
  ['azure-arc', 'no header', { headers: {} }, 400, imdsError('bad_request_102', HEADER)],
  [
    'azure-arc',
    'a key of nobody’s',
    { headers: { metadata: 'true', authorization: 'Basic x' } },
    401,
    imdsError('unauthorized', WRONG_SECRET),
  ],
  ['azure-arc', 'a selector', { query: NONE }, 400, imdsError('invalid_request', MALFORMED)],
  ['service-fabric', 'no secret', { headers: {} }, 400, fabric('SecretHeaderNotFound', NO_SECRET)],
  [
    'service-fabric',
    'another version',
    { query: { 'api-version': '2018-02-01' } },
    400,
    fabric('InvalidApiVersion', 'The api-version is not supported.'),
  ],
  [
    'service-fabric',
    'no resource',
    { resource: '' },
    400,
    fabric('ArgumentNullOrEmpty', "The parameter 'resource' should not be null or empty string."),
  ],
  [
    'service-fabric',
    'a selector',
    { query: NONE },
    400,
    fabric('InvalidArgument', 'A parameter is doubled, too long or not known.'),
  ],
  [
    'service-fabric',
    'an unknown resource',
    { resource: 'api://nothing' },
    500,
    fabric('InternalServerError', 'The token service refused the request.'),
  ],
  [
    'machine-learning',
    'a wrong secret',
    { headers: { secret: '' } },
    401,
    nested('unauthorized', WRONG_SECRET),
  ],
  [
    'machine-learning',
    'an unknown identity',
    { query: { clientid: 'x' } },
    400,
    nested('invalid_request', 'Identity not found'),
  ],
  ['cloud-shell', 'no header', { headers: {} }, 400, nested('bad_request_102', HEADER)],
  [
    'cloud-shell',
    'an unknown resource',
    { resource: 'api://nothing' },
    400,
    nested('AudienceNotSupported', 'The audience is not a supported MSI token audience.'),
  ],
]

describe('a managed identity endpoint refuses', () => {
  for (const [source, what, request, status, body] of REFUSED) {
    it(`${what}, as ${source} does`, async () => {
      const answer = await ask(source, request)
      const text = answer.text.replace(/("correlationId":")[0-9a-f-]{36}"/, '$1…"')
      assert.deepEqual({ status: answer.status, body: JSON.parse(text) as Json }, { status, body })
    })
  }

  it('a resource that the tenant does not have, in the words of the token endpoint', async () => {
    const { status, body } = await host.imds({ resource: 'api://nothing' })
    assert.deepEqual([status, body['error']], [400, 'invalid_resource'])
    assert.equal(
      body['error_description'],
      `AADSTS500011: The resource principal named api://nothing was not found in the tenant named ${host.world.tenantId}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`,
    )
  })

  it('a doubled parameter, in a query and in a form', async () => {
    for (const [source, body] of [
      ['imds', imdsError('invalid_request', MALFORMED)],
      ['cloud-shell', nested('invalid_request', MALFORMED)],
    ] as const) {
      const text = `api-version=2018-02-01&resource=${GRAPH}&resource=${GRAPH}`
      const answer = await put(source, text, { metadata: 'true' })
      assert.deepEqual([answer.status, answer.body], [400, body], source)
    }
  })

  it('more than 20 requests in a second, where Azure does', async () => {
    const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${GRAPH}`
    const headers = { metadata: 'true' }
    host.world.clock.ms += 1000
    const answers = []
    for (let count = 1; count <= 21; count++)
      answers.push(await sendHttp(host.host.origin, path, { headers }))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [...Array.from({ length: 20 }, () => 200), 429],
    )
    assert.deepEqual(
      answers.at(-1)?.body,
      imdsError('too_many_requests', 'Too many requests: wait before the next one'),
    )
    assert.equal((await host.imds()).status, 200)
  })
})
