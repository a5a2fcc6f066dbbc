import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, test } from 'node:test'
import { systemNow } from '../clock.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { credentialEnd } from './overview-page.ts'
import { type Answer, type House, openHouse } from './test-support.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const READ_USERS = { id: GRAPH_ROLES['User.Read.All'].id, type: 'Role' }
const UNKNOWN_ROLE = { id: '11111111-1111-4111-8111-111111111111', type: 'Role' }

let house: House
before(async () => {
  house = await openHouse()
})
after(async () => house[Symbol.asyncDispose]())

const asksGraph = (...resourceAccess: object[]) => ({
  requiredResourceAccess: [{ resourceAppId: GRAPH_APP_ID, resourceAccess }],
})

async function overview(): Promise<Answer> {
  const browser = house.browser()
  await browser.signIn()
  return browser.get('/portal')
}

/** The text of one application's card. */
function card({ body }: Answer, name: string): string {
  const found = body.split('<article').find((part) => part.includes(`<h3>${name}</h3>`)) ?? ''
  return (
    found
      .split('</article>')[0]
      ?.replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ') ?? ''
  )
}

async function keyCredentials(days: number): Promise<object[]> {
  const [notBeforeMs, notAfterMs] = [systemNow() - 400 * DAY_MS, systemNow() + days * DAY_MS]
  const { certificate } = await makeSelfSigned(`key for ${days} days`, { notBeforeMs, notAfterMs })
  const key = new X509Certificate(certificate).raw.toString('base64')
  return [{ type: 'AsymmetricX509Cert', usage: 'Verify', key }]
}

test('The overview shows the tenant with its id and how many people it has', async () => {
  await house.graph('POST', '/users', {
    accountEnabled: true,
    displayName: 'Adele Vance',
    mailNickname: 'adele',
    userPrincipalName: `adele@${house.tenant}`,
    passwordProfile: { password: 'xWwvJ]6NMw+bWH-d', forceChangePasswordNextSignIn: true },
  })
  const { text } = await overview()
  assert.ok(text.includes(`contoso.example Name Contoso Tenant ID ${house.platform.operator.tenantId}`))
  assert.match(text, /People 1 /)
})

test('The overview shows what the operator asks for and holds', async () => {
  const text = card(await overview(), 'tomte operator')
  assert.match(text, /Client ID [0-9a-f-]{36} Certificates CN=tomte operator, expires on \d+ \w+ \d{4}/)
  assert.match(text, /Asks for Application permission Application\.ReadWrite\.All of Microsoft Graph/)
  assert.match(text, /granted on \d+ \w+ \d{4}/)
  assert.doesNotMatch(text, /not granted|Review|does not ask/)
})

test('The overview shows what an application holds, although it asks for nothing', async () => {
  const { appId } = await house.graph('POST', '/applications', { displayName: 'Asks for nothing' })
  const { id } = await house.graph('POST', '/servicePrincipals', { appId })
  const { id: resourceId } = await house.graph('GET', `/servicePrincipals(appId='${GRAPH_APP_ID}')`)
  await house.graph('POST', `/servicePrincipals/${String(id)}/appRoleAssignments`, {
    principalId: id,
    resourceId,
    appRoleId: GRAPH_ROLES['User.Read.All'].id,
  })
  const text = card(await overview(), 'Asks for nothing')
  assert.match(text, /No application permissions\. Granted, though it does not ask for it/)
  assert.match(text, /Application permission User\.Read\.All of Microsoft Graph/)
  assert.doesNotMatch(text, /Review/)
})

test('The overview names the directory roles that an application holds', async () => {
  const { appId } = await house.graph('POST', '/applications', { displayName: 'Holds a role' })
  const { id: principalId } = await house.graph('POST', '/servicePrincipals', { appId })
  const roleDefinitionId = 'fe930be7-5e62-47db-91af-98c3a49a38b1'
  const given = { principalId, roleDefinitionId, directoryScopeId: '/' }
  await house.graph('POST', '/roleManagement/directory/roleAssignments', given)
  const page = await overview()
  assert.match(card(page, 'Holds a role'), /Directory roles User Administrator/)
  assert.doesNotMatch(card(page, 'Asks for nothing'), /Directory roles/)
})

test('The overview offers no consent where nothing is left that can be granted', async () => {
  const { appId } = await house.graph('POST', '/applications', {
    displayName: 'Beyond help',
    ...asksGraph(UNKNOWN_ROLE),
  })
  await house.graph('POST', '/servicePrincipals', { appId })
  const text = card(await overview(), 'Beyond help')
  assert.match(text, /cannot be granted/)
  assert.doesNotMatch(text, /Review and grant/)
})

test('The overview links to consent for an application that asks for what it has not got', async () => {
  const { appId } = await house.graph('POST', '/applications', {
    displayName: 'HR sync',
    ...asksGraph(READ_USERS, UNKNOWN_ROLE),
  })
  await house.graph('POST', '/servicePrincipals', { appId })
  const answer = await overview()
  const text = card(answer, 'HR sync')
  assert.match(text, /none, so it cannot prove who it is/)
  assert.match(
    text,
    /Application permission User\.Read\.All of Microsoft Graph Read all users’ full profiles not granted/,
  )
  assert.match(
    text,
    /Application permission with the unknown id 11111111-1111-4111-8111-111111111111 of Microsoft Graph/,
  )
  assert.match(text, /cannot be granted: Microsoft Graph has no permission of that id/)
  assert.match(text, /Review and grant/)
  assert.ok(answer.body.includes(`href="/contoso.example/adminconsent?client_id=${appId}"`))
})

test('The overview says which applications are not in the tenant yet, and which are disabled', async () => {
  await house.graph('POST', '/applications', { displayName: 'Not added' })
  assert.match(card(await overview(), 'Not added'), /Not added to this tenant yet: it gets no tokens/)
  const { appId } = await house.graph('POST', '/applications', { displayName: 'Disabled' })
  const { id } = await house.graph('POST', '/servicePrincipals', { appId })
  await house.graph('PATCH', `/servicePrincipals/${id}`, { accountEnabled: false })
  const text = card(await overview(), 'Disabled')
  assert.match(text, /Disabled in this tenant: it gets no tokens\./)
  assert.doesNotMatch(text, /Review/)
})

test('The overview warns of a certificate that ends soon or has ended', async () => {
  for (const days of [-2, 12]) {
    const keys = { keyCredentials: await keyCredentials(days) }
    await house.graph('POST', '/applications', { displayName: `Ends in ${days}`, ...keys })
  }
  const answer = await overview()
  assert.match(card(answer, 'Ends in -2'), /CN=key for -2 days, expired on/)
  assert.match(card(answer, 'Ends in 12'), /CN=key for 12 days, expires on .*, in 1[12] days/)
})

test('The overview shows how an application proves itself, by whatever it has', async () => {
  const { id, appId } = await house.graph('POST', '/applications', { displayName: 'By secret' })
  await house.graph('POST', '/servicePrincipals', { appId })
  await house.graph('POST', `/applications/${id}/addPassword`, { passwordCredential: { displayName: 'ci' } })
  await house.graph('POST', `/applications/${id}/federatedIdentityCredentials`, {
    name: 'cluster',
    issuer: 'https://issuer.example',
    subject: 'jobs',
    audiences: ['api://AzureADTokenExchange'],
  })
  const text = card(await overview(), 'By secret')
  assert.match(text, /Secrets ci, expires on .* Federation cluster/)
  assert.doesNotMatch(text, /cannot prove|Certificates/)
})

test('credentialEnd warns for thirty days', async () => {
  const end = async (days: number) => (await credentialEnd(days * DAY_MS, 0)).toString()
  assert.doesNotMatch(await end(30), /warning/)
  assert.match(await end(29.9), /warning.*in 29 days/)
  assert.match(await end(1.5), /in 1 day</)
  assert.match(await end(0.5), /in less than a day/)
  assert.match(await end(0), /expired on/)
})

test('An application’s name is text on the overview and never markup', async () => {
  const displayName = `<img src=x onerror=alert(1)>"'&`
  await house.graph('POST', '/applications', { displayName })
  const { body } = await overview()
  assert.doesNotMatch(body, /<img/)
  assert.ok(body.includes('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;'))
})
