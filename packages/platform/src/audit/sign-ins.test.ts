// The sign-in log over the wire: what is in a row, who may read it, filters and pages.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { sendHttp } from '../managed-identity/test-support.ts'
import { GRAPH_APP_ID, GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'
import { type LogReader, openLogs, query } from './test-support.ts'

let world: World
let app: App
let logs: LogReader
before(async () => {
  world = await World.start(undefined, {
    managedIdentity: { port: 0, identities: [{ kind: 'system', name: 'machine' }] },
  })
  app = await world.register(await makeKey(world.clock.ms))
  logs = await openLogs(world)
})
after(() => world.remove())

/** Sends a token request under a correlation id of its own and returns the only row of that id. */
async function signIn(form: Readonly<Record<string, string>>, tenant = world.tenantId) {
  const correlationId = randomUUID()
  const answer = await world.send(`/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'client-request-id': correlationId },
    body: new URLSearchParams(form).toString(),
  })
  const rows = await logs.rows(`/signIns${query({ $filter: `correlationId eq '${correlationId}'` })}`)
  return { answer, correlationId, rows }
}

async function addPassword(): Promise<Json> {
  return world.done(200, 'POST', `/applications/${app.objectId}/addPassword`, {})
}

async function certificateId(): Promise<unknown> {
  const { keyCredentials } = await world.done(200, 'GET', `/applications/${app.objectId}`)
  return (keyCredentials as Json[])[0]?.['keyId']
}

const NO_SECRET = { clientCredentialType: 'none', servicePrincipalCredentialKeyId: null }

describe('a token request', () => {
  it('that is granted is logged with everything that it was about', async () => {
    const { answer, correlationId, rows } = await signIn(world.form(app))
    assert.equal(answer.status, 200)
    assert.deepEqual(rows, [
      {
        id: answer.headers['x-ms-request-id'],
        createdDateTime: new Date(world.clock.ms).toISOString(),
        appId: app.appId,
        appDisplayName: 'nightly-sync',
        servicePrincipalId: app.principalId,
        servicePrincipalName: 'nightly-sync',
        ipAddress: rows[0]?.['ipAddress'],
        correlationId,
        conditionalAccessStatus: 'notApplied',
        appliedConditionalAccessPolicies: [],
        isInteractive: false,
        signInEventTypes: ['servicePrincipal'],
        resourceId: GRAPH_APP_ID,
        resourceDisplayName: 'Microsoft Graph',
        resourceTenantId: GRAPH_TENANT_ID,
        homeTenantId: world.tenantId,
        clientCredentialType: 'certificate',
        servicePrincipalCredentialKeyId: await certificateId(),
        status: { errorCode: 0, failureReason: 'Other.', additionalDetails: null },
      },
    ])
    assert.match(String(rows[0]?.['ipAddress']), /^(::1|127\.0\.0\.1)$/)
  })

  it('with a secret is logged with the secret’s keyId, and without any of its text', async () => {
    const { secretText, keyId } = await addPassword()
    const { rows } = await signIn({
      grant_type: 'client_credentials',
      client_id: app.appId.toUpperCase(),
      scope: 'https://graph.microsoft.com/.default',
      client_secret: String(secretText),
    })
    const { clientCredentialType, servicePrincipalCredentialKeyId, appId } = rows[0] ?? {}
    assert.deepEqual(
      [clientCredentialType, servicePrincipalCredentialKeyId, appId],
      ['clientSecret', keyId, app.appId],
    )
    assert.ok(!JSON.stringify(rows).includes(String(secretText)))
  })

  const refusals: readonly (readonly [
    string,
    (sent: Json) => Record<string, string>,
    number,
    string,
    Json,
  ])[] = [
    [
      'whose secret is wrong',
      () => ({ client_assertion: '', client_assertion_type: '', client_secret: 'my-mistaken-secret' }),
      7000215,
      'Invalid client secret provided.',
      NO_SECRET,
    ],
    [
      'for an unknown API',
      () => ({ scope: 'api://nowhere/.default' }),
      500011,
      'The resource principal named … was not found',
      { resourceId: null, clientCredentialType: 'certificate' },
    ],
    [
      'of an unknown client',
      () => ({ client_id: '11111111-1111-4111-8111-111111111111' }),
      700016,
      'Application with identifier … was not found',
      { ...NO_SECRET, appId: '11111111-1111-4111-8111-111111111111', appDisplayName: null },
    ],
    [
      'that has put its secret where the client id belongs',
      () => ({ client_id: 'AbC.secret~of~somebody' }),
      700016,
      'Application with identifier … was not found',
      { ...NO_SECRET, appId: null },
    ],
    [
      'of another grant type',
      () => ({ grant_type: 'password' }),
      70003,
      'The app requested an unsupported grant type …',
      { ...NO_SECRET, appId: null },
    ],
  ]
  for (const [what, changes, errorCode, reason, facts] of refusals) {
    it(`${what} is logged with AADSTS${errorCode} and nothing that was sent`, async () => {
      const sent = changes({})
      const { answer, rows } = await signIn(world.form(app, sent))
      const [row = {}] = rows
      const status = row['status'] as Json
      assert.equal(rows.length, 1)
      assert.equal(row['id'], answer.body['trace_id'])
      assert.equal(status['errorCode'], errorCode)
      assert.ok(String(status['failureReason']).startsWith(reason), String(status['failureReason']))
      for (const [name, value] of Object.entries(facts)) assert.deepEqual(row[name], value, name)
      for (const text of ['mistaken', 'nowhere', 'AbC.secret'])
        assert.ok(!JSON.stringify(row).includes(text), text)
    })
  }

  it('that names no tenant of the platform is in nobody’s log', async () => {
    const { answer, rows } = await signIn(world.form(app), 'unknown.example')
    assert.equal(answer.status, 400)
    assert.deepEqual(rows, [])
  })

  it('of a managed identity is logged as one', async () => {
    const origin = world.platform.managedIdentity?.origin ?? ''
    const resource = encodeURIComponent('https://graph.microsoft.com')
    const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`
    await sendHttp(origin, path, { headers: { metadata: 'true' } })
    const filter = "signInEventTypes/any(t: t eq 'managedIdentity')"
    const rows = await logs.rows(`/signIns${query({ $filter: filter })}`)
    assert.deepEqual(
      rows.map((row) => [
        row['clientCredentialType'],
        row['resourceId'],
        (row['status'] as Json)['errorCode'],
      ]),
      [['managedIdentity', GRAPH_APP_ID, 0]],
    )
  })
})

describe('the list of sign-ins', () => {
  it('comes in pages, the newest first, without a gap or a repeat', async () => {
    for (let count = 0; count < 7; count++) {
      world.clock.ms += 1000
      await world.postForm(world.form(app))
    }
    const all = await logs.rows('/signIns?$top=999')
    const times = all.map((row) => String(row['createdDateTime']))
    assert.deepEqual(times, times.toSorted().toReversed())
    const ids: unknown[] = []
    let path: string | undefined = '/signIns?$top=3'
    while (path !== undefined) {
      const page: Json = await logs.page(path)
      const rows = page['value'] as readonly Json[]
      assert.ok(rows.length <= 3)
      ids.push(...rows.map((row) => row['id']))
      const next = page['@odata.nextLink'] as string | undefined
      path = next?.slice(`${world.platform.graphUrl}/auditLogs`.length)
    }
    assert.deepEqual(
      ids,
      all.map((row) => row['id']),
    )
  })

  it('takes filters that stand together', async () => {
    const since = new Date(world.clock.ms + 500).toISOString()
    world.clock.ms += 1000
    await world.postForm(world.form(app))
    await world.postForm(world.form(app, { scope: 'api://nowhere/.default' }))
    const filter = (more: string) =>
      logs.rows(`/signIns${query({ $filter: `createdDateTime ge ${since} and ${more}` })}`)
    const codes = async (more: string) =>
      (await filter(more))
        .map((row) => Number((row['status'] as Json)['errorCode']))
        .toSorted((a, b) => a - b)
    assert.deepEqual(await codes(`appId eq '${app.appId}'`), [0, 500011])
    assert.deepEqual(await codes('status/errorCode ne 0'), [500011])
    assert.deepEqual(await codes('status/errorCode eq 0'), [0])
    assert.deepEqual(await codes("signInEventTypes/any(x: x eq 'servicePrincipal')"), [0, 500011])
    assert.deepEqual(await codes(`resourceId eq '${GRAPH_APP_ID}'`), [0])
    assert.deepEqual(await codes(`createdDateTime lt ${since}`), [])
  })

  for (const [options, code, message] of [
    [
      { $filter: 'appId ne 1' },
      'Request_UnsupportedQuery',
      "Unsupported operator 'ne' on property 'appId' in $filter.",
    ],
    [{ $filter: 'toString eq 1' }, 'Request_UnsupportedQuery', "Unsupported filter on property 'toString'."],
    [
      { $filter: "appId eq 'x' or appId eq 'y'" },
      'Request_BadRequest',
      "Invalid filter clause: syntax error in 'appId eq 'x' or appId eq 'y''.",
    ],
    [
      { $filter: 'createdDateTime ge yesterday' },
      'Request_BadRequest',
      "Invalid filter clause: 'createdDateTime' needs an instant, as 2026-09-21T14:00:00Z.",
    ],
    [
      { $filter: "status/errorCode eq '0'" },
      'Request_BadRequest',
      "Invalid filter clause: 'status/errorCode' needs a number.",
    ],
    [
      { $filter: 'appId eq 1' },
      'Request_BadRequest',
      "Invalid filter clause: 'appId' needs a text in quotes.",
    ],
    [
      { $filter: "signInEventTypes/any(x: y eq 'a')" },
      'Request_BadRequest',
      "Invalid filter clause: syntax error in 'signInEventTypes/any(x: y eq 'a')'.",
    ],
    [{ $filter: ' ' }, 'Request_BadRequest', "Invalid filter clause: syntax error in ' '."],
    [
      { $filter: Array(11).fill('status/errorCode eq 0').join(' and ') },
      'Request_BadRequest',
      'Too many comparisons in $filter: at most 10 are supported.',
    ],
    [
      { $orderby: 'appId' },
      'Request_BadRequest',
      "Unsupported $orderby: only 'createdDateTime desc' is supported, and it is the default.",
    ],
    [{ $skiptoken: 'x' }, 'Request_BadRequest', 'Skip token is invalid.'],
    [
      { $top: '0' },
      'Request_BadRequest',
      "Invalid page size specified: '0'. Must be between 1 and 999 inclusive.",
    ],
    [{ $select: 'id' }, 'Request_UnsupportedQuery', "Query option '$select' is not supported here."],
  ] as const) {
    it(`refuses ${JSON.stringify(options).slice(0, 60)}`, async () => {
      const answer = await world.graph('GET', `/auditLogs/signIns${query(options)}`, undefined, logs.token)
      assertGraphError(answer, 400, code, message)
    })
  }

  it('gives one sign-in by its trace id, and 404 for another', async () => {
    const { headers } = await world.postForm(world.form(app))
    const id = String(headers['x-ms-request-id'])
    assert.equal((await logs.page(`/signIns/${id}`))['id'], id)
    const answer = await world.graph('GET', '/auditLogs/signIns/unknown', undefined, logs.token)
    assertGraphError(
      answer,
      404,
      'Request_ResourceNotFound',
      "Resource 'unknown' does not exist or one of its queried reference-property objects are not present.",
    )
  })

  it('is not for an application without AuditLog.Read.All', async () => {
    const answer = await world.graph('GET', '/auditLogs/signIns')
    assertGraphError(
      answer,
      403,
      'Authorization_RequestDenied',
      'Insufficient privileges to complete the operation.',
    )
  })
})
