// Every administrative change leaves one row, in its own transaction: who, what, and what it was before.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { PERMISSIONS } from '../graph/permissions.ts'
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
import { ACTIVITIES, activityOf } from './activities.ts'
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
async function change(method: string, path: string, body?: unknown, token?: string) {
  world.clock.ms += 1000
  const since = new Date(world.clock.ms).toISOString()
  const answer = await world.graph(method, path, body, token)
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

describe('a change beyond applications', () => {
  const nameAndTarget = ({ rows, target }: Awaited<ReturnType<typeof change>>) => [
    rows.map((row) => [row['activityDisplayName'], row['category'], row['operationType']].join(' | ')).join(),
    target['type'],
    target['id'],
    target['displayName'],
  ]

  it('of a group and its members names them by id, and tells nothing of who they are', async () => {
    const body = { displayName: 'Sales', mailEnabled: false, mailNickname: 'sales', securityEnabled: true }
    const added = await change('POST', '/groups', body)
    const id = String(added.answer.body['id'])
    assert.deepEqual(nameAndTarget(added), ['Add group | GroupManagement | Add', 'Group', id, 'Sales'])
    const member = await world.user('grady')
    const link = { '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${member}` }
    for (const [what, name] of [
      ['members', 'Member'],
      ['owners', 'Owner'],
    ] as const) {
      const linked = await change('POST', `/groups/${id}/${what}/$ref`, link)
      const verb = `${name.toLowerCase()} to group`
      assert.deepEqual(nameAndTarget(linked), [
        `Add ${verb} | GroupManagement | Assign`,
        'Group',
        id,
        'Sales',
      ])
      assert.deepEqual(modified(linked.target), [`${name}.ObjectID: null -> "${member}"`])
      assert.ok(!JSON.stringify(linked.rows).includes('grady'))
    }
    const removed = await change('DELETE', `/groups/${id}/members/${member}/$ref`)
    assert.deepEqual(modified(removed.target), [`Member.ObjectID: "${member}" -> null`])
    assert.equal(removed.rows[0]?.['activityDisplayName'], 'Remove member from group')
    const renamed = await change('PATCH', `/groups/${id}`, { displayName: 'Selling' })
    assert.deepEqual(modified(renamed.target), ['displayName: "Sales" -> "Selling"'])
  })

  it('of a policy says which and how, and its assignment to whom', async () => {
    const definition = ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}']
    const path = '/policies/tokenLifetimePolicies'
    const token = await world.token(
      await world.register(await makeKey(world.clock.ms), {
        displayName: 'policy writer',
        roles: ['Policy.ReadWrite.ApplicationConfiguration'],
      }),
    )
    const added = await change('POST', path, { displayName: 'short', definition }, token)
    const id = String(added.answer.body['id'])
    assert.deepEqual(nameAndTarget(added), ['Add policy | Policy | Add', 'Policy', id, 'short'])
    const renamed = await change('PATCH', `${path}/${id}`, { displayName: 'shorter' }, token)
    assert.deepEqual(nameAndTarget(renamed), ['Update policy | Policy | Update', 'Policy', id, 'shorter'])
    assert.deepEqual(modified(renamed.target), ['displayName: "short" -> "shorter"'])
    const link = { '@odata.id': `https://graph.microsoft.com/v1.0${path}/${id}` }
    const assigned = await change(
      'POST',
      `/applications/${app.objectId}/tokenLifetimePolicies/$ref`,
      link,
      token,
    )
    assert.deepEqual(nameAndTarget(assigned).slice(0, 3), [
      'Add policy to application | ApplicationManagement | Assign',
      'Application',
      app.objectId,
    ])
    assert.deepEqual(modified(assigned.target), [`Policy.ObjectID: null -> "${id}"`])
    const gone = await change('DELETE', `${path}/${id}`, undefined, token)
    assert.deepEqual(nameAndTarget(gone), ['Delete policy | Policy | Delete', 'Policy', id, 'shorter'])
    const rules = await change('PATCH', '/policies/defaultAppManagementPolicy', { isEnabled: true }, token)
    assert.deepEqual(modified(rules.target), ['isEnabled: false -> true'])
  })

  it('of what was deleted goes by its type, and says nothing of a person', async () => {
    const user = await world.user('leaver')
    const { id } = await world.done(201, 'POST', '/applications', { displayName: 'leaving' })
    const deleted = await change('DELETE', `/users/${user}`)
    assert.equal(deleted.rows[0]?.['activityDisplayName'], 'Delete user')
    await world.done(204, 'DELETE', `/applications/${String(id)}`)
    const path = '/directory/deletedItems'
    const person = await change('POST', `${path}/${user}/restore`)
    assert.deepEqual(
      [person.rows[0]?.['activityDisplayName'], person.target['type'], modified(person.target)],
      ['Restore user', 'User', []],
    )
    const application = await change('POST', `${path}/${String(id)}/restore`)
    assert.deepEqual(nameAndTarget(application), [
      'Restore application | ApplicationManagement | Restore',
      'Application',
      id,
      'leaving',
    ])
    assert.match(modified(application.target).join(), /^deletedDateTime: ".*" -> null$/)
    await world.done(204, 'DELETE', `/applications/${String(id)}`)
    const purged = await change('DELETE', `${path}/${String(id)}`)
    assert.deepEqual(nameAndTarget(purged).slice(0, 2), [
      'Hard Delete application | ApplicationManagement | Delete',
      'Application',
    ])
  })

  it('of an owner names the owner by id', async () => {
    const owner = await world.user('olga')
    const link = { '@odata.id': `https://graph.microsoft.com/v1.0/users/${owner}` }
    const added = await change('POST', `/applications/${app.objectId}/owners/$ref`, link)
    assert.equal(added.rows[0]?.['activityDisplayName'], 'Add owner to application')
    assert.deepEqual(modified(added.target), [`Owner.ObjectID: null -> "${owner}"`])
  })

  it('of risks leaves a row for each service principal', async () => {
    const token = await world.token(
      await world.register(await makeKey(world.clock.ms), {
        displayName: 'risk writer',
        roles: ['IdentityRiskyServicePrincipal.ReadWrite.All'],
      }),
    )
    const ids = [app.principalId, await world.graphPrincipal()]
    const path = '/identityProtection/riskyServicePrincipals/dismiss'
    const { rows } = await change('POST', path, { servicePrincipalIds: ids }, token)
    assert.deepEqual(
      rows.map((row) => [row['activityDisplayName'], (row['targetResources'] as Json[])[0]?.['id']]).sort(),
      ids.map((id) => ['Dismiss service principal risk', id]).sort(),
    )
  })

  it('of tenants repeats no password and nothing of their people', async () => {
    const accounts = [{ userName: 'mei@litware.example', password: PASSWORD }]
    const made = await change('POST', '/tomte/tenants', {
      domain: 'litware.example',
      displayName: 'Litware',
      accounts,
    })
    assert.deepEqual(nameAndTarget(made), [
      'Add tenant | DirectoryManagement | Add',
      'Directory',
      made.answer.body['id'],
      'Litware',
    ])
    assert.ok(!/mei|Aa1-/.test(JSON.stringify(made.rows)))
    const account = await change('POST', '/tomte/tenants/litware.example/accounts', {
      userName: 'noor@litware.example',
    })
    assert.deepEqual(
      [account.rows[0]?.['activityDisplayName'], modified(account.target)],
      ['Add portal account', ['userName: null -> null']],
    )
    assert.ok(!JSON.stringify(account.rows).includes(String(account.answer.body['password'])))
  })
})

describe('activities', () => {
  it('have names for every route that changes something, and for no other', () => {
    for (const route of Object.keys(PERMISSIONS) as (keyof typeof PERMISSIONS)[]) {
      const found = activityOf(route)
      assert.equal(found !== undefined, !route.startsWith('GET '), route)
      if (found) assert.match(found.activity, /^[A-Z][a-z]+ [\w –]+$/, route)
    }
    assert.deepEqual(
      Object.keys(ACTIVITIES).filter((route) => !Object.hasOwn(PERMISSIONS, route)),
      [],
    )
  })
})
