// Queries over users as Graph documents them for directory objects: plain ones, and advanced ones with both their parameters.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Answer, assertGraphError, type Json, World } from '../test-support.ts'

let world: World
const ids = new Map<string, string>()
const PEOPLE: readonly (readonly [name: string, properties: Json])[] = [
  ['ada', { displayName: 'Ada Lovelace', jobTitle: 'Engineer', department: 'R&D', mail: 'ada@mail.example' }],
  [
    'asa',
    { displayName: 'Åsa Öberg', jobTitle: 'engineer', companyName: 'Fjäll AB', businessPhones: ['+46 8 1'] },
  ],
  ['bob', { displayName: 'Bob 50%_off', accountEnabled: false, department: 'Sales', mobilePhone: '070-1' }],
  ['eve', { displayName: 'Eve Anne-Marie Lo', department: 'Sales', companyName: 'Lo\\ AB', surname: 'Lo' }],
  ['zed', { displayName: 'zed', jobTitle: 'Director' }],
]
before(async () => {
  world = await World.start()
  for (const [name, properties] of PEOPLE) {
    ids.set(name, await world.user(name, properties))
    world.clock.ms += 60_000
  }
})
after(() => world.remove())

const get = async (
  query: Readonly<Record<string, string>>,
  eventual = false,
  path = '/users',
): Promise<Answer> => {
  const token = await world.token(await world.operator())
  return world.send(`/graph/v1.0${path}?${new URLSearchParams(query).toString()}`, {
    headers: { authorization: `Bearer ${token}`, ...(eventual ? { consistencylevel: 'eventual' } : {}) },
  })
}
const nicknames = ({ status, body, text }: Answer): unknown[] => {
  assert.equal(status, 200, text)
  return (body['value'] as Json[]).map(({ mailNickname }) => mailNickname)
}
const SELECT = { $select: 'mailNickname' }
const plain = async ($filter: string) => nicknames(await get({ ...SELECT, $filter }))
const advanced = async ($filter: string) => nicknames(await get({ ...SELECT, $filter, $count: 'true' }, true))
const needsAdvanced = (operator: string) =>
  `Operator '${operator}' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information`

describe('a plain $filter', () => {
  for (const [filter, expected] of [
    ["displayName eq 'ÅSA öberg'", ['asa']],
    ["startsWith(displayName,'a')", ['ada']],
    ["startswith(displayName,'å')", ['asa']],
    ["startsWith(displayName,'bob 50%')", ['bob']],
    ["startsWith(displayName,'%')", []],
    ["department eq 'sales' and accountEnabled eq true", ['eve']],
    ["department eq 'r&d' or jobTitle eq 'director'", ['ada', 'zed']],
    ["department eq 'r&d' or jobTitle eq 'ENGINEER' and department eq 'sales'", ['ada']],
    ["(department eq 'r&d' or jobTitle eq 'engineer') and startsWith(mailNickname,'as')", ['asa']],
    ["surname ge 'lo'", ['eve']],
    ["surname le 'ln'", []],
    ["mail eq 'ADA@mail.example'", ['ada']],
    ["businessPhones/any(p:p eq '+46 8 1')", ['asa']],
    ["businessPhones/any(p:startsWith(p,'+46'))", ['asa']],
    ["businessPhones/any(p:p eq '+46')", []],
    ['accountEnabled eq false', ['bob']],
    ['accountEnabled in (true,false)', ['ada', 'asa', 'bob', 'eve', 'zed']],
  ] as const)
    it(`${filter} finds ${expected.join(', ') || 'nobody'}`, async () => {
      assert.deepEqual(await plain(filter), expected)
    })

  it('compares when users were made', async () => {
    const third = new Date(world.clock.ms - 3 * 60_000).toISOString()
    assert.deepEqual(await plain(`createdDateTime ge ${third}`), ['bob', 'eve', 'zed'])
    assert.deepEqual(await plain(`createdDateTime le ${third}`), ['ada', 'asa', 'bob'])
    assert.deepEqual(await plain('createdDateTime ge 2000-01-01 and createdDateTime le 2001-01-01'), [])
  })
})

describe('an advanced query', () => {
  for (const [filter, expected, operator] of [
    ["department ne 'sales'", ['ada', 'asa', 'zed'], 'ne'],
    ["not(startsWith(displayName,'a'))", ['asa', 'bob', 'eve', 'zed'], 'not'],
    ["NOT department eq 'Sales'", ['ada', 'asa', 'zed'], 'not'],
    ["not(department eq 'sales' or jobTitle eq 'engineer')", ['zed'], 'not'],
    ["endsWith(mail,'@MAIL.example')", ['ada'], 'endsWith'],
    ["endsWith(userPrincipalName,'bob@contoso.example')", ['bob'], 'endsWith'],
    ['department eq null', ['asa', 'zed'], 'eq'],
    ['companyName ne null', ['asa', 'eve'], 'ne'],
    ["companyName eq 'lo\\ ab'", ['eve'], 'eq'],
    ["startsWith(companyName,'fj')", ['asa'], 'startsWith'],
    ["mobilePhone in ('070-1','070-2')", ['bob'], 'in'],
    ["displayName ge 'zed'", ['zed', 'asa'].sort(), 'ge'],
    ['businessPhones/$count eq 0', ['ada', 'bob', 'eve', 'zed'], 'eq'],
    ['businessPhones/$count ne 0', ['asa'], 'ne'],
  ] as const) {
    it(`answers ${filter} with its parameters, and refuses it without either`, async () => {
      assert.deepEqual((await advanced(filter)).map(String).sort(), expected)
      const missing = await get({ $filter: filter })
      assertGraphError(missing, 400, 'Request_UnsupportedQuery', needsAdvanced(operator))
      const uncounted = await get({ $filter: filter }, true)
      assertGraphError(uncounted, 400, 'Request_UnsupportedQuery', needsAdvanced(operator))
    })
  }

  it('refuses what Graph does not index, even so', async () => {
    for (const [filter, name] of [
      ["endsWith(displayName,'x')", 'displayName'],
      ["endsWith(department,'x')", 'department'],
      ['displayName eq null', 'displayName'],
      ['department ge null', 'department'],
    ] as const)
      assertGraphError(
        await get({ $filter: filter, $count: 'true' }, true),
        400,
        'Request_UnsupportedQuery',
        `Unsupported or invalid query filter clause specified for property '${name}' of resource 'User'.`,
      )
  })

  it('counts what it finds, on the first page alone', async () => {
    const first = await get({ $filter: "department ne 'sales'", $count: 'true', $top: '2' }, true)
    assert.equal(first.body['@odata.count'], 3)
    const link = new URL(String(first.body['@odata.nextLink']))
    const rest = await get(Object.fromEntries(link.searchParams), true)
    assert.deepEqual([rest.body['@odata.count'], (rest.body['value'] as Json[]).length], [undefined, 1])
    const without = await get(Object.fromEntries(link.searchParams))
    assertGraphError(without, 400, 'Request_BadRequest', '$count is not currently supported.')
  })

  it('counts as a path, in plain text', async () => {
    const all = await get({}, true, '/users/$count')
    assert.deepEqual(
      [all.status, all.text, all.headers['content-type']],
      [200, '5', 'text/plain; charset=utf-8'],
    )
    assert.equal((await get({ $filter: "department ne 'sales'" }, true, '/users/$count')).text, '3')
    assertGraphError(
      await get({}, false, '/users/$count'),
      400,
      'Request_BadRequest',
      '$count is not currently supported.',
    )
    assertGraphError(await get({ $count: 'x' }), 400, 'Request_BadRequest', "Invalid value for $count: 'x'.")
  })
})

describe('$orderby', () => {
  it('orders by names, both ways, over pages', async () => {
    for (const [$orderby, expected] of [
      ['displayName', ['ada', 'bob', 'eve', 'zed', 'asa']],
      ['displayName desc', ['asa', 'zed', 'eve', 'bob', 'ada']],
      ['userPrincipalName desc', ['zed', 'eve', 'bob', 'asa', 'ada']],
    ] as const) {
      let query: Record<string, string> = { ...SELECT, $orderby, $top: '2' }
      const seen: unknown[] = []
      for (;;) {
        const answer = await get(query)
        seen.push(...nicknames(answer))
        const { '@odata.nextLink': next } = answer.body
        if (typeof next !== 'string') break
        query = Object.fromEntries(new URL(next).searchParams)
      }
      assert.deepEqual(seen, expected)
    }
  })

  it('with $filter, or by createdDateTime, is an advanced query', async () => {
    for (const query of [
      { $orderby: 'displayName', $filter: "department eq 'sales'" },
      { $orderby: 'createdDateTime' },
    ]) {
      assertGraphError(
        await get(query),
        400,
        'Request_UnsupportedQuery',
        'Sorting not supported for current query.',
      )
      assert.equal((await get({ ...query, $count: 'true' }, true)).status, 200)
    }
    const latest = await get({ ...SELECT, $orderby: 'createdDateTime desc', $count: 'true', $top: '1' }, true)
    assert.deepEqual(nicknames(latest), ['zed'])
  })

  it('refuses other properties, several, and a token of another order', async () => {
    for (const order of ['surname', 'toString', 'displayName down', 'displayName,userPrincipalName', ''])
      assertGraphError(
        await get({ $orderby: order }),
        400,
        'Request_UnsupportedQuery',
        `Unsupported sort property '${order}' for 'User'.`,
      )
    const { body } = await get({ $top: '1' })
    const $skiptoken = new URL(String(body['@odata.nextLink'])).searchParams.get('$skiptoken') ?? ''
    const token = (text: string) => Buffer.from(text).toString('base64url')
    for (const [$orderby, text] of [
      ['displayName', Buffer.from($skiptoken, 'base64url').toString()],
      ['displayName', 'after:1:7'],
      ['displayName', 'after:1:"x'],
      ['displayName', 'after:1:"x\\u0000"'],
      ['displayName', 'after:1:"x" or "y"'],
      ['createdDateTime', 'after:1:"x"'],
      ['createdDateTime', 'after:1:1e9'],
    ] as const) {
      const mixed = await get({ $orderby, $count: 'true', $skiptoken: token(text) }, true)
      assertGraphError(mixed, 400, 'Request_BadRequest', 'Skip token is invalid.')
    }
  })
})

describe('$search', () => {
  for (const [search, expected] of [
    ['"displayName:lo"', ['ada', 'eve']],
    ['"displayName:mar"', ['eve']],
    ['"displayName:LO ad"', ['ada']],
    ['"displayName:50%_"', ['bob']],
    ['"displayName:velace"', []],
    ['"mail:ada@"', ['ada']],
    ['"displayName:lo" AND "surname:lo"', ['eve']],
    ['"displayName:zed" OR "displayName:lo" AND "surname:lo"', ['eve', 'zed']],
  ] as const)
    it(`${search} finds ${expected.join(', ') || 'nobody'}`, async () => {
      assert.deepEqual(nicknames(await get({ ...SELECT, $search: search }, true)), expected)
    })

  it('needs its header, and clauses that it can read', async () => {
    assertGraphError(
      await get({ $search: '"displayName:x"' }),
      400,
      'Request_UnsupportedQuery',
      "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
    )
    const syntax =
      'Syntax error in $search: clauses such as "property:text" joined by AND or OR are expected.'
    for (const search of [
      '',
      'displayName:x',
      '"displayName:x" "mail:y"',
      '"displayName:x" AND',
      'OR "mail:x"',
    ])
      assertGraphError(await get({ $search: search }, true), 400, 'Request_BadRequest', syntax)
    for (const [search, name] of [
      ['"x"', ''],
      ['"shoeSize:7"', 'shoeSize'],
      ['"id:x"', 'id'],
    ] as const)
      assertGraphError(
        await get({ $search: search }, true),
        400,
        'Request_BadRequest',
        `Property '${name}' of resource 'User' is not supported in $search: clauses are such as "displayName:text".`,
      )
  })
})

describe('$expand', () => {
  it('shows managers, of one user and of many, and nothing where there is none', async () => {
    const manager = { '@odata.id': `${world.platform.graphUrl}/users/${ids.get('eve')}` }
    await world.done(204, 'PUT', `/users/${ids.get('bob')}/manager/$ref`, manager)
    const shown = {
      '@odata.type': '#microsoft.graph.user',
      id: ids.get('eve'),
      displayName: 'Eve Anne-Marie Lo',
    }
    const one = await get(
      { ...SELECT, $expand: 'manager($select=id,displayName)' },
      false,
      `/users/${ids.get('bob')}`,
    )
    assert.deepEqual(one.body, {
      '@odata.context': `${world.platform.graphUrl}/$metadata#users(mailNickname,manager(id,displayName))/$entity`,
      mailNickname: 'bob',
      manager: shown,
    })
    const many = await get({ ...SELECT, $expand: 'manager($select=id,displayName)' })
    assert.deepEqual(
      (many.body['value'] as Json[]).filter(({ manager: found }) => found !== undefined),
      [{ mailNickname: 'bob', manager: shown }],
    )
    const reports = await get({ $select: 'mailNickname' }, false, `/users/${ids.get('eve')}/directReports`)
    assert.deepEqual(reports.body['value'], [{ '@odata.type': '#microsoft.graph.user', mailNickname: 'bob' }])
  })

  it('refuses other relationships and options, and advanced queries', async () => {
    const unknown = (name: string) =>
      `Could not find a property named '${name}' on type 'microsoft.graph.user' that can be expanded.`
    for (const [expand, name] of [
      ['shoes', 'shoes'],
      ['manager,directReports', 'manager,directReports'],
      ['', ''],
    ] as const)
      assertGraphError(await get({ $expand: expand }), 400, 'Request_BadRequest', unknown(name))
    assertGraphError(
      await get({ $expand: 'manager($levels=max)' }),
      400,
      'Request_UnsupportedQuery',
      "Option '$levels=max' is not supported inside $expand.",
    )
    assertGraphError(
      await get({ $expand: 'manager', $count: 'true' }, true),
      400,
      'Request_UnsupportedQuery',
      '$expand is not currently supported with advanced queries.',
    )
  })
})
