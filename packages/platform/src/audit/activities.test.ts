// What changes of groups, policies, owners, risks, tenants and deleted objects are called, and what their rows keep quiet.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { PERMISSIONS } from '../graph/permissions.ts'
import { type App, type Json, makeKey, PASSWORD, World } from '../test-support.ts'
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

describe('a change beyond applications', () => {
  it('of how a tenant proves its clients is logged with what it was', async () => {
    const path = '/tomte/tenants/contoso.example'
    const { rows, target } = await change('PATCH', path, { refuseRepeatedAssertions: true })
    assert.deepEqual(
      rows.map((row) => row['activityDisplayName']),
      ['Update tenant'],
    )
    assert.deepEqual(
      [target['type'], target['id'], modified(target)],
      ['Directory', world.tenantId, ['refuseRepeatedAssertions: false -> true']],
    )
    await change('PATCH', path, { refuseRepeatedAssertions: false })
  })

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
      new Set(
        rows.map((row) => [row['activityDisplayName'], (row['targetResources'] as Json[])[0]?.['id']].join()),
      ),
      new Set(ids.map((id) => `Dismiss service principal risk,${id}`)),
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
