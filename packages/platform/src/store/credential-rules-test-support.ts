// Trust in names of certificates, and keys of an API's own, by the calls that use their tables: the same on every store.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type App, type Json, makeKey, type World } from '../test-support.ts'
import { certificateMaker, type Made } from '../token/certificate-test-support.ts'
import type { StoreRule } from './conformance-test-support.ts'

const AUTHORITIES = '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'

const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { readonly kid: string }).kid
const kidOfThumbprint = (thumbprint: unknown) => Buffer.from(String(thumbprint), 'hex').toString('base64url')

/** An API with a role, and a client that has it. */
async function apiAndClient(world: World): Promise<{ api: App; client: App; scope: string }> {
  const key = await makeKey(world.clock.ms)
  const [role, uri] = [randomUUID(), `api://${randomUUID()}`]
  const appRoles = [{ id: role, value: 'Read.All', allowedMemberTypes: ['Application'] }]
  const api = await world.register(key, { identifierUris: [uri], appRoles })
  const client = await world.register(key)
  await world.assign(client, api.principalId, role)
  return { api, client, scope: `${uri}/.default` }
}

async function publishedFor(world: World, { appId }: App): Promise<readonly unknown[]> {
  const { body } = await world.send(`/${world.tenantId}/discovery/v2.0/keys?appid=${appId}`)
  return (body['keys'] as Json[]).map(({ kid }) => kid)
}

/** Posts an assertion whose certificate is named by its chain alone. */
function present(world: World, from: App, leaf: Made, chain: readonly Made[]) {
  const header = { 'x5t#S256': undefined, x5c: chain.map(({ der }) => der) }
  const assertion = world.assertion({ ...from, key: leaf.key }, { header })
  return world.postForm(world.form(from, { client_assertion: assertion }))
}

/** The rules of what proves a client and what signs a token. */
export const credentialRules: readonly StoreRule[] = [
  {
    name: 'signs the tokens for an API with its own key while it is preferred, and restores it with what was deleted',
    async holds(world) {
      const { api, client, scope } = await apiAndClient(world)
      const path = `/servicePrincipals/${api.principalId}`
      const prefer = (preferredTokenSigningKeyThumbprint: unknown) =>
        world.done(204, 'PATCH', path, { preferredTokenSigningKeyThumbprint })
      const own = await world.done(200, 'POST', `${path}/addTokenSigningCertificate`, {
        displayName: 'CN=own',
      })
      const kid = kidOfThumbprint(own['thumbprint'])
      assert.notEqual(kidOf(await world.token(client, scope)), kid)
      await prefer(own['thumbprint'])
      assert.equal(kidOf(await world.token(client, scope)), kid)
      assert.notEqual(kidOf(await world.token(client)), kid)
      assert.equal((await publishedFor(world, api))[0], kid)
      assert.ok(!(await publishedFor(world, client)).includes(kid))
      await world.done(204, 'DELETE', path)
      await world.done(200, 'POST', `/directory/deletedItems/${api.principalId}/restore`)
      assert.equal(kidOf(await world.token(client, scope)), kid)
      await prefer(null)
      assert.notEqual(kidOf(await world.token(client, scope)), kid)
    },
  },
  {
    name: 'keeps to the bound of an API’s own keys when they are added at once',
    async holds(world) {
      const { api } = await apiAndClient(world)
      const path = `/servicePrincipals/${api.principalId}/addTokenSigningCertificate`
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => world.graph('POST', path, { displayName: 'CN=own' })),
      )
      const statuses = Map.groupBy(answers, ({ status }) => status)
      assert.deepEqual([statuses.get(200)?.length, statuses.get(400)?.length], [10, 2])
    },
  },
  {
    name: 'proves an application by a name that an authority vouches for, as long as the tenant trusts it',
    async holds(world) {
      const make = certificateMaker(world.clock.ms)
      const root = await make({ subject: 'CN=Root', ca: true })
      const stranger = await make({ subject: 'CN=Root', ca: true, keys: undefined })
      const [leaf, other] = [
        await make({ subject: 'CN=daemon.contoso.example', issuer: root }),
        await make({ subject: 'CN=daemon.contoso.example', issuer: stranger }),
      ]
      const { id } = await world.done(201, 'POST', AUTHORITIES, {
        displayName: 'Contoso',
        trustedCertificateAuthorities: [{ isRootAuthority: true, certificate: root.der }],
      })
      const subject = { authorityId: id, subjectName: 'daemon.contoso.example' }
      const app = await world.register(leaf, { keyCredentials: [], trustedCertificateSubjects: [subject] })
      assert.equal((await present(world, app, leaf, [leaf])).status, 200)
      const refused = await present(world, app, other, [other, stranger])
      assert.deepEqual([refused.status, refused.body['error_codes']], [401, [700027]])
      assert.equal((await world.graph('DELETE', `${AUTHORITIES}/${String(id)}`)).status, 400)
      await world.done(204, 'PATCH', `/applications/${app.objectId}`, { trustedCertificateSubjects: [] })
      assert.equal((await present(world, app, leaf, [leaf])).status, 401)
      await world.done(204, 'DELETE', `${AUTHORITIES}/${String(id)}`)
    },
  },
]
