// Delta queries: everything once, then what changed, in links that are followed as they are.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Answer, assertGraphError, type Json, World } from '../test-support.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

const path = (url: unknown) => String(url).slice(world.platform.graphUrl.length)

/** Follows a round to its end. */
async function round(
  start: string,
): Promise<{ readonly value: Json[]; readonly pages: number; readonly next: string }> {
  const value: Json[] = []
  let at = start
  for (let pages = 1; ; pages++) {
    const body = await world.done(200, 'GET', at)
    value.push(...(body['value'] as Json[]))
    const { '@odata.nextLink': next, '@odata.deltaLink': delta } = body
    assert.equal(next === undefined, delta !== undefined)
    if (next === undefined) return { value, pages, next: path(delta) }
    at = path(next)
  }
}

const link = (id: string) => ({ '@odata.id': `${world.platform.graphUrl}/directoryObjects/${id}` })
const group = async (name: string) => {
  const body = { displayName: name, mailEnabled: false, mailNickname: name, securityEnabled: true }
  return String((await world.done(201, 'POST', '/groups', body))['id'])
}
const gone = (answer: Answer, url: string) => {
  const message = 'The sync state generation is not found; perform a full synchronization.'
  assertGraphError(answer, 410, 'syncStateNotFound', message)
  assert.equal(answer.headers['location'], `${world.platform.graphUrl}${url}`)
}

describe('GET /users/delta', () => {
  it('shows everybody over pages, and then each change once', async () => {
    const ids: string[] = []
    for (let n = 0; n < 130; n++) ids.push(await world.user(`d${n}`))
    const first = await round('/users/delta?$select=displayName')
    assert.equal(first.pages, 2)
    assert.deepEqual(
      first.value.map(({ id }) => id),
      ids,
    )
    assert.deepEqual(Object.keys(first.value[0] ?? {}), ['id', 'displayName'])
    assert.deepEqual((await round(first.next)).value, [])

    const [changed = '', deleted = '', back = ''] = ids
    await world.done(204, 'PATCH', `/users/${changed}`, { displayName: 'changed' })
    await world.done(204, 'DELETE', `/users/${deleted}`)
    await world.done(204, 'DELETE', `/users/${back}`)
    const added = await world.user('added')
    const second = await round(first.next)
    assert.deepEqual(second.value, [
      { id: changed, displayName: 'changed' },
      { id: deleted, '@removed': { reason: 'changed' } },
      { id: back, '@removed': { reason: 'changed' } },
      { id: added, displayName: 'User added' },
    ])
    await world.done(200, 'POST', `/directory/deletedItems/${back}/restore`)
    await world.done(204, 'DELETE', `/directory/deletedItems/${deleted}`)
    assert.deepEqual((await round(second.next)).value, [
      { id: back, displayName: 'User d2' },
      { id: deleted, '@removed': { reason: 'deleted' } },
    ])
    // A link can be followed again: the same changes, as they are now.
    assert.deepEqual(
      (await round(first.next)).value.map(({ id }) => id),
      [changed, added, back, deleted],
    )
  })

  it('leaves to the next round what changes while one is read', async () => {
    const start = await round('/users/delta?$deltatoken=latest')
    const ids: string[] = []
    for (let n = 0; n < 101; n++) ids.push(await world.user(`w${n}`))
    const body = await world.done(200, 'GET', start.next)
    await world.done(204, 'PATCH', `/users/${ids[100]}`, { displayName: 'late' })
    const rest = await round(path(body['@odata.nextLink']))
    assert.deepEqual([(body['value'] as Json[]).length, rest.value], [100, []])
    assert.deepEqual(
      (await round(rest.next)).value.map(({ id, displayName }) => [id, displayName]),
      [[ids[100], 'late']],
    )
  })

  it('begins now with $deltatoken=latest', async () => {
    const { value, next } = await round('/users/delta?$deltatoken=latest&$select=mailNickname')
    assert.deepEqual(value, [])
    const id = await world.user('latest')
    assert.deepEqual((await round(next)).value, [{ id, mailNickname: 'latest' }])
  })

  it('is kept to the ids of its $filter', async () => {
    const [one, two] = [await world.user('f1'), await world.user('f2')]
    const filter = encodeURIComponent(`id eq '${one}' or id eq '${two.toUpperCase()}'`)
    const { value, next } = await round(`/users/delta?$select=id&$filter=${filter}`)
    assert.deepEqual(value, [{ id: one }, { id: two }])
    await world.user('f3')
    await world.done(204, 'DELETE', `/users/${one}`)
    assert.deepEqual((await round(next)).value, [{ id: one, '@removed': { reason: 'changed' } }])
  })

  it('ends with 410 after seven days, and leads to a full round', async () => {
    const { next } = await round('/users/delta?$deltatoken=latest')
    const startMs = world.clock.ms
    world.clock.ms = startMs + 7 * DAY_MS
    const token = await world.token(await world.operator())
    assert.equal((await world.graph('GET', next, undefined, token)).status, 200)
    world.clock.ms += 1000
    gone(await world.graph('GET', next, undefined, token), '/users/delta')
    gone(await world.graph('GET', '/users/delta?$deltatoken=', undefined, token), '/users/delta')
    world.clock.ms = startMs
  })

  it('refuses tokens that were not made here, and those of another kind or database', async () => {
    const users = await round('/users/delta?$deltatoken=latest')
    const [, token = ''] =
      users.next.split('$deltatoken=').length > 1
        ? users.next.split('$deltatoken=')
        : users.next.split('%24deltatoken=')
    const bad = async (url: string) =>
      assertGraphError(await world.graph('GET', url), 400, 'Request_BadRequest', 'Badly formed token.')
    await bad(`/groups/delta?$deltatoken=${token}`)
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const parts of [
      {},
      [],
      ['user', 1, 2, 3],
      ['user', -1, 2, 3, null, 1, null, null],
      ['user', 1, 2.5, 3, null, 1, null, null],
      ['user', 1, 2, 3, 'x', 1, null, null],
      ['user', 1, 2, 3, null, 1, 7, null],
      ['user', 1, 2, 3, null, 1, null, [7]],
      ['tenant', 1, 2, 3, null, 1, null, null],
    ])
      await bad(`/users/delta?$deltatoken=${encode(parts)}`)
    await bad('/users/delta?$deltatoken=x')
    gone(
      await world.graph(
        'GET',
        `/users/delta?$deltatoken=${encode(['user', 0, 9e9, 0, null, world.clock.ms, null, null])}`,
      ),
      '/users/delta',
    )
    const select = encode(['user', 0, 1, 0, null, world.clock.ms, 'shoeSize', null])
    assertGraphError(
      await world.graph('GET', `/users/delta?$deltatoken=${select}`),
      400,
      'Request_BadRequest',
      "Could not find a property named 'shoeSize' on type 'microsoft.graph.user'.",
    )
  })

  it('refuses options that Graph does not support here', async () => {
    for (const option of ['$top', '$orderby', '$expand', '$search', '$count'])
      assertGraphError(
        await world.graph('GET', `/users/delta?${option}=1`),
        400,
        'Request_UnsupportedQuery',
        `Query option '${option}' is not supported here.`,
      )
    for (const filter of ["displayName eq 'x'", "id ne 'x'", "id eq 'x' and id eq 'y'"])
      assertGraphError(
        await world.graph('GET', `/users/delta?$filter=${encodeURIComponent(filter)}`),
        400,
        'Request_UnsupportedQuery',
        "A delta query of resource 'User' is filtered by id alone: id eq '…' or id eq '…'.",
      )
    const { next } = await round('/users/delta?$deltatoken=latest')
    assertGraphError(
      await world.graph('GET', `${next}&$select=id`),
      400,
      'Request_BadRequest',
      'A delta link is followed as it is: its options are those of the first request.',
    )
  })
})

describe('GET /groups/delta', () => {
  let ada: string
  let names = 0
  beforeEach(async () => {
    ada = await world.user(`member${++names}`)
  })

  it('shows groups with their members, and then who came and who left', async () => {
    const [one, two] = [await group('g1'), await group('g2')]
    await world.done(204, 'POST', `/groups/${one}/members/$ref`, link(ada))
    const first = await round('/groups/delta?$select=displayName')
    const member = { '@odata.type': '#microsoft.graph.user', id: ada }
    assert.deepEqual(first.value, [
      { id: two, displayName: 'g2' },
      { id: one, displayName: 'g1', 'members@delta': [member] },
    ])
    await world.done(204, 'POST', `/groups/${two}/members/$ref`, link(ada))
    await world.done(204, 'DELETE', `/groups/${one}/members/${ada}/$ref`)
    const second = await round(first.next)
    const left = { ...member, '@removed': { reason: 'deleted' } }
    assert.deepEqual(second.value, [
      { id: two, displayName: 'g2', 'members@delta': [member] },
      { id: one, displayName: 'g1', 'members@delta': [left] },
    ])
    await world.done(204, 'DELETE', `/users/${ada}`)
    const third = await round(second.next)
    assert.deepEqual(third.value, [{ id: two, displayName: 'g2', 'members@delta': [left] }])
    await world.done(200, 'POST', `/directory/deletedItems/${ada}/restore`)
    assert.deepEqual((await round(third.next)).value, [
      { id: two, displayName: 'g2', 'members@delta': [member] },
    ])
  })

  it('shows a group of many members over pages, each member once', async () => {
    const [{ next }, big] = [await round('/groups/delta?$deltatoken=latest'), await group('big')]
    const people = Array.from({ length: 1_005 }, (_, n) => n)
    const body = (n: number) => ({
      accountEnabled: true,
      displayName: `many ${n}`,
      mailNickname: `many${n}`,
      userPrincipalName: `many${n}@contoso.example`,
      passwordProfile: { password: 'Aa1-not-a-secret' },
    })
    const members: string[] = []
    for (let at = 0; at < people.length; at += 20) {
      const requests = people.slice(at, at + 20).map((n) => ({
        id: String(n),
        method: 'POST',
        url: '/users',
        headers: { 'content-type': 'application/json' },
        body: body(n),
      }))
      const { responses } = (await world.done(200, 'POST', '/$batch', { requests })) as { responses: Json[] }
      const made = responses.map((response) => String((response['body'] as Json)['id']))
      members.push(...made)
      await world.done(204, 'PATCH', `/groups/${big}`, {
        'members@odata.bind': made.map((id) => link(id)['@odata.id']),
      })
    }
    const { value, pages } = await round(next)
    assert.equal(pages, 2)
    assert.ok(value.every(({ id }) => id === big))
    const shown = value.flatMap((one) => (one['members@delta'] as Json[]).map(({ id }) => String(id)))
    assert.deepEqual(shown.sort(), members.sort())
  })
})
