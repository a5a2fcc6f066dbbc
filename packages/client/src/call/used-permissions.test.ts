import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CLIENT } from '../test-support.ts'
import { graph } from './graph.ts'
import { describeLeastPrivilege, leastPrivilegeOf } from './least-privilege.ts'
import { scriptedApi, tokenWith } from './test-support.ts'
import { UsedPermissions } from './used-permissions.ts'

const TABLE = {
  'GET /users': ['Read', 'Write', 'All'],
  'GET /users/delta': ['Delta'],
  'GET /users/:id': ['Read', 'Write', 'All'],
  'POST /users': ['Write', 'All'],
  'GET /groups': ['Groups', 'All'],
  'DELETE /secrets/:id': ['All'],
  'POST /keys': [],
}

const usedBy = (...calls: readonly string[]) => {
  const used = new UsedPermissions(TABLE)
  for (const call of calls) used.note(...(call.split(' ', 2) as [string, string]))
  return used
}

describe('UsedPermissions', () => {
  const routes = [
    ['GET /users', 'GET /users'],
    ['GET users?$top=1', 'GET /users'],
    ['GET /users/1', 'GET /users/:id'],
    ["GET /users(appId='a/b')", 'GET /users/:id'],
    ['GET /users/delta', 'GET /users/delta'],
    ['GET /users/delta?$deltatoken=latest', 'GET /users/delta'],
  ] as const
  for (const [call, route] of routes) {
    it(`knows ${call} as ${route}`, () => {
      assert.deepEqual([usedBy(call).used, usedBy(call).unknown], [[route], []])
    })
  }

  it('names no more of a route that it does not know than method and first segment, and not without end', () => {
    assert.deepEqual(usedBy('GET /mail/anna@contoso.example/messages', 'PUT /users/1').unknown, [
      'GET /mail',
      'PUT /users',
    ])
    const many = Array.from({ length: 1000 }, (_, index) => `GET /made-up-${index}`)
    assert.equal(usedBy(...many).unknown.length, 100)
  })

  it('takes a link and an envelope for no route of their own', () => {
    const used = usedBy('GET https://graph.example/v1.0/users?$skiptoken=a', 'POST /$batch')
    assert.deepEqual([used.used, used.unknown], [[], []])
  })
})

describe('leastPrivilegeOf', () => {
  const cases: readonly (readonly [
    what: string,
    calls: readonly string[],
    held: readonly string[],
    expected: object,
  ])[] = [
    ['nothing', [], ['Read'], { needed: [], missing: [], excess: ['Read'] }],
    ['reading alone', ['GET /users'], ['Read'], { needed: ['Read'], missing: [], excess: [] }],
    ['reading, with more', ['GET /users'], ['All'], { needed: ['Read'], missing: [], excess: ['All'] }],
    [
      'reading and writing',
      ['GET /users', 'POST /users'],
      [],
      { needed: ['Write'], missing: ['Write'], excess: [] },
    ],
    [
      'the greatest alone',
      ['GET /users', 'GET /groups', 'DELETE /secrets/1'],
      ['Read'],
      { needed: ['All'], missing: ['All'], excess: ['Read'] },
    ],
    [
      'two that have nothing in common',
      ['GET /users', 'GET /groups'],
      ['Groups'],
      { needed: ['Groups', 'Read'], missing: ['Read'], excess: [] },
    ],
    ['what nobody needs a permission for', ['POST /keys'], [], { needed: [], missing: [], excess: [] }],
    ['what is not known', ['GET /mail/x'], ['Mail'], { needed: [], missing: [], excess: [] }],
  ]
  for (const [what, calls, held, expected] of cases) {
    it(`finds the smallest set for ${what}`, () => {
      const { needed, missing, excess } = leastPrivilegeOf(usedBy(...calls), held)
      assert.deepEqual({ needed, missing, excess }, expected)
    })
  }

  it('is told in a few lines', () => {
    const text = (calls: readonly string[], held: readonly string[]) =>
      describeLeastPrivilege(leastPrivilegeOf(usedBy(...calls), held))
    assert.equal(text([], []), 'The calls need: none')
    assert.equal(
      text(['GET /users', 'GET /groups'], ['Write', 'Mail']),
      'The calls need: Groups, Read\nTo be granted: Groups\nHeld and not needed: Write, Mail',
    )
    assert.equal(text(['GET /mail'], ['Mail']), 'The calls need: none\nNot known of: GET /mail')
  })
})

describe('Api.leastPrivilege', () => {
  it('knows the routes of Microsoft Graph, of calls and of the items of batches', async (t) => {
    const { identity, origin, server } = await scriptedApi(t, ({ path }) => ({
      body: path.endsWith('/$batch') ? { responses: [{ id: '0', status: 204 }] } : { value: [] },
    }))
    const directory = graph(identity, { baseUrl: `${origin}/v1.0`, ca: server.ca })
    for await (const _ of directory.pages('/users?$select=id'));
    await directory.get(`/servicePrincipals(appId='${CLIENT}')`)
    const held = ['Directory.ReadWrite.All']
    assert.deepEqual((await directory.leastPrivilege(held)).needed, ['Application.Read.All', 'User.Read.All'])
    await directory.batch([{ method: 'PATCH', url: '/users/1', body: {} }])
    assert.deepEqual(await directory.leastPrivilege(held), {
      needed: ['Application.Read.All', 'User.ReadWrite.All'],
      held,
      missing: [],
      excess: held,
      unknown: [],
    })
  })

  it('takes what is held from the token, and nothing from one that it cannot read', async (t) => {
    const heldBy = async (token: string) => {
      const { identity, origin, server } = await scriptedApi(
        t,
        () => ({ body: {} }),
        {},
        () => token,
      )
      return (await graph(identity, { baseUrl: origin, ca: server.ca }).leastPrivilege()).held
    }
    assert.deepEqual(await heldBy(tokenWith(['User.Read.All'])), ['User.Read.All'])
    assert.deepEqual(await heldBy('opaque'), [])
  })

  it('marks bulk calls for Graph, so that they are throttled before others', async (t) => {
    const { identity, origin, server, calls } = await scriptedApi(t, () => ({ body: { value: [] } }))
    const directory = graph(identity, { baseUrl: `${origin}/v1.0`, ca: server.ca })
    for await (const _ of directory.pages('/users'));
    await directory.get('/users')
    await directory.get('/users', { priority: 'interactive' })
    assert.deepEqual(
      calls.map(({ headers }) => headers['x-ms-throttle-priority']),
      ['Low', undefined, 'High'],
    )
  })
})
