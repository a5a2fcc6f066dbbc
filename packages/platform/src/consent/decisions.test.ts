// What the directory audit keeps of consent: every decision, and who made it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { makePassword } from '../portal/accounts.ts'
import { type Browser, hiddenField, type House, openHouse } from '../portal/test-support.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'

const PASSWORD = makePassword()
const ADA = 'ada@fabrikam.example'

let house: House
before(async () => {
  const account = { userName: ADA, administrator: true, password: PASSWORD }
  house = await openHouse(undefined, {
    tenants: [{ domain: 'fabrikam.example', displayName: 'Fabrikam', accounts: [account] }],
  })
  for (const tenant of TENANTS) await letOperatorReadLogs(await house.token(tenant))
})
after(async () => house[Symbol.asyncDispose]())

const TENANTS = ['contoso.example', 'fabrikam.example'] as const

async function letOperatorReadLogs(token: string): Promise<void> {
  const { clientId } = house.platform.operator
  const principal = (appId: string) =>
    house.graph('GET', `/servicePrincipals(appId='${appId}')`, undefined, token)
  const [{ id }, graph] = [await principal(clientId), await principal(GRAPH_APP_ID)]
  const grant = { principalId: id, resourceId: graph.id, appRoleId: GRAPH_ROLES['AuditLog.Read.All'].id }
  await house.graph('POST', `/servicePrincipals/${id}/appRoleAssignments`, grant, token)
}

interface Row {
  readonly activityDisplayName: string
  readonly operationType: string
  readonly initiatedBy: { readonly app: null; readonly user: { readonly ipAddress: string } }
  readonly targetResources: readonly {
    readonly id: string | null
    readonly displayName: string
    readonly modifiedProperties: readonly { readonly newValue: string }[]
  }[]
}

/** The consents to an application in a tenant, the newest first. */
async function decisions(tenant: string, name: string) {
  const token = await house.token(tenant)
  const { value } = await house.graph('GET', '/auditLogs/directoryAudits?$top=999', undefined, token)
  const rows = value as readonly unknown[] as readonly Row[]
  return rows
    .filter(({ activityDisplayName }) => /consent/i.test(activityDisplayName))
    .filter(({ targetResources: [target] }) => target?.displayName === name)
    .map(({ activityDisplayName, operationType, initiatedBy, targetResources: [target] }) => ({
      what: `${activityDisplayName} | ${operationType}`,
      by: initiatedBy,
      target: target?.id ?? null,
      roles: target?.modifiedProperties.map(({ newValue }) => newValue),
    }))
}

async function register(displayName: string) {
  const resourceAccess = [{ id: GRAPH_ROLES['User.Read.All'].id, type: 'Role' }]
  const { appId } = await house.graph('POST', '/applications', {
    displayName,
    signInAudience: 'AzureADMultipleOrgs',
    requiredResourceAccess: [{ resourceAppId: GRAPH_APP_ID, resourceAccess }],
  })
  return appId
}

const linkOf = (appId: string, tenant: string) => `/${tenant}/adminconsent?client_id=${appId}`

async function grant(browser: Browser, link: string): Promise<number> {
  const seen = hiddenField((await browser.get(link)).body, 'seen')
  return (await browser.submit(link, { decision: 'grant', seen })).status
}

describe('a decision on consent', () => {
  it('is in the directory audit with the platform’s administrator, who is no user', async () => {
    const appId = await register('Decided')
    const browser = house.browser()
    await browser.signIn()
    const link = linkOf(appId, 'contoso.example')
    assert.equal((await browser.submit(link, { decision: 'refuse' })).status, 200)
    assert.equal(await grant(browser, link), 200)
    const { id: target } = await house.graph('GET', `/servicePrincipals(appId='${appId}')`)
    const user = {
      id: null,
      displayName: 'the platform’s administrator',
      userPrincipalName: null,
      ipAddress: browserAddress(await decisions('contoso.example', 'Decided')),
    }
    const by = { app: null, user }
    const rows = await decisions('contoso.example', 'Decided')
    assert.deepEqual(
      rows.sort((one, other) => one.what.localeCompare(other.what)),
      [
        { what: 'Consent to application | Assign', by, target, roles: ['"User.Read.All"'] },
        { what: 'Refuse consent to application | Update', by, target: null, roles: [] },
      ],
    )
  })

  it('is in the audit of the tenant that decided, with the account that did', async () => {
    const appId = await register('Asked elsewhere')
    const browser = house.browser()
    await browser.submit('/portal/sign-in', { username: ADA, password: PASSWORD })
    assert.equal(await grant(browser, linkOf(appId, 'fabrikam.example')), 200)
    const [row, ...others] = await decisions('fabrikam.example', 'Asked elsewhere')
    assert.deepEqual([others, await decisions('contoso.example', 'Asked elsewhere')], [[], []])
    const token = await house.token('fabrikam.example')
    const { id } = await house.graph('GET', `/users/${ADA}`, undefined, token)
    assert.deepEqual(row?.by.user, {
      id,
      displayName: ADA,
      userPrincipalName: ADA,
      ipAddress: browserAddress(row ? [row] : []),
    })
  })

  it('leaves no row if it was not done', async () => {
    const appId = await register('Not done')
    const browser = house.browser()
    await browser.signIn()
    const link = linkOf(appId, 'contoso.example')
    assert.equal((await browser.submit(link, { decision: 'grant', seen: 'another page' })).status, 409)
    assert.equal((await browser.submit(link, {})).status, 400)
    const headers = { origin: 'https://evil.example' }
    assert.equal((await browser.submit(link, { decision: 'refuse' }, headers)).status, 403)
    assert.deepEqual(await decisions('contoso.example', 'Not done'), [])
  })
})

/** localhost is two addresses: which one was taken is up to the machine. */
function browserAddress([row]: readonly { readonly by: Row['initiatedBy'] }[]): string {
  const ipAddress = row?.by.user.ipAddress ?? ''
  assert.match(ipAddress, /^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/)
  return ipAddress
}
