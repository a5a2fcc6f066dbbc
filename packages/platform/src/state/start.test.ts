// A platform that is started with a seed: its ids, its secrets, and what it gives out again.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { systemNow } from '../clock.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'
import { claimsOf, GRAPH_SCOPE, temporaryFolder, World } from '../test-support.ts'
import { ownDatabase } from '../store/postgres-test-support.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { exportPlatform } from './export-platform.ts'
import { randomState, seeded } from './random-state-test-support.ts'

const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
const STATE = {
  version: 1,
  tenants: [
    {
      id: TENANT,
      displayName: 'Fabrikam',
      domains: ['fabrikam.example', 'fabrikam.test'],
      applications: [
        {
          appId: CLIENT,
          displayName: 'nightly-sync',
          secrets: [{ displayName: 'ci', secretEnv: 'CI_SECRET' }],
        },
      ],
      servicePrincipals: [{ appId: CLIENT }],
      assignments: [{ principal: CLIENT, resource: GRAPH_APP_ID, role: GRAPH_ROLES['User.Read.All'].id }],
    },
  ],
}

describe('a platform with a seed', () => {
  it('has its tenant and gives tokens for its short secret, at every start', async (t) => {
    const folder = await temporaryFolder()
    const seed = { state: STATE, environment: { CI_SECRET: 'short' } }
    for (let start = 0; start < 2; start++) {
      const world = await World.start(folder, { seed })
      // An assertion that fails must not leave it running, which the test would wait for.
      t.after(() => world.stop())
      assert.equal(world.tenantId, TENANT)
      const form = { grant_type: 'client_credentials', client_id: CLIENT, scope: GRAPH_SCOPE }
      const answer = await world.postForm({ ...form, client_secret: 'short' }, 'fabrikam.test')
      assert.equal(answer.status, 200, answer.text)
      assert.deepEqual(claimsOf(String(answer.body['access_token']))['roles'], ['User.Read.All'])
      const refused = await world.postForm({ ...form, client_secret: 'wrong' })
      assert.deepEqual(refused.body['error_codes'], [7000215])
      const exported = await world.platform.exportState()
      await world.stop()
      assert.deepEqual(await exportPlatform({ dataFolder: folder }), exported)
      assert.ok(!JSON.stringify(exported).includes(world.platform.operator.clientId))
    }
    await rm(folder, { recursive: true, force: true })
  })

  for (const store of ['SQLite', 'PostgreSQL'] as const) {
    const url = process.env['DATABASE_URL'] ?? ''
    const skip =
      store === 'PostgreSQL' && url === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'
    const databaseFor = async (t: TestContext) => {
      const own = store === 'PostgreSQL' ? await ownDatabase(url) : undefined
      t.after(() => own?.remove())
      return own?.url
    }

    it(`starts with its export in another folder, and is the same again, on ${store}`, {
      skip,
    }, async (t) => {
      const made = await makeSelfSigned('seeded', { notBeforeMs: 0, notAfterMs: systemNow() + 86_400_000 })
      const certificate = new X509Certificate(made.certificate).raw.toString('base64')
      const exports: unknown[] = []
      for (let state: unknown = randomState(seeded(7), certificate); exports.length < 2; state = exports[0]) {
        const database = await databaseFor(t)
        const world = await World.start(await temporaryFolder(), { seed: { state }, database })
        exports.push(JSON.parse(JSON.stringify(await world.platform.exportState())))
        await world.remove()
      }
      assert.deepEqual(exports[1], exports[0])
      assert.ok(!/PRIVATE|secretText|sealed/.test(JSON.stringify(exports)))
    })

    it(`with an id that is something else's is refused by its path, on ${store}`, { skip }, async (t) => {
      const [tenant] = STATE.tenants
      const application = { appId: CLIENT, id: CLIENT, displayName: 'x' }
      const applications = [application, { ...application, appId: TENANT }]
      const state = { ...STATE, tenants: [{ ...tenant, applications }] }
      const folder = await temporaryFolder()
      const database = await databaseFor(t)
      t.after(() => rm(folder, { recursive: true, force: true }))
      await assert.rejects(World.start(folder, { seed: { state }, database }), {
        code: 'seed_contradicts',
        message:
          'Cannot use the seed, as each entry must be valid and not be there otherwise: $.tenants[0].applications[1]: an id or a name of it is that of something else; give it one of its own',
      })
    })
  }

  it('that has a mistake anywhere writes nothing, not even the first tenant', async (t) => {
    const folder = await temporaryFolder()
    const [tenant] = STATE.tenants
    const state = {
      ...STATE,
      tenants: [{ ...tenant, people: [{ userPrincipalName: 'x', displayName: 'x' }] }],
    }
    const seed = { state, environment: { CI_SECRET: 'short' } }
    await assert.rejects(World.start(folder, { seed }), {
      code: 'seed_contradicts',
      message:
        "Cannot use the seed, as each entry must be valid and not be there otherwise: $.tenants[0].people[0]: Invalid value specified for property 'userPrincipalName' of resource 'User'.",
    })
    assert.deepEqual(await exportPlatform({ dataFolder: folder }), { version: 1, tenants: [] })
    // Corrected, it may name another tenant: the wrong one has left nothing.
    const corrected = { ...STATE, tenants: [{ ...tenant, id: CLIENT }] }
    const world = await World.start(folder, { seed: { ...seed, state: corrected } })
    t.after(() => world.remove())
    const exported = (await world.platform.exportState()).tenants as readonly { readonly id: string }[]
    assert.deepEqual(
      exported.map(({ id }) => id),
      [CLIENT],
    )
  })

  it('is not started with one that is wrong', async () => {
    const folder = await temporaryFolder()
    await assert.rejects(World.start(folder, { seed: { state: { version: 1 } } }), { code: 'seed_invalid' })
    await rm(folder, { recursive: true, force: true })
  })
})
