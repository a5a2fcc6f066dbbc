// What a platform's store has to do, whichever it is: the same calls, and the same answers to the letter.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { assertGraphError, type Json, makeKey, newUser, type World } from '../test-support.ts'
import type { Store } from './store.ts'

/** One thing that every store does. */
export interface StoreRule {
  readonly name: string
  readonly holds: (world: World) => Promise<void>
}

const upns = (body: Json) => (body['value'] as Json[]).map((user) => String(user['mailNickname']))
const times = <T>(count: number, make: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)))
const counts = (statuses: readonly number[]) =>
  Object.fromEntries([...Map.groupBy(statuses, String)].map(([status, all]) => [status, all.length]))

async function pagesOf(world: World, path: string): Promise<string[][]> {
  const pages: string[][] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const page: Json = await world.done(200, 'GET', next)
    pages.push(upns(page))
    next = (page['@odata.nextLink'] as string | undefined)?.slice(world.platform.graphUrl.length)
  }
  return pages
}

/** The rules of the directory's tables, by the calls that use them. */
export const directoryRules: readonly StoreRule[] = [
  {
    name: 'lists people page after page in the order of their creation',
    async holds(world) {
      for (const name of ['Zoe', 'adam', 'Émile', 'bea', '_x'].map((one) => one.replace('É', 'E')))
        await world.user(`p-${name}`)
      const pages = await pagesOf(world, '/users?$top=2&$select=mailNickname')
      const mine = pages.flat().filter((name) => name.startsWith('p-'))
      assert.deepEqual(mine, ['p-Zoe', 'p-adam', 'p-Emile', 'p-bea', 'p-_x'])
      assert.equal(Math.max(...pages.map((page) => page.length)), 2)
    },
  },
  {
    name: 'finds people without regard to case, and by a list of values',
    async holds(world) {
      await world.user('Case.One', { employeeId: 'E-1' })
      await world.user('Case.Two', { employeeId: 'É-2' })
      const found = async (filter: string) =>
        upns(
          await world.done(200, 'GET', `/users?$select=mailNickname&$filter=${encodeURIComponent(filter)}`),
        )
      assert.deepEqual(await found("userPrincipalName eq 'CASE.one@CONTOSO.example'"), ['Case.One'])
      assert.deepEqual(await found("employeeId in ('e-1', 'é-2', 'none')"), ['Case.One', 'Case.Two'])
      assert.deepEqual(await found("employeeId eq 'E_1'"), [])
      assert.deepEqual(await found("employeeId eq 'E%'"), [])
    },
  },
  {
    name: 'gives a principal name to one of many who ask for it at once, and says the same to the others',
    async holds(world) {
      const answers = await times(12, (n) =>
        world.graph('POST', '/users', newUser('wanted', { displayName: `n${n}` })),
      )
      assert.deepEqual(counts(answers.map(({ status }) => status)), { 201: 1, 400: 11 })
      for (const answer of answers.filter(({ status }) => status === 400))
        assertGraphError(
          answer,
          400,
          'Request_BadRequest',
          'Another object with the same value for property userPrincipalName already exists.',
        )
    },
  },
  {
    name: 'gives an App ID URI to one of many applications that ask for it at once',
    async holds(world) {
      const uri = `api://${randomUUID()}`
      const answers = await times(12, (n) =>
        world.graph('POST', '/applications', { displayName: `n${n}`, identifierUris: [uri] }),
      )
      assert.deepEqual(counts(answers.map(({ status }) => status)), { 201: 1, 400: 11 })
    },
  },
  {
    name: 'adds one service principal of an application, however many ask for it at once',
    async holds(world) {
      const { appId } = await world.done(201, 'POST', '/applications', { displayName: 'once' })
      const answers = await times(8, () => world.graph('POST', '/servicePrincipals', { appId }))
      assert.deepEqual(counts(answers.map(({ status }) => status)), { 201: 1, 409: 7 })
    },
  },
  {
    name: 'keeps to the bound of secrets when they are added at once, and shows every one that it acknowledged',
    async holds(world) {
      const { id } = await world.done(201, 'POST', '/applications', { displayName: 'secrets' })
      const answers = await times(110, () =>
        world.graph('POST', `/applications/${String(id)}/addPassword`, {}),
      )
      assert.deepEqual(counts(answers.map(({ status }) => status)), { 200: 100, 400: 10 })
      const { passwordCredentials } = await world.done(200, 'GET', `/applications/${String(id)}`)
      const kept = new Set((passwordCredentials as Json[]).map(({ keyId }) => keyId))
      const acknowledged = answers.flatMap(({ status, body }) => (status === 200 ? [body['keyId']] : []))
      assert.deepEqual(kept, new Set(acknowledged))
    },
  },
  {
    name: 'grants a role once',
    async holds(world) {
      const app = await world.register(await makeKey(world.clock.ms))
      const resourceId = await world.graphPrincipal()
      const body = {
        principalId: app.principalId,
        resourceId,
        appRoleId: 'df021288-bdef-4463-88db-98f22de89214',
      }
      const path = `/servicePrincipals/${app.principalId}/appRoleAssignments`
      const answers = await times(6, () => world.graph('POST', path, body))
      assert.deepEqual(counts(answers.map(({ status }) => status)), { 201: 1, 400: 5 })
      const { value } = await world.done(200, 'GET', path)
      assert.equal((value as Json[]).length, 1)
    },
  },
  {
    name: 'keeps a credential of a service principal apart from those of its application',
    async holds(world) {
      const app = await world.register(await makeKey(world.clock.ms))
      const own = await world.done(200, 'POST', `/servicePrincipals/${app.principalId}/addPassword`, {})
      const principal = await world.done(200, 'GET', `/servicePrincipals/${app.principalId}`)
      const application = await world.done(200, 'GET', `/applications/${app.objectId}`)
      assert.deepEqual(
        [principal['passwordCredentials'], application['passwordCredentials']].map(
          (list) => (list as Json[]).length,
        ),
        [1, 0],
      )
      const { keyId } = own
      const path = `/servicePrincipals/${app.principalId}/removePassword`
      assert.equal((await world.graph('POST', path, { keyId })).status, 204)
      assert.equal((await world.graph('POST', path, { keyId })).status, 400)
    },
  },
  {
    name: 'exports credentials of an application and of its service principal, each with its own',
    async holds(world) {
      const app = await world.register(await makeKey(world.clock.ms))
      const own = await world.done(200, 'POST', `/servicePrincipals/${app.principalId}/addPassword`, {})
      const { tenants } = await world.platform.exportState()
      const [tenant] = tenants as readonly Readonly<Record<string, readonly Json[]>>[]
      const keyIds = (list: string) =>
        ((tenant?.[list] ?? []).filter(({ appId }) => appId === app.appId) as { secrets: Json[] }[]).flatMap(
          ({ secrets }) => secrets.map(({ keyId }) => keyId),
        )
      assert.deepEqual([keyIds('applications'), keyIds('servicePrincipals')], [[], [own['keyId']]])
    },
  },
  {
    name: 'finds nothing where there is nothing, and refuses a text that cannot be stored',
    async holds(world) {
      assert.deepEqual(await world.done(200, 'GET', "/servicePrincipals?$filter=displayName%20eq%20'none'"), {
        value: [],
      })
      const answer = await world.graph('GET', '/applications/%00')
      assertGraphError(
        answer,
        400,
        'Request_BadRequest',
        'Unable to read the request: its body or headers are malformed.',
      )
    },
  },
]

/** One thing that every database does beneath the directory. */
export interface DatabaseRule {
  readonly name: string
  readonly holds: (store: Store) => Promise<void>
}

/** The rules of the database itself. */
export const databaseRules: readonly DatabaseRule[] = [
  {
    name: 'orders and compares texts by their bytes',
    async holds({ db }) {
      const names = ['a', 'B', 'Z', 'z', 'ä', '_', 'Ab', 'aa', '-b', 'é', 'ß', '😀', 'a ', 'ａ']
      const tag = randomUUID()
      await db
        .insertInto('setting')
        .values(names.map((name) => ({ name: `${tag}${name}`, value: name })))
        .execute()
      const rows = await db
        .selectFrom('setting')
        .select('value')
        .where('name', 'like', `${tag}%`)
        .orderBy('name')
        .execute()
      const bytewise = [...names].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      assert.deepEqual(
        rows.map(({ value }) => value),
        bytewise,
      )
      const exact = await db.selectFrom('setting').select('value').where('name', '=', `${tag}A`).execute()
      assert.deepEqual(exact, [])
    },
  },
  {
    name: 'gives back milliseconds as the numbers they were',
    async holds({ db }) {
      const id = randomUUID()
      await db.insertInto('tenant').values({ id, display_name: 'x', created_at_ms: 8.64e15 }).execute()
      const row = await db
        .selectFrom('tenant')
        .select('created_at_ms')
        .where('id', '=', id)
        .executeTakeFirst()
      assert.equal(row?.created_at_ms, 8.64e15)
    },
  },
  {
    name: 'leaves nothing of a transaction that fails',
    async holds({ db }) {
      const [one, other] = [randomUUID(), randomUUID()]
      const failing = db.transaction().execute(async (transaction) => {
        await transaction.insertInto('setting').values({ name: one, value: 'x' }).execute()
        await transaction.insertInto('setting').values({ name: other, value: 'x' }).execute()
        throw new Error('taken back')
      })
      await assert.rejects(failing, { message: 'taken back' })
      const rows = await db.selectFrom('setting').select('name').where('name', 'in', [one, other]).execute()
      assert.deepEqual(rows, [])
    },
  },
  {
    name: 'runs transactions one after another, so that none counts what another is about to add',
    async holds({ db }) {
      const tag = randomUUID()
      await times(20, () =>
        db.transaction().execute(async (transaction) => {
          const known = await transaction
            .selectFrom('setting')
            .select('name')
            .where('name', 'like', `${tag}%`)
            .execute()
          const value = String(known.length)
          await transaction
            .insertInto('setting')
            .values({ name: `${tag}${value}`, value })
            .execute()
        }),
      )
      const rows = await db.selectFrom('setting').select('name').where('name', 'like', `${tag}%`).execute()
      assert.equal(rows.length, 20)
    },
  },
  {
    name: 'refuses a row without its parent, and deletes the rows of a parent with it',
    async holds({ db }) {
      const id = randomUUID()
      const orphan = { name: `${id}.example`, tenant_id: id, is_default: 1 } as const
      await assert.rejects(db.insertInto('domain').values(orphan).execute(), /foreign key/i)
    },
  },
  {
    name: 'takes an empty list of values for none',
    async holds({ db }) {
      assert.deepEqual(await db.selectFrom('setting').select('name').where('name', 'in', []).execute(), [])
    },
  },
  {
    name: 'refuses a text with U+0000 before it reaches the database',
    async holds({ db }) {
      await assert.rejects(db.selectFrom('setting').select('name').where('name', '=', 'a\0b').execute(), {
        name: 'UnstorableText',
        message: 'Cannot store or look for a text with U+0000 in it',
      })
    },
  },
  {
    name: 'drops what was read at a change, and not before',
    async holds({ db, cache }) {
      const name = randomUUID()
      const read = () =>
        cache.read(`setting ${name}`, (reader) =>
          reader.selectFrom('setting').select('value').where('name', '=', name).execute(),
        )
      assert.deepEqual(await read(), [])
      await db.insertInto('setting').values({ name, value: 'one' }).execute()
      assert.deepEqual(
        (await read()).map(({ value }) => value),
        ['one'],
      )
      await db.transaction().execute(async (transaction) => {
        await transaction.updateTable('setting').set({ value: 'two' }).where('name', '=', name).execute()
      })
      assert.deepEqual(
        (await read()).map(({ value }) => value),
        ['two'],
      )
    },
  },
]
