// Every administrative change leaves one row, in its own transaction: who, what, and what it was before.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { GRAPH_ROLES } from '../registration/graph-application.ts'
import {
  type App,
  assertGraphError,
  type Json,
  makeKey,
  newUser,
  PASSWORD,
  temporaryFolder,
  World,
} from '../test-support.ts'
import { type LogReader, openLogs, query } from './test-support.ts'

let world: World
let logs: LogReader
let app: App
before(async () => {
  world = await World.start()
  logs = await openLogs(world)
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

const all = () => logs.rows('/directoryAudits?$top=999')

/** Does one change and returns the rows that it has left. */
async function change(method: string, path: string, body?: unknown) {
  world.clock.ms += 1000
  const since = new Date(world.clock.ms).toISOString()
  const answer = await world.graph(method, path, body)
  const rows = await logs.rows(`/directoryAudits${query({ $filter: `activityDateTime ge ${since}` })}`)
  return { answer, rows, target: ((rows[0]?.['targetResources'] ?? []) as Json[])[0] ?? {} }
}

/** What a row says was changed, as `name: old -> new`. */
const modified = (target: Json) =>
  (target['modifiedProperties'] as readonly Json[]).map(
    ({ displayName, oldValue, newValue }) =>
      `${String(displayName)}: ${String(oldValue)} -> ${String(newValue)}`,
  )

describe('an administrative change', () => {
  it('leaves a row with who, what, and the old and new value', async () => {
    const { answer, rows } = await change('PATCH', `/applications/${app.objectId}`, {
      displayName: 'renamed',
      identifierUris: ['api://orders'],
    })
    assert.equal(answer.status, 204)
    const operator = world.platform.operator.clientId
    const principal = await world.done(200, 'GET', `/servicePrincipals(appId='${operator}')`)
    assert.deepEqual(rows, [
      {
        id: rows[0]?.['id'],
        activityDateTime: new Date(world.clock.ms).toISOString(),
        activityDisplayName: 'Update application',
        category: 'ApplicationManagement',
        operationType: 'Update',
        correlationId: answer.headers['client-request-id'],
        loggedByService: 'Core Directory',
        result: 'success',
        resultReason: '',
        initiatedBy: {
          user: null,
          app: {
            appId: operator,
            displayName: 'tomte operator',
            servicePrincipalId: principal['id'],
            servicePrincipalName: null,
          },
        },
        targetResources: [
          {
            id: app.objectId,
            displayName: 'renamed',
            type: 'Application',
            userPrincipalName: null,
            modifiedProperties: [
              { displayName: 'displayName', oldValue: '"nightly-sync"', newValue: '"renamed"' },
              { displayName: 'identifierUris', oldValue: '[]', newValue: '["api://orders"]' },
            ],
          },
        ],
        additionalDetails: [],
      },
    ])
  })

  it('that is refused leaves none', async () => {
    const { answer, rows } = await change('PATCH', `/applications/${app.objectId}`, { displayName: '' })
    assert.deepEqual([answer.status, rows], [400, []])
    const unknown = await change('PATCH', `/applications/${randomUUID()}`, { displayName: 'x' })
    assert.deepEqual([unknown.answer.status, unknown.rows], [404, []])
  })

  it('is not done if its row cannot be written', async () => {
    const folder = await temporaryFolder()
    let other = await World.start(folder)
    const inDatabase = async (sql: string) => {
      await other.stop()
      const file = new DatabaseSync(join(folder, 'platform.db'))
      file.exec(sql)
      file.close()
      other = await World.start(folder)
    }
    await inDatabase(
      "create trigger no before insert on directory_audit begin select raise(abort, 'no'); end",
    )
    const displayName = 'never'
    assert.equal((await other.graph('POST', '/applications', { displayName })).status, 500)
    const path = `/applications${query({ $filter: "displayName eq 'never'" })}`
    assert.deepEqual(await other.done(200, 'GET', path), { value: [] })
    await inDatabase('drop trigger no')
    assert.equal((await other.graph('POST', '/applications', { displayName })).status, 201)
    await other.remove()
  })

  it('of credentials is logged without anything of a secret, its hint included', async () => {
    const { answer, rows, target } = await change('POST', `/applications/${app.objectId}/addPassword`, {
      passwordCredential: { displayName: 'nightly' },
    })
    const { secretText, keyId } = answer.body
    assert.equal(rows[0]?.['activityDisplayName'], 'Update application – Certificates and secrets management')
    const [property = '', ...others] = modified(target)
    assert.deepEqual(others, [])
    assert.match(property, /^passwordCredentials: \[\] -> \[\{/)
    assert.ok(property.includes(String(keyId)) && property.includes('"displayName":"nightly"'))
    assert.ok(!/hint|secret/i.test(property), property)
    assert.ok(!JSON.stringify(await all()).includes(String(secretText)))
    const removed = await change('POST', `/applications/${app.objectId}/removePassword`, { keyId })
    assert.match(modified(removed.target)[0] ?? '', /^passwordCredentials: \[\{.*\}\] -> \[\]$/)
  })

  it('of a federated credential says which', async () => {
    const { target, rows } = await change(
      'POST',
      `/applications/${app.objectId}/federatedIdentityCredentials`,
      {
        name: 'cluster',
        issuer: 'https://issuer.example',
        subject: 'system:serviceaccount:a:b',
        audiences: ['api://AzureADTokenExchange'],
      },
    )
    assert.equal(rows[0]?.['activityDisplayName'], 'Update application')
    assert.deepEqual([target['id'], target['displayName']], [app.objectId, 'renamed'])
    assert.match(
      modified(target).join(),
      /^federatedIdentityCredentials: \[\] -> \[\{.*system:serviceaccount:a:b.*\}\]$/,
    )
  })

  it('of grants says to whom and for what', async () => {
    const graph = await world.graphPrincipal()
    const path = `/servicePrincipals/${app.principalId}/appRoleAssignments`
    const assignment = {
      principalId: app.principalId,
      resourceId: graph,
      appRoleId: GRAPH_ROLES['User.Read.All'].id,
    }
    const added = await change('POST', path, assignment)
    assert.deepEqual(
      [added.rows[0]?.['activityDisplayName'], added.rows[0]?.['operationType'], added.target['id']],
      ['Add app role assignment to service principal', 'Assign', app.principalId],
    )
    assert.match(
      modified(added.target).join(),
      new RegExp(`^appRoleAssignments: \\[\\] -> .*${assignment.appRoleId}`),
    )
    const removed = await change('DELETE', `${path}/${String(added.answer.body['id'])}`)
    assert.equal(removed.rows[0]?.['operationType'], 'Unassign')
    assert.match(modified(removed.target).join(), / -> \[\]$/)
  })

  it('of a person names what was changed, and repeats no personal data', async () => {
    const { target, rows } = await change('POST', '/users', newUser('adele', { mobilePhone: '+1 555 0100' }))
    assert.deepEqual(
      [rows[0]?.['activityDisplayName'], target['userPrincipalName']],
      ['Add user', 'adele@contoso.example'],
    )
    assert.deepEqual(modified(target), [
      'accountEnabled: null -> true',
      'displayName: null -> null',
      'mailNickname: null -> null',
      'userPrincipalName: null -> null',
      'passwordProfile: null -> null',
      'mobilePhone: null -> null',
    ])
    const text = JSON.stringify(rows)
    assert.ok(!text.includes('555') && !text.includes(PASSWORD))
    const patched = await change('PATCH', `/users/${String(target['id'])}`, { accountEnabled: false })
    assert.deepEqual(modified(patched.target), ['accountEnabled: null -> false'])
  })

  it('within a batch leaves a row like any other', async () => {
    const headers = { 'content-type': 'application/json' }
    const requests = ['1', '2'].map((id) => ({
      id,
      method: 'POST',
      url: '/applications',
      headers,
      body: { displayName: `b${id}` },
    }))
    const { rows } = await change('POST', '/$batch', { requests })
    assert.deepEqual(
      rows.map((row) => row['activityDisplayName']),
      ['Add application', 'Add application'],
    )
  })

  it('is found by its target, its activity and its correlation id, and by its own id', async () => {
    for (const $filter of [
      `targetResources/id eq '${app.principalId}'`,
      "activityDisplayName eq 'Add app role assignment to service principal'",
      "category eq 'UserManagement' and operationType eq 'Add'",
    ])
      assert.ok((await logs.rows(`/directoryAudits${query({ $filter })}`)).length > 0, $filter)
    const [row = {}] = await all()
    const found = await logs.page(`/directoryAudits/${String(row['id'])}`)
    assert.deepEqual(found, row)
    const answer = await world.graph('GET', '/auditLogs/directoryAudits/x', undefined, logs.token)
    assert.equal(answer.status, 404)
  })

  it('comes in pages without a gap', async () => {
    const ids = (await all()).map((row) => row['id'])
    const first = await logs.page('/directoryAudits?$top=2')
    const next = String(first['@odata.nextLink']).slice(`${world.platform.graphUrl}/auditLogs`.length)
    const second = await logs.rows(next)
    assert.deepEqual(
      [...(first['value'] as Json[]), ...second].map((row) => row['id']),
      ids.slice(0, 4),
    )
  })

  it('is not shown to an application without AuditLog.Read.All', async () => {
    const answer = await world.graph('GET', '/auditLogs/directoryAudits')
    assertGraphError(
      answer,
      403,
      'Authorization_RequestDenied',
      'Insufficient privileges to complete the operation.',
    )
  })
})
