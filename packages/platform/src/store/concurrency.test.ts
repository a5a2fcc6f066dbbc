// Requests at the same time share one connection to the database: none may end up in another's transaction.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Json, makeKey, newUser, World } from '../test-support.ts'

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

describe('requests at the same time', () => {
  it('each get their own transaction', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => world.graph('POST', '/applications', { displayName: `app ${n}` })),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array.from({ length: 20 }, () => 201),
    )
  })

  it('lose nothing that was acknowledged because another one was refused', async () => {
    const { objectId } = await world.register(await makeKey(world.clock.ms), {
      identifierUris: ['api://orders'],
    })
    const refused = () =>
      world.graph('POST', '/applications', { displayName: 'x', identifierUris: ['api://orders'] })
    const created = (n: number) => world.graph('POST', '/users', newUser(`c${n}`))
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 2 ? refused() : created(n))))
    const statuses = answers.map(({ status }) => status)
    assert.deepEqual(
      statuses,
      Array.from({ length: 60 }, (_, n) => (n % 2 ? 400 : 201)),
    )
    const { value } = await world.done(200, 'GET', '/users?$top=999&$select=mailNickname')
    const names = (value as Json[]).map(({ mailNickname }) => String(mailNickname)).sort()
    assert.deepEqual(names, Array.from({ length: 30 }, (_, n) => `c${n * 2}`).sort())
    assert.equal((await world.graph('GET', `/applications/${objectId}`)).status, 200)
  })
})
