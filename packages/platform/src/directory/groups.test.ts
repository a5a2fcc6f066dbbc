// Groups over the wire: what may be written, who belongs to them, and what comes back after a deletion.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { assertGraphError, type Json, makeKey, World } from '../test-support.ts'

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

const newGroup = (name: string, properties: Json = {}): Json => ({
  displayName: `Group ${name}`,
  mailEnabled: false,
  mailNickname: name,
  securityEnabled: true,
  ...properties,
})
const unified = (name: string) => newGroup(name, { groupTypes: ['Unified'], mailEnabled: true })
const make = async (body: Json) => String((await world.done(201, 'POST', '/groups', body))['id'])
const link = (id: string, collection = 'directoryObjects') => ({
  '@odata.id': `${world.platform.graphUrl}/${collection}/${id}`,
})
const add = (group: string, member: string) =>
  world.done(204, 'POST', `/groups/${group}/members/$ref`, link(member))
const idsOf = async (path: string) =>
  ((await world.done(200, 'GET', path))['value'] as Json[]).map(({ id }) => String(id)).sort()
const refused = async (method: string, path: string, body: unknown, message: string) =>
  assertGraphError(await world.graph(method, path, body), 400, 'Request_BadRequest', message)
const missing = async (method: string, path: string, id: string, body?: unknown) =>
  assertGraphError(
    await world.graph(method, path, body),
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  )
const eventual = async (path: string) => {
  const token = await world.token(await world.operator())
  const headers = { authorization: `Bearer ${token}`, consistencylevel: 'eventual' }
  return world.send(`/graph/v1.0${path}`, { headers })
}

describe('POST /groups', () => {
  it('returns what it has made', async () => {
    const made = await world.done(201, 'POST', '/groups', unified('crew'))
    const { id, ...rest } = made
    assert.match(String(id), /^[0-9a-f-]{36}$/)
    assert.deepEqual(rest, {
      classification: null,
      createdDateTime: `${new Date(world.clock.ms).toISOString().slice(0, 19)}Z`,
      description: null,
      displayName: 'Group crew',
      groupTypes: ['Unified'],
      isAssignableToRole: null,
      mail: 'crew@contoso.example',
      mailEnabled: true,
      mailNickname: 'crew',
      securityEnabled: true,
      visibility: null,
    })
    assert.deepEqual(await world.done(200, 'GET', `/groups/${String(id)}`), made)
    await refused(
      'POST',
      '/groups',
      unified('CREW'),
      'Another object with the same value for property mailNickname already exists.',
    )
    assert.match(await make(newGroup('crew')), /-/)
  })

  it('takes members and owners along', async () => {
    const [ada, bob] = [await world.user('b-ada'), await world.user('b-bob')]
    const id = await make(
      newGroup('bound', {
        'members@odata.bind': [link(ada, 'users')['@odata.id'], link(bob)['@odata.id']],
        'owners@odata.bind': [link(ada, 'users')['@odata.id']],
      }),
    )
    assert.deepEqual(await idsOf(`/groups/${id}/members`), [ada, bob].sort())
    assert.deepEqual(await idsOf(`/groups/${id}/owners`), [ada])
    const expanded = await world.done(
      200,
      'GET',
      `/groups/${id}?$select=id&$expand=members($select=mailNickname)`,
    )
    assert.deepEqual((expanded['members'] as Json[]).map(({ mailNickname }) => String(mailNickname)).sort(), [
      'b-ada',
      'b-bob',
    ])
    const nobody = randomUUID()
    await missing(
      'POST',
      '/groups',
      nobody,
      newGroup('none', { 'members@odata.bind': [link(nobody)['@odata.id']] }),
    )
    const { value } = await world.done(
      200,
      'GET',
      "/groups?$filter=mailNickname eq 'none'".replaceAll(' ', '%20'),
    )
    assert.deepEqual(value, [])
  })

  for (const [what, body, message] of [
    [
      'no name',
      { displayName: undefined },
      "A value is required for property 'displayName' of resource 'Group'.",
    ],
    [
      'a property of users',
      { jobTitle: 'x' },
      "Property 'jobTitle' does not exist on type 'microsoft.graph.group'.",
    ],
    ['an address', { mail: 'x@y.example' }, "Property 'mail' is read-only and cannot be set."],
    [
      'an unknown type',
      { groupTypes: ['Clan'] },
      "Invalid value specified for property 'groupTypes' of resource 'Group'.",
    ],
    [
      'a type twice',
      { groupTypes: ['Unified', 'Unified'] },
      "Invalid value specified for property 'groupTypes' of resource 'Group'.",
    ],
    [
      'members by rule',
      { groupTypes: ['DynamicMembership'] },
      'Groups with dynamic membership are not supported here: members are added one by one.',
    ],
    [
      'hidden members',
      { visibility: 'HiddenMembership' },
      "The visibility 'HiddenMembership' is for Microsoft 365 groups alone.",
    ],
    [
      'a blank nickname',
      { mailNickname: 'a b' },
      "Invalid value specified for property 'mailNickname' of resource 'Group'.",
    ],
    [
      '21 members',
      { 'members@odata.bind': Array.from({ length: 21 }, () => 'x') },
      "'members@odata.bind' must be a list of 1 to 20 links.",
    ],
    [
      'a link elsewhere',
      { 'members@odata.bind': ['https://x.example/shoes/1'] },
      "Invalid URL format specified in '@odata.id'.",
    ],
    ...(['mailEnabled', 'securityEnabled'] as const).map(
      (name) =>
        [
          `a kind that Graph cannot make, by ${name}`,
          { [name]: name === 'mailEnabled' },
          "A group is a Microsoft 365 group (groupTypes 'Unified', mailEnabled true) or a security group (mailEnabled false, securityEnabled true).",
        ] as const,
    ),
  ] as readonly (readonly [string, Json, string])[])
    it(`refuses ${what}`, () => refused('POST', '/groups', newGroup('odd', body), message))
})

describe('PATCH /groups/{id}', () => {
  it('changes what is sent, and nothing that is fixed', async () => {
    const id = await make(unified('patched'))
    const ada = await world.user('p-ada')
    await world.done(204, 'PATCH', `/groups/${id}`, { description: 'all of us', mailNickname: 'renamed' })
    await world.done(204, 'PATCH', `/groups/${id}`, { 'members@odata.bind': [link(ada)['@odata.id']] })
    const { description, mail } = await world.done(200, 'GET', `/groups/${id}?$select=description,mail`)
    assert.deepEqual([description, mail], ['all of us', 'renamed@contoso.example'])
    assert.deepEqual(await idsOf(`/groups/${id}/members`), [ada])
    await refused(
      'PATCH',
      `/groups/${id}`,
      { groupTypes: [] },
      "Property 'groupTypes' is read-only and cannot be set.",
    )
    await refused(
      'PATCH',
      `/groups/${id}`,
      {},
      'Write requests must contain at least one property to change.',
    )
    await missing('PATCH', `/groups/${ada}`, ada, { description: 'x' })
  })
})

describe('the members of a group', () => {
  it('are users, groups and service principals, each once', async () => {
    const [outer, inner, ada] = [
      await make(newGroup('outer')),
      await make(newGroup('inner')),
      await world.user('m-ada'),
    ]
    const { principalId } = await world.register(await makeKey(world.clock.ms))
    for (const member of [inner, ada, principalId]) await add(outer, member)
    const { value } = await world.done(200, 'GET', `/groups/${outer}/members?$select=id,displayName`)
    assert.deepEqual(
      (value as Json[])
        .map((member) => `${String(member['@odata.type'])} ${String(member['displayName'])}`)
        .sort(),
      [
        '#microsoft.graph.group Group inner',
        '#microsoft.graph.servicePrincipal nightly-sync',
        '#microsoft.graph.user User m-ada',
      ],
    )
    const already =
      "One or more added object references already exist for the following modified properties: 'members'."
    await refused('POST', `/groups/${outer}/members/$ref`, link(ada), already)
    await refused(
      'POST',
      `/groups/${outer}/members/$ref`,
      link(outer),
      'A group cannot be a member of itself.',
    )
    await refused(
      'POST',
      `/groups/${outer}/members/$ref`,
      { ...link(ada), role: 'x' },
      "Property 'role' is not expected: a reference has '@odata.id' alone.",
    )
    const mixed = await make(unified('people-only'))
    await refused(
      'POST',
      `/groups/${mixed}/members/$ref`,
      link(inner),
      'The members of a Microsoft 365 group are users: a group or service principal cannot be added.',
    )
    assert.deepEqual(
      await idsOf(`/groups/${outer}/members/microsoft.graph.user?$filter=startsWith(mailNickname,'m-')`),
      [ada],
    )
    assert.equal((await eventual(`/groups/${outer}/members/$count`)).text, '3')
    const counted = await eventual(`/groups/${outer}/members?$count=true&$top=2`)
    assert.equal(counted.body['@odata.count'], 3)
    await world.done(204, 'DELETE', `/groups/${outer}/members/${ada}/$ref`)
    await missing('DELETE', `/groups/${outer}/members/${ada}/$ref`, ada)
    assert.deepEqual(await idsOf(`/groups/${outer}/members`), [inner, principalId].sort())
  })

  it('are followed through groups in groups, even in a circle', async () => {
    const [a, b, c] = [await make(newGroup('a')), await make(newGroup('b')), await make(newGroup('c'))]
    const [eve, zed] = [await world.user('t-eve'), await world.user('t-zed')]
    await add(a, b)
    await add(b, c)
    await add(c, a)
    await add(b, eve)
    await add(c, zed)
    await add(c, eve)
    assert.deepEqual(await idsOf(`/groups/${a}/transitiveMembers`), [a, b, c, eve, zed].sort())
    assert.deepEqual(
      await idsOf(`/groups/${a}/transitiveMembers/microsoft.graph.user?$select=id`),
      [eve, zed].sort(),
    )
    assert.equal((await eventual(`/groups/${a}/transitiveMembers/$count`)).text, '5')
    assert.deepEqual(await idsOf(`/users/${eve}/memberOf`), [b, c].sort())
    assert.deepEqual(await idsOf(`/users/${zed}/transitiveMemberOf`), [a, b, c].sort())
    assert.deepEqual(await idsOf(`/groups/${b}/memberOf`), [a])
    assert.deepEqual(await idsOf(`/groups/${b}/transitiveMemberOf`), [a, b, c].sort())
  })

  it('come in pages, each once', async () => {
    const group = await make(newGroup('paged'))
    const members: string[] = []
    for (let n = 0; n < 12; n++) members.push(await world.user(`pm${n}`))
    for (const member of members) await add(group, member)
    let path: string | undefined = `/groups/${group}/members?$top=5&$select=id`
    const sizes: number[] = []
    const seen: string[] = []
    while (path !== undefined) {
      const answer: Json = await world.done(200, 'GET', path)
      const value = answer['value'] as Json[]
      sizes.push(value.length)
      seen.push(...value.map(({ id }) => String(id)))
      path = (answer['@odata.nextLink'] as string | undefined)?.slice(world.platform.graphUrl.length)
    }
    assert.deepEqual(sizes, [5, 5, 2])
    assert.deepEqual(seen, [...members].sort())
    for (const query of ['$filter=x', '$search=x', '$orderby=id', '$expand=members'])
      assert.equal((await world.graph('GET', `/groups/${group}/members?${query}`)).status, 400, query)
  })
})

describe('the owners of a group', () => {
  it('are users and service principals, each once', async () => {
    const [group, ada] = [await make(newGroup('owned')), await world.user('o-ada')]
    const { principalId } = await world.register(await makeKey(world.clock.ms))
    for (const owner of [ada, principalId])
      await world.done(204, 'POST', `/groups/${group}/owners/$ref`, link(owner))
    assert.deepEqual(await idsOf(`/groups/${group}/owners`), [ada, principalId].sort())
    assert.deepEqual(await idsOf(`/users/${ada}/ownedObjects`), [group])
    const already =
      "One or more added object references already exist for the following modified properties: 'owners'."
    await refused('POST', `/groups/${group}/owners/$ref`, link(ada), already)
    const other = await make(newGroup('other'))
    await refused(
      'POST',
      `/groups/${group}/owners/$ref`,
      link(other),
      'The owners of a group are users and service principals: a group cannot be one.',
    )
    await world.done(204, 'DELETE', `/groups/${group}/owners/${ada}/$ref`)
    await missing('DELETE', `/groups/${group}/owners/${ada}/$ref`, ada)
  })
})

describe('a deleted group', () => {
  it('comes back with its members and owners, unless it is deleted for good', async () => {
    const [group, parent, ada] = [
      await make(unified('gone')),
      await make(newGroup('parent')),
      await world.user('d-ada'),
    ]
    await add(group, ada)
    await add(parent, group)
    await world.done(204, 'POST', `/groups/${group}/owners/$ref`, link(ada))
    await world.done(204, 'DELETE', `/groups/${group}`)
    await missing('GET', `/groups/${group}`, group)
    assert.deepEqual(await idsOf(`/groups/${parent}/members`), [])
    assert.deepEqual(await idsOf(`/users/${ada}/memberOf`), [])
    assert.deepEqual(await idsOf('/directory/deletedItems/microsoft.graph.group'), [group])
    const taker = await make(unified('gone'))
    await refused(
      'POST',
      `/directory/deletedItems/${group}/restore`,
      undefined,
      'Another object with the same value for property mailNickname already exists.',
    )
    await world.done(204, 'DELETE', `/groups/${taker}`)
    await world.done(200, 'POST', `/directory/deletedItems/${group}/restore`)
    assert.deepEqual(await idsOf(`/groups/${group}/members`), [ada])
    assert.deepEqual(await idsOf(`/groups/${group}/owners`), [ada])
    assert.deepEqual(await idsOf(`/groups/${parent}/members`), [group])
    await world.done(204, 'DELETE', `/groups/${group}`)
    await world.done(204, 'DELETE', `/directory/deletedItems/${group}`)
    await missing('POST', `/directory/deletedItems/${group}/restore`, group)
  })

  it('loses a member who is deleted, and has them again when they are restored', async () => {
    const [group, ada] = [await make(newGroup('keeps')), await world.user('k-ada')]
    await add(group, ada)
    await world.done(204, 'DELETE', `/users/${ada}`)
    assert.deepEqual(await idsOf(`/groups/${group}/members`), [])
    await world.done(200, 'POST', `/directory/deletedItems/${ada}/restore`)
    assert.deepEqual(await idsOf(`/groups/${group}/members`), [ada])
  })
})

describe('an entity tag', () => {
  it('lets a change through while the object is as it was read, and no other', async () => {
    const token = await world.token(await world.operator())
    const send = (method: string, path: string, ifMatch: string, body?: Json) =>
      world.send(`/graph/v1.0${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          'if-match': ifMatch,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    const changed = 'The object has changed since the entity tag in If-Match was read: read it again.'
    for (const path of [
      `/users/${await world.user('tagged')}`,
      `/groups/${await make(newGroup('tagged'))}`,
    ]) {
      const tag = String((await world.graph('GET', path)).headers['etag'])
      assert.match(tag, /^W\/"\d+"$/)
      assert.equal((await send('PATCH', path, tag, { displayName: 'one' })).status, 204)
      assertGraphError(
        await send('PATCH', path, tag, { displayName: 'two' }),
        412,
        'PreconditionFailed',
        changed,
      )
      assertGraphError(await send('DELETE', path, `"x", ${tag}`), 412, 'PreconditionFailed', changed)
      assert.equal((await world.done(200, 'GET', path))['displayName'], 'one')
      assert.equal((await send('DELETE', path, '*')).status, 204)
    }
  })
})
