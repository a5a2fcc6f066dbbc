// What people and groups need of a platform's store, whichever it is: queries, members of members, changes, and batches.
import assert from 'node:assert/strict'
import { type Json, newUser, type World } from '../test-support.ts'
import type { StoreRule } from './conformance-test-support.ts'

const names = (body: Json) => (body['value'] as Json[]).map(({ mailNickname }) => String(mailNickname))

async function advanced(world: World, path: string): Promise<Json> {
  const token = await world.token(await world.operator())
  const headers = { authorization: `Bearer ${token}`, consistencylevel: 'eventual' }
  const { status, body, text } = await world.send(`/graph/v1.0${path}`, { headers })
  assert.equal(status, 200, text)
  return body
}

const query = (options: Readonly<Record<string, string>>) =>
  `/users?${new URLSearchParams({ $select: 'mailNickname', ...options }).toString()}`

/** Conditions over the three people of the rule below, and whom each finds. */
const FOUND: readonly (readonly [filter: string, expected: readonly string[]])[] = [
  ["department ne 'ops'", ['q-a', 'q-b']],
  ["not(department eq 'ops')", ['q-a', 'q-b']],
  ["not(startsWith(displayName,'å') or department eq 'ops')", ['q-a']],
  ['department eq null', ['q-b']],
  ["endsWith(mail,'@MAIL.example')", ['q-a']],
  ["startsWith(displayName,'q 50%')", ['q-a']],
  ["displayName eq 'åsa ÖBERG'", ['q-b']],
  ["displayName ge 'q 50' and displayName le 'q 60'", ['q-a']],
  ["businessPhones/any(p:startsWith(p,'+46'))", ['q-b']],
  ['businessPhones/$count eq 0', ['q-a', 'q-c']],
  ['accountEnabled eq false and createdDateTime ge 2000-01-01', ['q-c']],
]

const newGroup = (name: string): Json => ({
  displayName: name,
  mailEnabled: false,
  mailNickname: name,
  securityEnabled: true,
})

/** The rules of people and groups, by the calls that use them. */
export const peopleRules: readonly StoreRule[] = [
  {
    name: 'compares, orders and searches people without regard to case',
    async holds(world) {
      await world.user('q-a', { displayName: 'Q 50%_x', department: 'Lab', mail: 'a@mail.example' })
      await world.user('q-b', { displayName: 'Åsa Öberg', businessPhones: ['+46 8'] })
      await world.user('q-c', { displayName: 'zed', department: 'OPS', accountEnabled: false })
      const scope = "startsWith(mailNickname,'q-')"
      for (const [filter, expected] of FOUND) {
        const $filter = `${scope} and (${filter})`
        const body = await advanced(world, query({ $filter, $count: 'true', $orderby: 'userPrincipalName' }))
        assert.deepEqual([names(body), body['@odata.count']], [expected, expected.length], filter)
      }
      const ordered = { $filter: scope, $count: 'true', $orderby: 'displayName desc', $top: '2' }
      const first = await advanced(world, query(ordered))
      const link = String(first['@odata.nextLink']).slice(world.platform.graphUrl.length)
      assert.deepEqual([...names(first), ...names(await advanced(world, link))], ['q-b', 'q-c', 'q-a'])
      const $search = '"displayName:ÖB" OR "displayName:50%"'
      assert.deepEqual(names(await advanced(world, query({ $search, $filter: scope, $count: 'true' }))), [
        'q-a',
        'q-b',
      ])
    },
  },
  {
    name: 'follows members of members, and remembers who came and went',
    async holds(world) {
      const link = (id: string) => ({ '@odata.id': `${world.platform.graphUrl}/directoryObjects/${id}` })
      const made = async (path: string, body: Json) =>
        String((await world.done(201, 'POST', path, body))['id'])
      const [outer, inner, ada] = [
        await made('/groups', newGroup('outer')),
        await made('/groups', newGroup('inner')),
        await world.user('g-ada'),
      ]
      const latest = await world.done(200, 'GET', '/groups/delta?$deltatoken=latest&$select=id')
      await world.done(204, 'POST', `/groups/${outer}/members/$ref`, link(inner))
      await world.done(204, 'POST', `/groups/${inner}/members/$ref`, link(outer))
      await world.done(204, 'POST', `/groups/${inner}/members/$ref`, link(ada))
      const { value } = await world.done(200, 'GET', `/groups/${outer}/transitiveMembers?$select=id`)
      assert.deepEqual((value as Json[]).map(({ id }) => String(id)).sort(), [ada, inner, outer].sort())
      await world.done(204, 'DELETE', `/users/${ada}`)
      await world.done(204, 'DELETE', `/groups/${outer}`)
      const path = String(latest['@odata.deltaLink']).slice(world.platform.graphUrl.length)
      const changes = await world.done(200, 'GET', path)
      const left = (kind: string, id: string) => ({
        '@odata.type': `#microsoft.graph.${kind}`,
        id,
        '@removed': { reason: 'deleted' },
      })
      assert.deepEqual(changes['value'], [
        { id: inner, 'members@delta': [left('user', ada), left('group', outer)] },
        { id: outer, '@removed': { reason: 'changed' } },
      ])
      await world.done(200, 'POST', `/directory/deletedItems/${outer}/restore`)
      await world.done(200, 'POST', `/directory/deletedItems/${ada}/restore`)
      const again = await world.done(
        200,
        'GET',
        `/groups/${outer}/transitiveMembers/microsoft.graph.user?$select=id`,
      )
      assert.deepEqual(again['value'], [{ id: ada }])
    },
  },
  {
    name: 'undoes one request of a batch, and keeps its neighbours',
    async holds(world) {
      const post = (id: string, name: string) => ({
        id,
        method: 'POST',
        url: '/users',
        headers: { 'Content-Type': 'application/json' },
        body: newUser(name),
      })
      const requests = [
        post('1', 'batch-one'),
        post('2', 'batch-one'),
        { ...post('3', 'batch-three'), dependsOn: ['2'] },
        { id: '4', method: 'GET', url: '/users/batch-one@contoso.example?$select=mailNickname' },
        post('5', 'batch-five'),
      ]
      const { responses } = (await world.done(200, 'POST', '/$batch', { requests })) as { responses: Json[] }
      assert.deepEqual(
        responses.map(({ status }) => status),
        [201, 400, 424, 200, 201],
      )
      const $filter = "startsWith(mailNickname,'batch-')"
      assert.deepEqual(names(await world.done(200, 'GET', query({ $filter }))), ['batch-one', 'batch-five'])
    },
  },
]
