// Tokens of this platform as proof for another application: those of user-assigned managed identities, and no others.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type IdentityWorld, startHost } from '../managed-identity/test-support.ts'
import { type App, type Answer, assertRefused, claimsOf, makeKey, signJwt } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'

const EXCHANGE = 'api://AzureADTokenExchange'
const REASON =
  'Only app-only tokens can be used as Federated Identity Credentials for Microsoft Entra issuer. The subject must be a user-assigned managed identity of the application’s own tenant.'

let host: IdentityWorld
let key: CertifiedKey
let trusting: App
let workload: App

before(async () => {
  host = await startHost([
    { kind: 'system', name: 'machine' },
    { kind: 'user', name: 'batch' },
  ])
  const { world } = host
  key = await makeKey(world.clock.ms)
  workload = await world.register(key, { displayName: 'workload' })
  trusting = await world.register(key, { displayName: 'trusting', keyCredentials: [] })
  const subjects = {
    machine: host.identity('machine').principalId,
    batch: host.identity('batch').principalId,
    workload: workload.principalId,
  }
  for (const [name, subject] of Object.entries(subjects))
    await world.done(201, 'POST', `/applications/${trusting.objectId}/federatedIdentityCredentials`, {
      name: `of-${name}`,
      issuer: `${world.platform.origin}/${world.tenantId}/v2.0`,
      subject,
      audiences: [EXCHANGE],
    })
})
after(() => host.world.remove())

const present = (assertion: string): Promise<Answer> =>
  host.world.postForm(host.world.form(trusting, { client_assertion: assertion }))

async function identityToken(name: string): Promise<string> {
  const { body } = await host.imds({ resource: EXCHANGE, client_id: host.identity(name).clientId })
  return String(body['access_token'])
}

describe('a token of this platform as an assertion', () => {
  it('proves an application that trusts its user-assigned managed identity', async () => {
    const { status, body } = await present(await identityToken('batch'))
    assert.deepEqual([status, claimsOf(String(body['access_token']))['sub']], [200, trusting.principalId])
  })

  it('is refused of a system-assigned identity, and of an application, though a credential names it', async () => {
    assertRefused(host.world, await present(await identityToken('machine')), 700229, REASON)
    const token = await host.world.token(workload, `${EXCHANGE}/.default`)
    assertRefused(host.world, await present(token), 700229, REASON)
  })

  it('is refused if this platform did not sign it, without asking anyone', async () => {
    const forged = signJwt({ alg: 'RS256', kid: 'k1' }, claimsOf(await identityToken('batch')), key)
    assertRefused(
      host.world,
      await present(forged),
      50013,
      'Assertion failed signature validation. [Reason - The key was not found.]',
    )
  })
})
