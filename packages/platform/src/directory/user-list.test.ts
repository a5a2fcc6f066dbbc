// Lists of users: pages, selections and filters over the wire.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { assertGraphError, type Json, World } from '../test-support.ts'

const COUNT = 23

let world: World
const ids: string[] = []
before(async () => {
  world = await World.start()
  for (let n = 0; n < COUNT; n++) ids.push(await world.user(`u${n}`, { employeeId: `E-${n}` }))
  ids.push(await world.user("o'brien", { employeeId: "E'X" }))
})
after(() => world.remove())

const list = async (query: string) => {
  const { value } = await world.done(200, 'GET', `/users?${query}`)
  return value as Json[]
}
const found = async (filter: string) =>
  (await list(`$filter=${encodeURIComponent(filter)}&$select=id`)).map(({ id }) => id)
const bad = (answer: Awaited<ReturnType<World['graph']>>, message: string) =>
  assertGraphError(answer, 400, 'Request_BadRequest', message)
const unsupported = (answer: Awaited<ReturnType<World['graph']>>, message: string) =>
  assertGraphError(answer, 400, 'Request_UnsupportedQuery', message)

describe('the pages of GET /users', () => {
  it('come in order, each user once, until there is no link, with the same options', async () => {
    let path: string | undefined = '/users?$top=7&$select=id,employeeId'
    const [sizes, seen]: [number[], Json[]] = [[], []]
    while (path !== undefined) {
      const page: Json = await world.done(200, 'GET', path)
      const value = page['value'] as Json[]
      sizes.push(value.length)
      seen.push(...value)
      const link = page['@odata.nextLink'] as string | undefined
      if (link !== undefined) assert.ok(link.startsWith(`${world.platform.graphUrl}/users?`), link)
      path = link?.slice(world.platform.graphUrl.length)
    }
    assert.deepEqual(sizes, [7, 7, 7, 3])
    assert.deepEqual(
      seen.map(({ id }) => id),
      ids,
    )
    for (const user of seen) assert.deepEqual(Object.keys(user), ['id', 'employeeId'])
  })

  it('end exactly where the users end', async () => {
    const page = await world.done(200, 'GET', `/users?$top=${ids.length}`)
    assert.deepEqual([(page['value'] as Json[]).length, page['@odata.nextLink']], [ids.length, undefined])
  })

  it('hold a user who joins while they are read, at the end', async () => {
    const first = await world.done(200, 'GET', '/users?$top=20&$select=id')
    ids.push(await world.user('late'))
    const link = String(first['@odata.nextLink']).slice(world.platform.graphUrl.length)
    const rest = (await world.done(200, 'GET', link))['value'] as Json[]
    assert.deepEqual(
      rest.map(({ id }) => id),
      ids.slice(20),
    )
  })

  it('keep a filter', async () => {
    const filter = encodeURIComponent("employeeId in ('E-1','E-2','E-3')")
    const first = await world.done(200, 'GET', `/users?$top=2&$select=employeeId&$filter=${filter}`)
    const link = String(first['@odata.nextLink']).slice(world.platform.graphUrl.length)
    assert.deepEqual((await world.done(200, 'GET', link))['value'], [{ employeeId: 'E-3' }])
  })

  it('are refused for a bad size or a bad token', async () => {
    for (const top of ['0', '1000', '-1', '1.5', 'x', '', '9999999']) {
      bad(
        await world.graph('GET', `/users?$top=${top}`),
        `Invalid page size specified: '${top}'. Must be between 1 and 999 inclusive.`,
      )
    }
    for (const text of ['x', 'xafter:1', 'after:x', 'after:-1', 'after:1;', `after:${'9'.repeat(16)}`]) {
      const token = Buffer.from(text).toString('base64url')
      bad(await world.graph('GET', `/users?$skiptoken=${token}`), 'Skip token is invalid.')
    }
    bad(await world.graph('GET', '/users?$skiptoken='), 'Skip token is invalid.')
  })

  it('refuse options that they do not know, and options that come twice', async () => {
    for (const name of ['$skip', '$format', '$apply', 'select', '$Select', '__proto__']) {
      const answer = await world.graph('GET', `/users?${name}=x`)
      unsupported(answer, `Query option '${name}' is not supported here.`)
    }
    const twice = await world.graph('GET', '/users?$top=1&$top=2')
    bad(twice, "Query option '$top' was specified more than once.")
    for (const path of [
      `/users/${ids[0]}?$filter=x`,
      '/applications?$orderby=id',
      '/servicePrincipals?$expand=owners',
    ])
      assert.equal((await world.graph('GET', path)).status, 400, path)
  })
})

describe('$filter', () => {
  it('compares by eq, in and and, without regard to case', async () => {
    assert.deepEqual(await found("employeeId eq 'E-5'"), [ids[5]])
    assert.deepEqual(await found("employeeId eq 'e-5'"), [ids[5]])
    assert.deepEqual(await found("userPrincipalName eq 'U6@CONTOSO.example'"), [ids[6]])
    assert.deepEqual(await found("employeeId in ('E-9', 'e-2' ,'none')"), [ids[2], ids[9]])
    assert.deepEqual(await found(`id eq '${ids[3]?.toUpperCase()}'`), [ids[3]])
    assert.deepEqual(await found(`employeeId in ('E-1','E-2') and id in ('${ids[2]}','${ids[3]}')`), [ids[2]])
    assert.deepEqual(await found("employeeId eq 'E-1' and employeeId eq 'E-2'"), [])
    assert.deepEqual(await found("  employeeId   eq  'E-5'  "), [ids[5]])
  })

  it('reads two quotes as one, and nothing else as special', async () => {
    const brien = ids[COUNT]
    assert.deepEqual(await found("employeeId eq 'E''X'"), [brien])
    assert.deepEqual(await found("userPrincipalName eq 'o''brien@contoso.example'"), [brien])
    for (const text of ['%', '_', 'E-_', "'' or 1=1 --", '\\', '"', '*'])
      assert.deepEqual(await found(`employeeId eq '${text}'`), [], text)
  })

  it('refuses operators and properties it does not know, rather than ignore them', async () => {
    const operators = 'eq, ne, ge, le, in, startsWith, endsWith and any are supported.'
    const clause = (name: string) =>
      `Unsupported or invalid query filter clause specified for property '${name}' of resource 'User'.`
    for (const [filter, message] of [
      ["employeeId EQ 'x'", `Unsupported operator 'EQ' in $filter: ${operators}`],
      ["employeeId gt 'x'", `Unsupported operator 'gt' in $filter: ${operators}`],
      ["contains(displayName,'x')", `Unsupported operator '(' in $filter: ${operators}`],
      ["employeeId eq 'x' 'y'", "Unsupported operator ''y'' in $filter."],
      ["shoeSize eq 'x'", clause('shoeSize')],
      ["toString eq 'x'", clause('toString')],
      ["manager/id eq 'x'", clause('manager/id')],
      ["startsWith(id,'x')", clause('id')],
      ["businessPhones eq 'x'", clause('businessPhones')],
      ["displayName/any(x:x eq 'y')", clause('displayName')],
      [
        "businessPhones/any(x:y eq 'z')",
        "Unsupported expression in any() of property 'businessPhones' in $filter.",
      ],
    ] as const) {
      unsupported(await world.graph('GET', `/users?$filter=${encodeURIComponent(filter)}`), message)
    }
    const literal = 'Invalid filter clause: a quoted text, a date, true, false or null is expected.'
    const types = 'Invalid filter clause: A binary operator with incompatible types was detected.'
    for (const [filter, message] of [
      ['', 'Invalid filter clause: a property name is expected.'],
      ["employeeId eq 'x' and", 'Invalid filter clause: a property name is expected.'],
      ['employeeId eq', literal],
      ['employeeId eq x', literal],
      ["employeeId in 'x'", "Invalid filter clause: '(' is expected after 'in'."],
      ["employeeId in ('x' 'y')", "Invalid filter clause: ',' or ')' is expected."],
      ["employeeId in ('x'", "Invalid filter clause: ',' or ')' is expected."],
      ["(employeeId eq 'x'", "Invalid filter clause: ')' is expected."],
      ["employeeId eq 'x", "Invalid filter clause: syntax error at position 13 in 'employeeId eq 'x'."],
      ['startsWith(displayName,true)', 'Invalid filter clause: startsWith needs a quoted text.'],
      ['employeeId eq true', types],
      ["accountEnabled eq 'true'", types],
      ["createdDateTime ge 'x'", types],
      ['createdDateTime ge 2024-13-45', literal],
      [`${'('.repeat(30)}id eq 'x'${')'.repeat(30)}`, 'Invalid filter clause: it is nested too deeply.'],
      ["id eq '".padEnd(8193, 'x'), 'Invalid filter clause: the filter is too long.'],
    ] as const) {
      bad(await world.graph('GET', `/users?$filter=${encodeURIComponent(filter)}`), message)
    }
  })

  it('takes fifteen values and refuses sixteen', async () => {
    const values = (count: number) => ids.slice(0, count).map((id) => `'${id}'`)
    assert.equal((await found(`id in (${values(15).join(',')})`)).length, 15)
    bad(
      await world.graph('GET', `/users?$filter=${encodeURIComponent(`id in (${values(16).join(',')})`)}`),
      'Too many child clauses specified in search filter expression: 16. Max allowed: 15.',
    )
  })
})
