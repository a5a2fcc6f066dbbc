// What replicas of a platform on one database have to agree about; on SQLite, a platform with itself after its next start.
import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { type OwnDatabase, ownDatabase } from './store/postgres-test-support.ts'
import {
  type Answer,
  type App,
  assertRefused,
  claimsOf,
  type Json,
  makeKey,
  temporaryFolder,
  World,
} from './test-support.ts'

const server = process.env['DATABASE_URL'] ?? ''
const noPostgres = server === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'
const ORIGIN = 'https://login.example'
const MINUTE_MS = 60_000
const REPEATED = 'Assertion is invalid. [Reason - Its jti has been used before.]'

const STORES: readonly (readonly [name: string, skip: string | false, own?: () => Promise<OwnDatabase>])[] = [
  ['SQLite', false],
  ['PostgreSQL', noPostgres, () => ownDatabase(server)],
]

for (const [name, skip, own] of STORES) {
  describe(`two replicas behind one name, on ${name}`, { skip }, () => {
    let folder: string
    let database: OwnDatabase | undefined
    let worlds: World[]
    let app: App

    const open = async () => {
      const world = await World.start(folder, { database: database?.url, publicOrigin: ORIGIN })
      const [first] = worlds
      if (first) world.clock.ms = first.clock.ms
      worlds.push(world)
      return world
    }
    /** The replica that is not asked first. */
    const other = async (): Promise<World> => {
      if (!database) {
        const [last] = worlds
        await last?.stop()
        await open()
        worlds.shift()
      }
      return worlds.at(-1) ?? assert.fail('none')
    }
    const one = () => worlds[0] ?? assert.fail('none')
    const pass = (ms: number) => {
      for (const world of worlds) world.clock.ms += ms
    }

    before(async () => {
      folder = await temporaryFolder()
      database = await own?.()
      worlds = []
      await open()
      if (database) await open()
      app = await one().register(await makeKey(one().clock.ms), { identifierUris: ['api://orders'] })
    })
    after(async () => {
      for (const world of worlds) await world.stop()
      await database?.remove()
      await rm(folder, { recursive: true, force: true })
    })

    it('say the same of themselves, whichever port and name they are asked at', async () => {
      const path = `/${one().tenantId}/v2.0/.well-known/openid-configuration`
      const said = [(await one().send(path)).body]
      const replica = await other()
      for (const headers of [{}, { host: 'login.example' }])
        said.push((await replica.send(path, { headers })).body)
      assert.equal(said[0]?.['issuer'], `${ORIGIN}/${one().tenantId}/v2.0`)
      assert.equal(said[0]?.['token_endpoint'], `${ORIGIN}/${one().tenantId}/oauth2/v2.0/token`)
      for (const document of said) assert.deepEqual(document, said[0])
      assert.equal((await replica.send(path, { headers: { host: 'login.example:444' } })).status, 421)
      const endpoint = encodeURIComponent(`${ORIGIN}/common/oauth2/v2.0/authorize`)
      const instance = `/common/discovery/instance?api-version=1.1&authorization_endpoint=${endpoint}`
      assert.equal((await replica.send(instance)).status, 200)
    })

    it('issue tokens of one issuer, for which each lets the caller in', async () => {
      const versions = { api: { requestedAccessTokenVersion: 2 } }
      await one().done(204, 'PATCH', `/applications/${app.objectId}`, versions)
      const token = await one().token(app, 'api://orders/.default')
      assert.equal(claimsOf(token)['iss'], `${ORIGIN}/${one().tenantId}/v2.0`)
      const graphToken = await one().token(await one().operator())
      const replica = await other()
      assert.equal((await replica.graph('GET', '/organization', undefined, graphToken)).status, 200)
    })

    it('refuse an assertion for the port of one of them: it is for the name', async () => {
      const aud = `${one().platform.localOrigin}/${one().tenantId}/oauth2/v2.0/token`
      const assertion = one().assertion(app, { claims: { aud } })
      const answer = await one().postForm(one().form(app, { client_assertion: assertion }))
      assertRefused(one(), answer, 700023, 'Client assertion audience claim does not match Realm issuer.')
    })

    /** Sets the option, and waits until each replica has heard of it. */
    const refuse = async (value: boolean) => {
      const change = { refuseRepeatedAssertions: value }
      await one().done(204, 'PATCH', '/tomte/tenants/contoso.example', change)
      for (const world of worlds) while ((await isRefused(world)) !== value);
    }
    const isRefused = async (world: World) => {
      const form = world.form(app)
      await world.postForm(form)
      return codeOf(await world.postForm(form)) === 50013
    }

    it('accept an assertion as often as it comes, unless the tenant refuses that', async () => {
      const tenant = await one().done(200, 'GET', '/tomte/tenants/contoso.example')
      assert.equal(tenant['refuseRepeatedAssertions'], false)
      const form = one().form(app)
      for (const again of [1, 2]) assert.equal((await one().postForm(form)).status, 200, `${again}`)
      assert.equal((await (await other()).postForm(form)).status, 200)
    })

    it('refuse an assertion that the other has accepted, where the tenant wants that', async () => {
      await refuse(true)
      const form = one().form(app)
      assert.equal((await one().postForm(form)).status, 200)
      assertRefused(one(), await one().postForm(form), 50013, REPEATED)
      const replica = await other()
      assertRefused(replica, await replica.postForm(form), 50013, REPEATED)
      assert.equal((await replica.postForm(replica.form(app))).status, 200)
    })

    it('give one token for an assertion that comes to both at once', async () => {
      const form = one().form(app)
      const last = worlds.at(-1) ?? one()
      const sent = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? one() : last).postForm(form))
      const codes = (await Promise.all(sent)).map(codeOf).sort((a, b) => a - b)
      assert.deepEqual(codes, [0, ...Array<number>(7).fill(50013)])
    })

    it('know of an assertion until it would be refused for its time, and take the same jti of another application', async () => {
      const assertion = one().assertion(app, { claims: { jti: 'once' } })
      const form = one().form(app, { client_assertion: assertion })
      assert.equal((await one().postForm(form)).status, 200)
      pass(15 * MINUTE_MS)
      assertRefused(one(), await one().postForm(form), 50013, REPEATED)
      pass(1000)
      assert.deepEqual(codeOf(await one().postForm(form)), 700024)
      const second = await one().register(app.key)
      const own = one().assertion(second, { claims: { jti: 'once' } })
      assert.equal((await one().postForm(one().form(second, { client_assertion: own }))).status, 200)
    })

    it('demand an id and a near end of assertions that they have to remember', async () => {
      const send = (claims: Json) =>
        one().postForm(one().form(app, { client_assertion: one().assertion(app, { claims }) }))
      const text = 'Invalid JWT token. jti must be a text of at most 300 characters.'
      for (const jti of [undefined, '', 7, 'x'.repeat(301)])
        assertRefused(one(), await send({ jti }), 50027, text)
      const seconds = Math.floor(one().clock.ms / 1000)
      assertRefused(
        one(),
        await send({ exp: seconds + 3601 }),
        50027,
        'Invalid JWT token. exp must be at most 3600 seconds ahead.',
      )
      assert.equal((await send({ exp: seconds + 3600 })).status, 200)
      await refuse(false)
      assert.equal((await send({ jti: undefined })).status, 200)
    })

    it('refuse the tokens that the other has ended', async () => {
      const reader = await one().register(app.key, { roles: ['User.Read.All'] })
      const claims = JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] } } })
      const { body } = await one().postForm(one().form(reader, { claims }))
      const users = async (world: World) =>
        (await world.graph('GET', '/users', undefined, String(body['access_token']))).status
      for (const world of worlds) assert.equal(await users(world), 200)
      const ids = { servicePrincipalIds: [reader.principalId] }
      for (const verb of ['confirmCompromised', 'dismiss'])
        await one().done(204, 'POST', `/identityProtection/riskyServicePrincipals/${verb}`, ids)
      assert.equal(await users(one()), 401)
      // It hears of it within a second.
      const replica = await other()
      while ((await users(replica)) !== 401);
    })

    it('know the directory roles that the other has given', async () => {
      const holder = await one().register(app.key)
      const role = `/directoryRoles(roleTemplateId='88d8e3e3-8f55-4a1e-953a-9b9898b8876b')`
      const link = { '@odata.id': `${ORIGIN}/graph/v1.0/servicePrincipals/${holder.principalId}` }
      const before = claimsOf(await one().token(holder))['wids'] as string[]
      await one().done(204, 'POST', `${role}/members/$ref`, link)
      const replica = await other()
      const filter = encodeURIComponent("displayName eq 'directory readers'")
      const found = await replica.done(200, 'GET', `/directoryRoles?$filter=${filter}`)
      assert.equal((found['value'] as Json[]).length, 1)
      const { value } = await replica.done(200, 'GET', `${role}/members`)
      assert.deepEqual(
        (value as Json[]).map(({ id }) => id),
        [holder.principalId],
      )
      // It hears of it within a second.
      let wids = before
      while (wids.length === 1) wids = claimsOf(await replica.token(holder))['wids'] as string[]
      assert.deepEqual(wids, ['88d8e3e3-8f55-4a1e-953a-9b9898b8876b', ...before])
    })

    it('know the sessions that the other has opened and closed', async () => {
      const password = await passwordOf(one())
      const signedIn = await signIn(one(), { password })
      const cookie = signedIn.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      const replica = await other()
      const portal = (world: World) => world.send('/portal', { headers: { cookie } })
      assert.deepEqual([(await portal(one())).status, (await portal(replica)).status], [200, 200])
      await submit(replica, '/portal/sign-out', {}, cookie)
      assert.deepEqual([(await portal(one())).status, (await portal(replica)).status], [303, 303])
    })

    it('count wrong passwords together, and lock an account together', async () => {
      const account = { username: 'ann@contoso.example' }
      const { password } = await one().done(201, 'POST', '/tomte/tenants/contoso.example/accounts', {
        userName: account.username,
      })
      for (let guess = 1; guess <= 10; guess++) {
        if (guess === 6) pass(MINUTE_MS)
        const world = guess % 2 === 0 ? one() : (worlds.at(-1) ?? one())
        assert.equal((await signIn(world, { ...account, password: `wrong ${guess}` })).status, 401)
      }
      const right = { ...account, password: String(password) }
      const replica = await other()
      for (const world of [one(), replica]) {
        const locked = await signIn(world, right)
        assert.deepEqual([locked.status, locked.headers['retry-after']], [429, '900'])
      }
      pass(15 * MINUTE_MS)
      assert.equal((await signIn(replica, right)).status, 303)
    })
  })
}

const codeOf = ({ body }: Answer): number => (body['error_codes'] as number[] | undefined)?.[0] ?? 0

async function passwordOf({ platform }: World): Promise<string> {
  return (await readFile(platform.keyFiles.path('administrator-password'), 'utf8')).trim()
}

const signIn = (world: World, fields: Readonly<Record<string, string>>) =>
  submit(world, '/portal/sign-in', fields, '')

const submit = (world: World, path: string, fields: Readonly<Record<string, string>>, cookie: string) =>
  world.send(path, {
    method: 'POST',
    headers: { origin: ORIGIN, cookie, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })
