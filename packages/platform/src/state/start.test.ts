// A platform that is started with a seed: its ids, its secrets, and what it gives out again.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'
import { claimsOf, GRAPH_SCOPE, temporaryFolder, World } from '../test-support.ts'
import { exportPlatform } from './export-platform.ts'

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

  it('is not started with one that is wrong', async () => {
    const folder = await temporaryFolder()
    await assert.rejects(World.start(folder, { seed: { state: { version: 1 } } }), { code: 'seed_invalid' })
    await rm(folder, { recursive: true, force: true })
  })
})
