// addPassword and removePassword: what is shown once, what stays visible, and what nobody can do.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'

let world: World
let app: App
let owning: App

before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key)
  owning = await world.register(key, { roles: ['Application.ReadWrite.OwnedBy'] })
})
after(() => world.remove())

const KINDS = ['applications', 'servicePrincipals'] as const
const pathOf = (kind: (typeof KINDS)[number], of: App = app) =>
  `/${kind}/${kind === 'applications' ? of.objectId : of.principalId}`
const add = (path: string, passwordCredential?: Json) =>
  world.done(200, 'POST', `${path}/addPassword`, passwordCredential && { passwordCredential })
const listed = async (path: string) =>
  (await world.done(200, 'GET', path))['passwordCredentials'] as readonly Json[]
const iso = (ms: number) => new Date(ms).toISOString()

describe('addPassword', () => {
  for (const kind of KINDS) {
    it(`shows the secret of one of the ${kind} once, and lists it without its text`, async () => {
      const { secretText, keyId, hint, ...rest } = await add(pathOf(kind), { displayName: 'nightly' })
      const end = new Date(world.clock.ms)
      end.setUTCFullYear(end.getUTCFullYear() + 2)
      assert.deepEqual(rest, {
        customKeyIdentifier: null,
        displayName: 'nightly',
        endDateTime: end.toISOString(),
        startDateTime: iso(world.clock.ms),
      })
      assert.match(String(secretText), /^[A-Za-z0-9_.]{48}$/)
      assert.equal(hint, String(secretText).slice(0, 3))
      assert.deepEqual(
        (await listed(pathOf(kind))).find((one) => one['keyId'] === keyId),
        { ...rest, hint, keyId, secretText: null },
      )
      const { text } = await world.graph('GET', `/${kind}`)
      assert.ok(text.includes(String(keyId)))
      assert.equal(text.includes(String(secretText)), false)
    })
  }

  it('keeps those of an application and of its service principal apart', async () => {
    const { keyId } = await add(pathOf('servicePrincipals'))
    const ids = (await listed(pathOf('applications'))).map((one) => one['keyId'])
    assert.equal(ids.includes(keyId), false)
  })

  it('takes a start and an end, in any offset, and no body at all', async () => {
    const { startDateTime, endDateTime } = await add(pathOf('applications'), {
      startDateTime: '2026-09-21T14:00:00+02:00',
      endDateTime: '2299-12-31T00:00Z',
      keyId: null,
      secretText: null,
    })
    assert.deepEqual([startDateTime, endDateTime], ['2026-09-21T12:00:00.000Z', '2299-12-31T00:00:00.000Z'])
    assert.equal((await add(pathOf('applications')))['displayName'], null)
  })

  it('ends two years after a leap day on the first of March', async () => {
    const { endDateTime } = await add(pathOf('applications'), { startDateTime: '2028-02-29T00:00:00Z' })
    assert.equal(endDateTime, '2030-03-01T00:00:00.000Z')
  })

  it('never gives one secret twice', async () => {
    const secrets = new Set<unknown>()
    for (let made = 0; made < 20; made++)
      secrets.add((await add(pathOf('applications', owning)))['secretText'])
    assert.equal(secrets.size, 20)
  })

  it('leaves no secret in the database', async () => {
    const { secretText, hint } = await add(pathOf('applications'))
    for (const file of ['platform.db', 'platform.db-wal']) {
      const bytes = await readFile(join(world.folder, file))
      assert.equal(bytes.includes(String(secretText)), false, file)
      assert.equal(bytes.includes(String(secretText).slice(String(hint).length)), false, file)
    }
  })

  const NAME = "Property 'displayName' must be a text of at most 256 characters."
  const dateMessage = (name: string) =>
    `Property '${name}' must be a date and time with its offset, as 2026-09-21T14:00:00Z.`
  const cannot = (name: string) =>
    `Property '${name}' cannot be set on type 'microsoft.graph.passwordCredential'.`
  const OBJECT = 'Unable to read JSON request payload. A JSON object is expected.'
  const END = "Property 'endDateTime' must be later than 'startDateTime'."
  const REFUSED: readonly (readonly [string, unknown, string])[] = [
    ['a secret of the caller', { secretText: 'hunter2' }, cannot('secretText')],
    ['an id of the caller', { keyId: randomUUID() }, cannot('keyId')],
    ['a property of another release', { tags: [] }, cannot('tags')],
    ['a name that is no text', { displayName: 7 }, NAME],
    ['a name of 257 characters', { displayName: 'x'.repeat(257) }, NAME],
    ['a date without an offset', { endDateTime: '2030-01-01T00:00:00' }, dateMessage('endDateTime')],
    ['a date that is none', { startDateTime: '2026-13-01T00:00:00Z' }, dateMessage('startDateTime')],
    ['a date as a number', { endDateTime: 1_900_000_000 }, dateMessage('endDateTime')],
    ['an end before the start', { endDateTime: '2020-01-01T00:00:00Z' }, END],
    [
      'an end at the start',
      { startDateTime: '2030-01-01T00:00:00Z', endDateTime: '2030-01-01T00:00:00Z' },
      END,
    ],
    ['a list', [], OBJECT],
  ]
  for (const [what, passwordCredential, message] of REFUSED) {
    it(`is refused with ${what}, and adds nothing`, async () => {
      const before = await listed(pathOf('applications'))
      const path = `${pathOf('applications')}/addPassword`
      const answer = await world.graph('POST', path, { passwordCredential })
      assertGraphError(answer, 400, 'Request_BadRequest', message)
      assert.deepEqual(await listed(pathOf('applications')), before)
    })
  }

  it('is refused for the hundred and first', async () => {
    const { objectId } = await world.register(app.key, { principal: false })
    for (let made = 0; made < 100; made++) await add(`/applications/${objectId}`)
    const answer = await world.graph('POST', `/applications/${objectId}/addPassword`, {})
    const message = 'An object may have at most 100 password credentials.'
    assertGraphError(answer, 400, 'Request_BadRequest', message)
  })
})

describe('removePassword', () => {
  it('removes the one that is named, in any letter case, and no other', async () => {
    const path = pathOf('applications')
    const before = await listed(path)
    const { keyId } = await add(path)
    await world.done(204, 'POST', `${path}/removePassword`, { keyId: String(keyId).toUpperCase() })
    assert.deepEqual(await listed(path), before)
  })

  it('says of an unknown one that it is not there, be it removed before or of another object', async () => {
    const path = pathOf('applications')
    const { keyId: principals } = await add(pathOf('servicePrincipals'))
    const { keyId: others } = await add(pathOf('applications', owning))
    for (const keyId of [randomUUID(), String(principals), String(others), '']) {
      const answer = await world.graph('POST', `${path}/removePassword`, { keyId })
      const message = `No password credential found with keyId '${keyId}'.`
      assertGraphError(answer, 400, 'Request_BadRequest', message)
    }
    assert.ok((await listed(pathOf('servicePrincipals'))).some(({ keyId }) => keyId === principals))
  })
})

describe('Application.ReadWrite.OwnedBy', () => {
  it("lets an application change its own secrets, and no one else's", async () => {
    const token = await world.token(owning)
    for (const kind of KINDS) {
      const added = await world.graph('POST', `${pathOf(kind, owning)}/addPassword`, {}, token)
      assert.equal(added.status, 200, kind)
      const { keyId } = added.body
      const removed = await world.graph('POST', `${pathOf(kind, owning)}/removePassword`, { keyId }, token)
      assert.equal(removed.status, 204, kind)
      for (const action of ['addPassword', 'removePassword']) {
        const answer = await world.graph('POST', `${pathOf(kind)}/${action}`, { keyId }, token)
        const message = 'Insufficient privileges to complete the operation.'
        assertGraphError(answer, 403, 'Authorization_RequestDenied', message)
      }
    }
  })
})
