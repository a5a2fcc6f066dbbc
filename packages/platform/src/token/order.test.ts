// Two faults in one request: the earlier step of wire.md §8 speaks, at both endpoints.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type App, GRAPH_SCOPE, makeKey, World } from '../test-support.ts'
import type { EndpointVersion } from './parse.ts'
import type { RefusalNumber } from './refusals.ts'

const GRAPH = 'https://graph.microsoft.com'
const NO_GUID = '00000000-0000-0000-0000-000000000000'

let world: World
let app: App
let withoutPrincipal: App
let disabled: App

before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key)
  withoutPrincipal = await world.register(key, { principal: false })
  disabled = await world.register(key)
  await world.done(204, 'PATCH', `/servicePrincipals/${disabled.principalId}`, { accountEnabled: false })
  const demanding = await world.register(key, { identifierUris: ['api://demanding'] })
  await world.done(204, 'PATCH', `/servicePrincipals/${demanding.principalId}`, {
    appRoleAssignmentRequired: true,
  })
  const closed = await world.register(key, { identifierUris: ['api://closed'] })
  await world.done(204, 'PATCH', `/servicePrincipals/${closed.principalId}`, { accountEnabled: false })
})
after(() => world.remove())

/** A request; each fault sets one field of it. */
interface Draft {
  method: string
  tenant: string
  extra: string
  grant: string
  clientId: string | undefined
  from: App
  resource: string
  /** In place of the scope that is made of the resource; of no meaning to the v1.0 endpoint. */
  scope: string | undefined
  credential: Credential
}

type Credential = 'good' | 'none' | 'wrong secret' | 'no JWT' | 'unregistered' | 'expired'

type Fault = readonly [RefusalNumber, keyof Draft, (draft: Draft) => void]

// In the order of wire.md §8. Two faults of one field cannot be in one request.
const FAULTS: readonly Fault[] = [
  [900561, 'method', (draft) => void (draft.method = 'PUT')],
  [900023, 'tenant', (draft) => void (draft.tenant = 'nowhere')],
  [900021, 'tenant', (draft) => void (draft.tenant = NO_GUID)],
  [90002, 'tenant', (draft) => void (draft.tenant = 'fabrikam.example')],
  [9002313, 'extra', (draft) => void (draft.extra = '&a=1&a=2')],
  [900144, 'grant', (draft) => void (draft.grant = '')],
  [70003, 'grant', (draft) => void (draft.grant = 'password')],
  [900144, 'clientId', (draft) => void (draft.clientId = '')],
  [700038, 'clientId', (draft) => void (draft.clientId = NO_GUID)],
  [700016, 'clientId', (draft) => void (draft.clientId = randomUUID())],
  [900144, 'resource', (draft) => void (draft.resource = '')],
  [1002012, 'scope', (draft) => void (draft.scope = 'User.Read.All')],
  [70011, 'scope', (draft) => void (draft.scope = `${GRAPH_SCOPE} User.Read.All`)],
  [700022, 'scope', (draft) => void (draft.scope = `${GRAPH_SCOPE} api://closed/.default`)],
  [51000, 'extra', (draft) => void (draft.extra = '&token_type=pop')],
  [7000216, 'credential', (draft) => void (draft.credential = 'none')],
  [7000215, 'credential', (draft) => void (draft.credential = 'wrong secret')],
  [50027, 'credential', (draft) => void (draft.credential = 'no JWT')],
  [700027, 'credential', (draft) => void (draft.credential = 'unregistered')],
  [700024, 'credential', (draft) => void (draft.credential = 'expired')],
  [7000229, 'from', (draft) => void (draft.from = withoutPrincipal)],
  [7000112, 'from', (draft) => void (draft.from = disabled)],
  [500011, 'resource', (draft) => void (draft.resource = 'api://nothing')],
  [500014, 'resource', (draft) => void (draft.resource = 'api://closed')],
  [501051, 'resource', (draft) => void (draft.resource = 'api://demanding')],
]

function proofOf({ credential, from }: Draft): Record<string, string> {
  const seconds = Math.floor(world.clock.ms / 1000)
  const none = { client_assertion: '' }
  switch (credential) {
    case 'good':
      return {}
    case 'none':
      return none
    case 'wrong secret':
      return { ...none, client_secret: randomUUID() }
    case 'no JWT':
      return { client_assertion: 'x' }
    case 'unregistered':
      return { client_assertion: world.assertion(from, { header: { 'x5t#S256': 'AAAA' } }) }
    case 'expired':
      return {
        client_assertion: world.assertion(from, { claims: { nbf: seconds - 900, exp: seconds - 600 } }),
      }
  }
}

function send(draft: Draft, version: EndpointVersion) {
  const { method, tenant, extra, grant, clientId, from, resource, scope } = draft
  const wanted = scope ?? (resource === '' ? '' : `${resource}/.default`)
  const form = world.form(from, {
    grant_type: grant,
    client_id: clientId ?? from.appId,
    ...(version === 1 ? { resource, scope: '' } : { scope: wanted }),
    ...proofOf(draft),
  })
  const path = version === 1 ? 'oauth2/token' : 'oauth2/v2.0/token'
  const body = `${new URLSearchParams(form).toString()}${extra}`
  return world.send(`/${tenant}/${path}`, { method, body })
}

const proper = (): Draft => ({
  method: 'POST',
  tenant: world.tenantId,
  extra: '',
  grant: 'client_credentials',
  clientId: undefined,
  from: app,
  resource: GRAPH,
  scope: undefined,
  credential: 'good',
})

for (const version of [1, 2] as const) {
  // The v2.0 endpoint has a number of its own for a resource that is missing.
  const faults = FAULTS.filter(([, field]) => version === 2 || field !== 'scope').map(
    ([number, field, spoil]): Fault => [
      version === 2 && field === 'resource' && number === 900144 ? 90014 : number,
      field,
      spoil,
    ],
  )
  describe(`the order of checks at the v${version}.0 endpoint`, () => {
    it('has nothing to refuse in the request that the faults are put into', async () => {
      assert.equal((await send(proper(), version)).status, 200)
    })

    for (const [index, [earlier, field, spoil]] of faults.entries()) {
      it(`gives AADSTS${earlier} for ${field}, alone and before any later fault`, async () => {
        const alone = proper()
        spoil(alone)
        assert.deepEqual((await send(alone, version)).body['error_codes'], [earlier])
        for (const [later, other, spoilMore] of faults.slice(index + 1)) {
          // A scope that is spoilt is not made of the resource any more.
          if (other === field || (field === 'resource' && other === 'scope')) continue
          const draft = proper()
          spoil(draft)
          spoilMore(draft)
          const { body } = await send(draft, version)
          assert.deepEqual(body['error_codes'], [earlier], `with ${later} for ${other}`)
        }
      })
    }
  })
}
