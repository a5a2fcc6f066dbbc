// JSON batches: what they run, in which order, and what cannot be smuggled through them.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openLogs, query } from '../audit/test-support.ts'
import { assertGraphError, type Json, makeKey, newUser, World } from '../test-support.ts'

let world: World
let reader: string
before(async () => {
  world = await World.start()
  reader = await world.token(
    await world.register(await makeKey(world.clock.ms), { roles: ['User.Read.All'] }),
  )
  await world.user('ada')
})
after(() => world.remove())

const JSON_TYPE = { 'Content-Type': 'application/json' }
const send = (requests: unknown, token?: string) => world.graph('POST', '/$batch', { requests }, token)
const get = (id: string, url: string, more: Json = {}) => ({ id, method: 'GET', url, ...more })
const refused = async (requests: unknown, message: string) =>
  assertGraphError(await send(requests), 400, 'Request_BadRequest', message)

/** The answers of a batch as id, status and error code, in order. */
async function outcomes(requests: unknown, token?: string) {
  const { status, body } = await send(requests, token)
  assert.equal(status, 200)
  return (body['responses'] as Json[]).map(({ id, status: item, body: content }) => [
    id,
    item,
    ((content as Json | undefined)?.['error'] as Json | undefined)?.['code'],
  ])
}

describe('a batch', () => {
  it('runs reads and writes, and gives each answer its own status, headers and body', async () => {
    const { status, body } = await send([
      { id: 'w', method: 'POST', url: '/users', headers: JSON_TYPE, body: newUser('grace') },
      get('r', '/users/grace@contoso.example?$select=displayName'),
      get('n', 'users/nobody@contoso.example'),
      { id: 'd', method: 'delete', url: '/users/grace@contoso.example/manager/$ref' },
    ])
    const [write, read, none, removed] = body['responses'] as Json[]
    assert.equal(status, 200)
    assert.deepEqual([write?.['id'], write?.['status']], ['w', 201])
    assert.deepEqual(read, {
      id: 'r',
      status: 200,
      headers: { 'Content-Type': 'application/json; charset=utf-8', ETag: 'W/"2"' },
      body: {
        '@odata.context': `${world.platform.graphUrl}/$metadata#users(displayName)/$entity`,
        displayName: 'User grace',
      },
    })
    assert.deepEqual([none?.['id'], none?.['status']], ['n', 404])
    assert.deepEqual(removed, { id: 'd', status: 204, headers: {} })
  })

  it('undoes what a refused request had begun, and nothing of its neighbours', async () => {
    const group = (name: string, more: Json) => ({
      method: 'POST',
      url: '/groups',
      headers: JSON_TYPE,
      body: { displayName: name, mailNickname: name, securityEnabled: true, ...more },
    })
    const { id } = await world.done(201, 'POST', '/groups', group('inner', { mailEnabled: false }).body)
    const members = [`${world.platform.graphUrl}/groups/${String(id)}`]
    const requests = [
      { id: 'a', ...group('before', { mailEnabled: false }) },
      // The members are refused after the group has been written.
      {
        id: 'b',
        ...group('half', { mailEnabled: true, groupTypes: ['Unified'], 'members@odata.bind': members }),
      },
      { id: 'c', ...group('after', { mailEnabled: false }) },
    ]
    assert.deepEqual(
      (await outcomes(requests)).map(([, status]) => status),
      [201, 400, 201],
    )
    const { value } = await world.done(200, 'GET', '/groups?$select=displayName')
    assert.deepEqual(
      (value as Json[]).map(({ displayName }) => displayName),
      ['inner', 'before', 'after'],
    )
  })

  it('creates people at once, refuses each by itself, and logs those alone that are there', async () => {
    const create = (id: string, name: string, more: Json = {}, item: Json = {}) => {
      const body = { ...newUser(name), ...more }
      return { id, method: 'POST', url: '/users', headers: JSON_TYPE, body, ...item }
    }
    const requests = [
      create('first', 'hedy'),
      create('unfit', 'katherine', { department: 7 }),
      create('taken', 'HEDY', { jobTitle: 'Inventor' }),
      create('foreign', 'mary', { userPrincipalName: 'mary@elsewhere.example' }),
      create('text', 'joan', {}, { headers: { 'Content-Type': 'text/plain' } }),
      create('last', 'joan', { jobTitle: 'Engineer', businessPhones: ['+1 555 0100'] }),
      create('after', 'annie', {}, { dependsOn: ['taken'] }),
    ]
    const bad = 'Request_BadRequest'
    assert.deepEqual(await outcomes(requests), [
      ['first', 201, undefined],
      ['unfit', 400, bad],
      ['taken', 400, bad],
      ['foreign', 400, bad],
      ['text', 415, bad],
      ['last', 201, undefined],
      ['after', 424, 'FailedDependency'],
    ])
    const $select = 'displayName,jobTitle,businessPhones'
    const joan = await world.done(200, 'GET', `/users/joan@contoso.example?$select=${$select}`)
    const shown = { displayName: 'User joan', jobTitle: 'Engineer', businessPhones: ['+1 555 0100'] }
    assert.deepEqual(joan, shown)
    assert.equal((await world.graph('GET', '/users/katherine@contoso.example')).status, 404)
    const logs = await openLogs(world)
    const added = await logs.rows(
      `/directoryAudits${query({ $filter: "activityDisplayName eq 'Add user'" })}`,
    )
    const people = added.map(({ targetResources }) =>
      String((targetResources as Json[])[0]?.['userPrincipalName']),
    )
    const written = people.filter((name) => /^(?:hedy|katherine|mary|joan|annie)@/i.test(name))
    assert.deepEqual(written.toSorted(), ['hedy@contoso.example', 'joan@contoso.example'])
  })

  it('holds each request to the caller’s roles, whatever token it names itself', async () => {
    const operator = await world.token(await world.operator())
    const headers = { ...JSON_TYPE, Authorization: `Bearer ${operator}`, AUTHORIZATION: `Bearer ${operator}` }
    const create = { id: '2', method: 'POST', url: '/users', headers, body: newUser('smuggled') }
    assert.deepEqual(
      await outcomes([get('1', '/users?$top=1'), create, get('3', '/applications', { headers })], reader),
      [
        ['1', 200, undefined],
        ['2', 403, 'Authorization_RequestDenied'],
        ['3', 403, 'Authorization_RequestDenied'],
      ],
    )
    assert.equal((await world.graph('GET', '/users/smuggled@contoso.example')).status, 404)
    const envelope = await world.send('/graph/v1.0/$batch', {
      method: 'POST',
      headers: JSON_TYPE,
      body: '{}',
    })
    assertGraphError(envelope, 401, 'InvalidAuthenticationToken', 'Access token is empty.')
  })

  it('addresses applications by (appId=…) like any other request', async () => {
    const { clientId } = world.platform.operator
    const urls = [`/applications(appId='${clientId}')`, `/servicePrincipals(appId=%27${clientId}%27)`]
    assert.deepEqual(await outcomes(urls.map((url, index) => get(String(index), url))), [
      ['0', 200, undefined],
      ['1', 200, undefined],
    ])
  })

  it('gives 424 to what depends on a failure, directly or further on, and runs the rest', async () => {
    assert.deepEqual(
      await outcomes([
        get('a', '/users/nobody'),
        get('b', '/users?$top=1', { dependsOn: ['a'] }),
        get('c', '/users?$top=1', { dependsOn: ['b'] }),
        get('d', '/users?$top=1'),
        get('e', '/users?$top=1', { dependsOn: ['D'] }),
        get('f', '/users?$top=1', { dependsOn: ['d', 'a'] }),
      ]),
      [
        ['a', 404, 'Request_ResourceNotFound'],
        ['b', 424, 'FailedDependency'],
        ['c', 424, 'FailedDependency'],
        ['d', 200, undefined],
        ['e', 200, undefined],
        ['f', 424, 'FailedDependency'],
      ],
    )
  })

  it('takes twenty requests and refuses twenty-one, none, and no list', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => get(String(n), '/users?$top=1'))
    assert.equal((await outcomes(many(20))).length, 20)
    await refused(many(21), 'A batch takes at most 20 requests: found 21.')
    for (const none of [[], undefined, {}, 'x']) await refused(none, "A batch needs a list of 'requests'.")
  })

  it('is refused whole for ids, methods, dependencies and bodies that cannot be read', async () => {
    const ids = 'Each request of a batch needs an id of its own.'
    const [good, object] = [
      get('1', '/users'),
      'Unable to read JSON request payload. A JSON object is expected.',
    ]
    const unprintable = { toString: 1, valueOf: 1 }
    for (const [requests, message] of [
      [[good, good], ids],
      [[get('a', '/users'), get('A', '/users')], ids],
      [[{ ...good, id: undefined }], ids],
      [[{ ...good, id: 1 }], ids],
      [[{ ...good, id: '' }], ids],
      [['x'], object],
      [[null], object],
      [[{ ...good, headers: [] }], object],
      [[{ ...good, method: 'TRACE' }], 'Invalid method for request Id: 1.'],
      [[{ ...good, method: unprintable }], 'Invalid method for request Id: 1.'],
      [[{ ...good, dependsOn: ['1'] }], 'Invalid dependency for request Id: 1.'],
      [[{ ...good, dependsOn: ['2'] }, get('2', '/users')], 'Invalid dependency for request Id: 1.'],
      [[{ ...good, dependsOn: 'x' }], 'Invalid dependency for request Id: 1.'],
      [[{ ...good, dependsOn: [unprintable] }], 'Invalid dependency for request Id: 1.'],
      [[{ ...good, headers: { accept: unprintable } }], 'Invalid headers for request Id: 1.'],
      [[{ ...good, body: {} }], 'Request Id: 1 has a body and no Content-Type header.'],
    ] as const) {
      await refused(requests, message)
    }
  })

  const OUTSIDE: readonly unknown[] = [
    '/$batch',
    '$batch',
    '/$BATCH',
    '/%24batch',
    '/$ba\ttch',
    '/$ba\ntch',
    '/./$batch',
    'https://graph.microsoft.com/v1.0/users',
    'HTTPS://localhost/users',
    'ht\ntps://localhost/users',
    '//localhost/users',
    '\\\\localhost/users',
    '/../../',
    '/users/..',
    '/users/../../../',
    '/users/%2e%2e/%2E%2e/%2e./portal',
    '/users/.%2e/../../contoso.example/oauth2/v2.0/token',
    '/users\\..\\..\\..\\portal',
    '/.\t./.\t./portal',
    '/users#x',
    7,
    null,
    { toString: 1 },
  ]
  for (const url of OUTSIDE) {
    it(`refuses the url ${JSON.stringify(url)}: it leads out of the directory, or into another batch`, async () => {
      await refused([get('1', url as string)], 'Invalid url for request Id: 1: it must be relative.')
    })
  }

  it('lets a url ask anything of the directory in its query', async () => {
    const filter = "userPrincipalName eq 'ada@contoso.example'"
    const urls = [`/users?$filter=${filter}`, `/users?$filter=${encodeURIComponent(filter)}&$select=id`]
    for (const url of urls) assert.deepEqual(await outcomes([get('1', url)]), [['1', 200, undefined]])
    const odd = await outcomes([get('1', "/users?$filter=employeeId eq '../$batch//x:'")])
    assert.deepEqual(odd, [['1', 200, undefined]])
  })

  it('answers for itself whatever headers its requests carry', async () => {
    for (const headers of [
      { 'content-length': '5' },
      { 'transfer-encoding': 'chunked' },
      { host: 'example.com' },
      { connection: 'close', expect: '100-continue' },
      { 'x\r\ny': 'z' },
      { cookie: 'a=b' },
    ]) {
      const [outcome] = await outcomes([get('1', '/users?$top=1', { headers })])
      assert.deepEqual(outcome, ['1', 200, undefined], JSON.stringify(headers))
    }
  })
})
