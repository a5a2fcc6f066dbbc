// What becomes of good tokens when their service principal is disabled, deleted or at risk: those of a client that can answer a
// challenge are refused at once, others live until they end (wire.md §11).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Answer, type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'

let world: World
let key: CertifiedKey
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
})
after(() => world.remove())

const CP1 = { xms_cc: { values: ['cp1'] } }
const OUTDATED =
  'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenCreatedWithOutdatedPolicies'

const ask = (app: App, access: Json) =>
  world.postForm(world.form(app, { claims: JSON.stringify({ access_token: access }) }))
const tokenWith = async (app: App, access: Json = CP1) =>
  String((await ask(app, access)).body['access_token'])
const users = (token: string) => world.graph('GET', '/users', undefined, token)
const registered = () => world.register(key, { roles: ['User.Read.All'] })

/** What the challenge of an answer asks of the next token. */
function asked({ headers }: Answer): { readonly nbf: Json } {
  const header = String(headers['www-authenticate'])
  assert.match(header, /^Bearer realm="", error="insufficient_claims", /)
  const [, encoded = ''] = /claims="([^"]+)"/.exec(header) ?? []
  const claims = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as {
    access_token: { nbf: Json }
  }
  return claims.access_token
}

const risky = (verb: string) => (app: App) =>
  world.done(204, 'POST', `/identityProtection/riskyServicePrincipals/${verb}`, {
    servicePrincipalIds: [app.principalId],
  })
const patch = (path: string, body: Json) => world.done(204, 'PATCH', path, body)
const remove = (path: string) => world.done(204, 'DELETE', path)
const restore = (id: string) => world.done(200, 'POST', `/directory/deletedItems/${id}/restore`)

interface Event {
  readonly end: (app: App) => Promise<unknown>
  /** What the token endpoint answers who follows the challenge; a risk alone is no reason to refuse a token. */
  readonly code: number | undefined
  readonly undo: (app: App) => Promise<unknown>
}

const EVENTS: Readonly<Record<string, Event>> = {
  'its service principal is disabled': {
    end: ({ principalId }) => patch(`/servicePrincipals/${principalId}`, { accountEnabled: false }),
    code: 7000112,
    undo: ({ principalId }) => patch(`/servicePrincipals/${principalId}`, { accountEnabled: true }),
  },
  'its application is disabled': {
    end: ({ objectId }) => patch(`/applications/${objectId}`, { isDisabled: true }),
    code: 7000112,
    undo: ({ objectId }) => patch(`/applications/${objectId}`, { isDisabled: false }),
  },
  'its service principal is deleted': {
    end: ({ principalId }) => remove(`/servicePrincipals/${principalId}`),
    code: 7000229,
    undo: ({ principalId }) => restore(principalId),
  },
  'its application is deleted': {
    end: ({ objectId }) => remove(`/applications/${objectId}`),
    code: 700016,
    undo: ({ objectId }) => restore(objectId),
  },
  'it is found to be compromised': {
    end: risky('confirmCompromised'),
    code: undefined,
    undo: risky('dismiss'),
  },
}

for (const [what, { end, code, undo }] of Object.entries(EVENTS)) {
  describe(`when ${what}, a token`, () => {
    let app: App
    let old: string
    let ordinary: string
    let later: string
    let refused: Answer
    before(async () => {
      app = await registered()
      const nbf = { essential: true, value: String(Math.floor(world.clock.ms / 1000) + 300) }
      ;[old, ordinary, later] = [
        await tokenWith(app),
        await world.token(app),
        await tokenWith(app, { nbf, ...CP1 }),
      ]
      for (const token of [old, ordinary, later]) assert.equal((await users(token)).status, 200)
      world.clock.ms += 1000
      await end(app)
      refused = await users(old)
    })

    it('is answered with a claims challenge at once, whichever route it is for', async () => {
      assertGraphError(refused, 401, 'InvalidAuthenticationToken', OUTDATED)
      const { nbf } = asked(refused)
      assert.equal(nbf['essential'], true)
      assert.equal(Number(nbf['value']), Math.floor(world.clock.ms / 1000) - 299)
      for (const path of ['/applications', '/no-such-route'])
        assertGraphError(
          await world.graph('GET', path, undefined, old),
          401,
          'InvalidAuthenticationToken',
          OUTDATED,
        )
      const requests = [{ id: '1', method: 'GET', url: '/users' }]
      assert.equal((await world.graph('POST', '/$batch', { requests }, old)).status, 401)
    })

    it('is refused, too, if its client had asked for a later beginning', async () => {
      assert.equal((await users(later)).status, 401)
    })

    it('lives on if its client did not say that it handles challenges', async () => {
      assert.equal((await users(ordinary)).status, 200)
    })

    it('is not to be had by what the challenge asks for, unless the token endpoint says so', async () => {
      const answer = await ask(app, { ...asked(refused), ...CP1 })
      assert.deepEqual(answer.body['error_codes'], code === undefined ? undefined : [code])
      if (code === undefined) assert.equal((await users(String(answer.body['access_token']))).status, 200)
    })

    it('does not come back when that is undone, while new ones count', async () => {
      await undo(app)
      for (const token of [old, later]) assert.equal((await users(token)).status, 401)
      const challenged = asked(await users(old))
      assert.equal((await users(await tokenWith(app, { ...challenged, ...CP1 }))).status, 200)
      world.clock.ms += 1000
      assert.equal((await users(await tokenWith(app))).status, 200)
    })
  })
}

describe('a token of somebody else', () => {
  it('is not touched', async () => {
    const [app, other] = [await registered(), await registered()]
    const token = await tokenWith(other)
    await patch(`/servicePrincipals/${app.principalId}`, { accountEnabled: false })
    assert.equal((await users(token)).status, 200)
  })
})
