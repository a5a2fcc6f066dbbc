// A data folder that the previous release has left, opened by this one: nothing of it is lost, and its secret still opens.
import assert from 'node:assert/strict'
import { hash, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { claimsOf, GRAPH_SCOPE, type Json, makeKey, temporaryFolder, World } from '../test-support.ts'

const APP_ID = 'af73165c-996a-46e3-8db9-476d0ec2603d'
const TENANT_ID = '489898ed-b4f8-4967-a985-202f71a362c4'

describe('a data folder of the previous release', () => {
  it('goes on in this one, with its people, credentials, grants and identities', async (t) => {
    const folder = join(await temporaryFolder(), 'previous')
    t.after(() => rm(folder, { recursive: true, force: true }))
    await mkdir(folder)
    const secret = randomBytes(36).toString('base64url')
    const { certificate } = await makeKey(Date.now())
    const der = new X509Certificate(certificate).raw.toString('base64')
    const text = await readFile(new URL('previous-release.sql', import.meta.url), 'utf8')
    const sqlite = new DatabaseSync(join(folder, 'platform.db'))
    sqlite.exec(
      text.replaceAll('@hash@', hash('sha256', secret, 'base64url')).replaceAll('@certificate@', der),
    )
    sqlite.close()

    // The operator of the folder is not in the fixture, so this start makes one, in a tenant of its own.
    const world = await World.start(folder, { tenant: { domain: 'contoso.example', displayName: 'Contoso' } })
    t.after(() => world.stop())
    const form = {
      grant_type: 'client_credentials',
      client_id: APP_ID,
      client_secret: secret,
      scope: GRAPH_SCOPE,
    }
    const answer = await world.postForm(form, 'fabrikam.example')
    assert.equal(answer.status, 200, answer.text)
    const token = String(answer.body['access_token'])
    assert.deepEqual([claimsOf(token)['roles'], claimsOf(token)['tid']], [['User.Read.All'], TENANT_ID])

    // What this release compares people by is made of what the previous one kept.
    const filter = encodeURIComponent("startsWith(jobTitle,'PLANLÆGGER')")
    const found = await world.graph(
      'GET',
      `/users?$filter=${filter}&$select=displayName,employeeId`,
      undefined,
      token,
    )
    assert.deepEqual(found.body['value'], [{ displayName: 'Bjørn Ærø', employeeId: 'E-1' }])
    const delta = await world.graph('GET', '/users/delta?$select=id', undefined, token)
    assert.equal((delta.body['value'] as readonly Json[]).length, 2)

    const { tenants } = await world.platform.exportState()
    const tenant = (
      tenants as readonly (Readonly<Record<string, readonly Json[]>> & { readonly id: string })[]
    ).find(({ id }) => id === TENANT_ID)
    const [application] = (tenant?.['applications'] ?? []).filter((one) => one['appId'] === APP_ID)
    const lists = ['certificates', 'secrets', 'federatedCredentials', 'owners'] as const
    assert.deepEqual(
      lists.map((name) => ((application?.[name] ?? []) as readonly Json[]).length),
      [1, 1, 1, 0],
    )
    assert.equal(((application?.['certificates'] ?? []) as readonly Json[])[0]?.['certificate'], der)
    assert.deepEqual(
      tenant?.['managedIdentities']?.map(({ name, kind }) => [name, kind]),
      [['machine', 'system']],
    )
    assert.deepEqual(
      tenant?.['people']?.map(({ displayName, manager }) => [displayName, manager]),
      [
        ['Adele Vance', undefined],
        ['Bjørn Ærø', 'adele@fabrikam.example'],
      ],
    )
    assert.deepEqual([tenant?.['groups'], tenant?.['policies']], [[], []])
  })
})
