import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type Answer, identityAt, manualClock, scriptedServer, TENANT, tokenAnswer } from '../test-support.ts'

const ORDERS = 'api://orders/.default'
const GRAPH = 'https://graph.microsoft.com/.default'
const OTHER = '11111111-aaaa-4aaa-8aaa-000000000002'
const THIRD = '11111111-aaaa-4aaa-8aaa-000000000003'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const withRoles = (...roles: string[]) =>
  tokenAnswer(`${part({ alg: 'RS256' })}.${part({ roles, oid: 'nobody else’s business' })}.c2ln`)
const roleless = tokenAnswer(`${part({ alg: 'RS256' })}.${part({})}.c2ln`)
const opaque = tokenAnswer('opaque')
const refusal = (number: number, status = 400): Answer => ({
  status,
  body: {
    error: status === 401 ? 'invalid_client' : 'unauthorized_client',
    error_description: `AADSTS${number}: No. Trace ID: x`,
    error_codes: [number],
    correlation_id: 'c-1',
  },
})
const busy: Answer = { status: 503, body: {} }

/** An identity at an authority that gives these answers in turn; `ask` asks for a new token and bears a refusal. */
async function asking(
  t: Parameters<typeof scriptedServer>[0],
  answers: readonly Answer[],
  tokensMax?: number,
) {
  const server = await scriptedServer(t, (_, number) => answers[number - 1] ?? opaque)
  const clock = manualClock()
  const identity = identityAt(server, { clock, tokensMax })
  const ask = (scope = ORDERS, tenantId = TENANT) =>
    identity.getToken(scope, { tenantId, forceRefresh: true, timeoutMs: 1 }).catch((error: unknown) => error)
  return { identity, ask, clock, server }
}

describe('AppIdentity.status', () => {
  it('knows nothing of a tenant that nobody has asked for', async (t) => {
    const { identity } = await asking(t, [])
    assert.deepEqual(identity.status(), {
      tenant: TENANT,
      consented: undefined,
      rolesHeld: {},
      lastTokenAtMs: undefined,
      expiresAtMs: undefined,
      lastRefusal: undefined,
    })
    assert.deepEqual(identity.statuses(), [])
    assert.throws(() => identity.status('common'), { name: 'ConfigurationError', code: 'tenant_invalid' })
  })

  it('tells the roles of each scope, when the last token came and when it ends, and keeps nothing else of it', async (t) => {
    const { identity, ask, clock } = await asking(t, [
      withRoles('Orders.Read.All'),
      withRoles('User.Read.All', 'Mail.Send'),
    ])
    await ask()
    clock.pass(60_000)
    await ask(GRAPH)
    assert.deepEqual(identity.status(), {
      tenant: TENANT,
      consented: true,
      rolesHeld: { [ORDERS]: ['Orders.Read.All'], [GRAPH]: ['User.Read.All', 'Mail.Send'] },
      lastTokenAtMs: clock.now(),
      expiresAtMs: clock.now() + 3_599_000,
      lastRefusal: undefined,
    })
    assert.ok(!inspect(identity.statuses(), { depth: Infinity }).includes('nobody'))
  })

  it('does nothing for a token that is cached', async (t) => {
    const { identity, clock } = await asking(t, [withRoles('A')])
    await identity.getToken(ORDERS)
    const before = identity.status()
    clock.pass(1000)
    await identity.getToken(ORDERS)
    assert.deepEqual(identity.status(), before)
  })

  it('keeps tenants apart, and tells of them by every name that they are asked by', async (t) => {
    const { identity, ask } = await asking(t, [withRoles('A'), refusal(7000229, 401)])
    await ask()
    await ask(ORDERS, OTHER)
    assert.equal(identity.status().consented, true)
    assert.equal(identity.status(OTHER.toUpperCase()).consented, false)
    assert.equal(identity.forTenant(OTHER).status().consented, false)
    assert.deepEqual(
      identity.statuses().map(({ tenant }) => tenant),
      [TENANT, OTHER],
    )
  })

  it('tells the last refusal with its next step', async (t) => {
    const { identity, ask, clock } = await asking(t, [refusal(7000229, 401)])
    await ask()
    assert.deepEqual(identity.status().lastRefusal, {
      atMs: clock.now(),
      code: 'invalid_client',
      aadsts: [7000229],
      hint: 'An administrator of the tenant has to add the application’s service principal there, for example by admin consent',
      correlationId: 'c-1',
    })
  })

  const histories: readonly (readonly [
    what: string,
    answers: readonly Answer[],
    consented: boolean | undefined,
    roles: Readonly<Record<string, readonly string[]>>,
  ])[] = [
    ['a token without roles', [roleless], undefined, { [ORDERS]: [] }],
    ['an opaque token', [opaque], undefined, {}],
    ['an opaque token in place of one with roles', [withRoles('A'), opaque], undefined, {}],
    ['roles that were taken away', [withRoles('A'), roleless], undefined, { [ORDERS]: [] }],
    ['a service principal that is missing', [withRoles('A'), refusal(7000229, 401)], false, {}],
    ['an application that is not installed', [refusal(700016)], false, {}],
    ['an application that is disabled', [refusal(7000112)], false, {}],
    ['consent that is missing', [refusal(65001)], false, {}],
    ['an assignment that is missing', [refusal(501051)], false, {}],
    ['consent that came later', [refusal(7000229, 401), withRoles('A')], true, { [ORDERS]: ['A'] }],
    [
      'a service principal that came without roles',
      [refusal(7000229, 401), roleless],
      undefined,
      { [ORDERS]: [] },
    ],
    ['a secret that is wrong', [withRoles('A'), refusal(7000215, 401)], true, { [ORDERS]: ['A'] }],
    ['a resource that is unknown', [refusal(500011)], undefined, {}],
    ['another error that looks alike', [refusal(700229, 401)], undefined, {}],
  ]
  for (const [what, answers, consented, rolesHeld] of histories) {
    it(`says after ${what}: consented is ${consented}`, async (t) => {
      const { identity, ask } = await asking(t, answers)
      for (const _ of answers) await ask()
      const status = identity.status()
      assert.deepEqual([status.consented, status.rolesHeld], [consented, rolesHeld])
    })
  }

  it('takes a busy authority for no refusal', async (t) => {
    const { identity, ask } = await asking(t, [refusal(65001), busy])
    await ask()
    await ask()
    assert.deepEqual(identity.status().lastRefusal?.aadsts, [65001])
  })

  it('leaves the roles of other scopes when consent is missing for one', async (t) => {
    const { identity, ask } = await asking(t, [withRoles('A'), withRoles('B'), refusal(65001)])
    await ask()
    await ask(GRAPH)
    await ask()
    assert.deepEqual(identity.status().rolesHeld, { [GRAPH]: ['B'] })
  })

  it('leaves no roles when the service principal is missing', async (t) => {
    const { identity, ask } = await asking(t, [withRoles('A'), withRoles('B'), refusal(7000229, 401)])
    await ask()
    await ask(GRAPH)
    await ask()
    assert.deepEqual(identity.status().rolesHeld, {})
  })

  it('keeps as many tenants as tokens, and drops the one that has not changed for longest', async (t) => {
    const { identity, ask } = await asking(t, [], 2)
    const names = () => identity.statuses().map(({ tenant }) => tenant)
    await ask(ORDERS, TENANT)
    await ask(ORDERS, OTHER)
    await ask(ORDERS, TENANT)
    assert.deepEqual(names(), [OTHER, TENANT])
    await ask(ORDERS, THIRD)
    assert.deepEqual(names(), [TENANT, THIRD])
  })

  it('keeps the roles of 20 scopes, those that were asked for last', async (t) => {
    const scopes = Array.from({ length: 22 }, (_, index) => `api://${index}/.default`)
    const { identity, ask } = await asking(
      t,
      scopes.map((scope) => withRoles(scope)),
    )
    for (const scope of scopes) await ask(scope)
    assert.deepEqual(Object.keys(identity.status().rolesHeld), scopes.slice(2))
  })
})
