import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'
import { type Browser, hiddenField, type House, openHouse } from '../portal/test-support.ts'
import type { Database } from '../store/database.ts'

const FABRIKAM = '33333333-3333-4333-8333-333333333333'
const SINGLE = '44444444-4444-4444-8444-444444444444'
const MULTIPLE = '55555555-5555-4555-8555-555555555555'
const UNKNOWN = '66666666-6666-4666-8666-666666666666'

let house: House
before(async () => {
  house = await openHouse(addFabrikam)
})
after(async () => house[Symbol.asyncDispose]())

/** Another tenant, with one application for itself and one for everybody. */
async function addFabrikam(db: Database): Promise<void> {
  await db.insertInto('tenant').values({ id: FABRIKAM, display_name: 'Fabrikam', created_at_ms: 0 }).execute()
  const domain = { name: 'fabrikam.example', tenant_id: FABRIKAM, is_default: 1 } as const
  await db.insertInto('domain').values(domain).execute()
  const application = {
    tenant_id: FABRIKAM,
    identifier_uris: '[]',
    app_roles: '[]',
    required_resource_access: JSON.stringify(asks('User.Read.All').requiredResourceAccess),
    requested_access_token_version: null,
    created_at_ms: 0,
  }
  await db
    .insertInto('application')
    .values([
      { ...application, id: SINGLE, app_id: SINGLE, display_name: 'Inner', sign_in_audience: 'AzureADMyOrg' },
      {
        ...application,
        id: MULTIPLE,
        app_id: MULTIPLE,
        display_name: 'Fabrikam reports',
        sign_in_audience: 'AzureADMultipleOrgs',
      },
    ])
    .execute()
}

function asks(...roles: (keyof typeof GRAPH_ROLES)[]) {
  const resourceAccess = roles.map((role) => ({ id: GRAPH_ROLES[role].id, type: 'Role' }))
  return { requiredResourceAccess: [{ resourceAppId: GRAPH_APP_ID, resourceAccess }] }
}

const register = (displayName: string, ...roles: (keyof typeof GRAPH_ROLES)[]) =>
  house.graph('POST', '/applications', { displayName, ...asks(...roles) })

const consentUrl = (appId: string, tenant = house.tenant) => `/${tenant}/adminconsent?client_id=${appId}`

async function administrator(): Promise<Browser> {
  const browser = house.browser()
  await browser.signIn()
  return browser
}

/** The ids of the roles that an application holds, or none if it has no service principal. */
async function rolesOf(appId: string): Promise<string[]> {
  const found = await house.graph('GET', `/servicePrincipals?$filter=appId%20eq%20'${appId}'`)
  const [principal] = found.value
  if (!principal) return []
  const { value } = await house.graph('GET', `/servicePrincipals/${principal.id}/appRoleAssignments`)
  return value.map(({ appRoleId }) => appRoleId).sort()
}

test('Consent asks for sign-in first and comes back', async () => {
  const { appId } = await register('Early', 'User.Read.All')
  const url = consentUrl(appId)
  for (const answer of [
    await house.browser().get(url),
    await house.browser().submit(url, { decision: 'grant' }),
  ]) {
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.location, `/portal/sign-in?return=${encodeURIComponent(url)}`)
  }
  assert.deepEqual(await rolesOf(appId), [])
})

test('Consent says who asks, for which tenant and for what', async () => {
  const { appId } = await register('HR sync', 'User.ReadWrite.All')
  const { status, text } = await (await administrator()).get(consentUrl(appId))
  assert.equal(status, 200)
  assert.match(text, /HR sync asks for consent/)
  assert.ok(
    text.includes(`Client ID ${appId} Publisher contoso.example For tenant Contoso (contoso.example)`),
  )
  assert.match(
    text,
    /Application permission User\.ReadWrite\.All of Microsoft Graph Read and write all users’ full/,
  )
  assert.match(text, /Grant consent Refuse/)
})

test('Granting makes the service principal and every role that was asked for', async () => {
  const { appId } = await register('Granted', 'User.ReadWrite.All', 'Directory.Read.All')
  const browser = await administrator()
  const page = await browser.get(consentUrl(appId))
  const answer = await browser.submit(consentUrl(appId), {
    decision: 'grant',
    seen: hiddenField(page.body, 'seen'),
  })
  assert.equal(answer.status, 200)
  assert.match(answer.text, /Application permission User\.ReadWrite\.All of Microsoft Graph/)
  assert.match(
    answer.text,
    /New tokens of Granted carry these roles; tokens issued before keep theirs until they expire\./,
  )
  const expected = [GRAPH_ROLES['User.ReadWrite.All'].id, GRAPH_ROLES['Directory.Read.All'].id].sort()
  assert.deepEqual(await rolesOf(appId), expected)
  const again = await browser.get(consentUrl(appId))
  assert.match(again.text, /It already has/)
  assert.match(again.text, /There is nothing left to grant\./)
})

test('Granting adds what is missing to what was granted before', async () => {
  const { appId, id } = await register('Growing', 'User.Read.All')
  const browser = await administrator()
  const consent = async () => {
    const seen = hiddenField((await browser.get(consentUrl(appId))).body, 'seen')
    return browser.submit(consentUrl(appId), { decision: 'grant', seen })
  }
  await consent()
  await house.graph('PATCH', `/applications/${id}`, asks('User.Read.All', 'Directory.Read.All'))
  const { text } = await consent()
  assert.match(text, /Directory\.Read\.All/)
  assert.doesNotMatch(text, /User\.Read\.All/)
  assert.equal((await rolesOf(appId)).length, 2)
})

test('Refusing changes nothing', async () => {
  const { appId } = await register('Refused', 'User.Read.All')
  const answer = await (await administrator()).submit(consentUrl(appId), { decision: 'refuse' })
  assert.equal(answer.status, 200)
  assert.match(
    answer.text,
    /Nothing was changed: Refused has in Contoso \(contoso\.example\) what it had before\./,
  )
  const found = await house.graph('GET', `/servicePrincipals?$filter=appId%20eq%20'${appId}'`)
  assert.deepEqual(found.value, [])
})

test('What was asked for after the page was shown is not granted with it', async () => {
  const { appId, id } = await register('Greedy', 'User.Read.All')
  const browser = await administrator()
  const seen = hiddenField((await browser.get(consentUrl(appId))).body, 'seen')
  await house.graph('PATCH', `/applications/${id}`, asks('User.Read.All', 'Application.ReadWrite.All'))
  const answer = await browser.submit(consentUrl(appId), { decision: 'grant', seen })
  assert.equal(answer.status, 409)
  assert.match(answer.text, /This is not what the page showed when you decided, so nothing was changed\./)
  assert.match(answer.text, /Application\.ReadWrite\.All/)
  assert.deepEqual(await rolesOf(appId), [])
})

test('A form from another origin grants nothing', async () => {
  const { appId } = await register('Forged', 'User.Read.All')
  const browser = await administrator()
  const seen = hiddenField((await browser.get(consentUrl(appId))).body, 'seen')
  const headers = { origin: 'https://evil.example' }
  const answer = await browser.submit(consentUrl(appId), { decision: 'grant', seen }, headers)
  assert.equal(answer.status, 403)
  assert.deepEqual(await rolesOf(appId), [])
})

test('A form without a decision is refused', async () => {
  const { appId } = await register('Undecided', 'User.Read.All')
  const answer = await (await administrator()).submit(consentUrl(appId), {})
  assert.equal(answer.status, 400)
  assert.match(answer.text, /The form must say whether you grant or refuse\. Nothing was changed\./)
})

test('An application without permissions gets its service principal and a result that says so', async () => {
  const { appId } = await register('Modest')
  const browser = await administrator()
  const page = await browser.get(consentUrl(appId))
  assert.match(page.text, /It asks for no application permissions\./)
  const seen = hiddenField(page.body, 'seen')
  const answer = await browser.submit(consentUrl(appId), { decision: 'grant', seen })
  assert.match(answer.text, /its tokens carry no roles\./)
  const found = await house.graph('GET', `/servicePrincipals?$filter=appId%20eq%20'${appId}'`)
  assert.equal(found.value.length, 1)
})

test('A redirect URI that is not registered is refused, and nothing is granted', async () => {
  const { appId } = await register('Redirected', 'User.Read.All')
  const url = `${consentUrl(appId)}&redirect_uri=https%3A%2F%2Fevil.example%2F&state=1`
  const browser = await administrator()
  for (const answer of [await browser.get(url), await browser.submit(url, { decision: 'grant' })]) {
    assert.equal(answer.status, 400)
    assert.match(
      answer.text,
      /AADSTS50011: The redirect URI 'https:\/\/evil\.example\/' specified in the request/,
    )
    assert.equal(answer.headers.location, undefined)
  }
  assert.deepEqual(await rolesOf(appId), [])
})

for (const [what, path, message] of [
  [
    'an unknown tenant',
    `/nobody.example/adminconsent?client_id=${UNKNOWN}`,
    "AADSTS90002: Tenant 'nobody.example'",
  ],
  [
    'no tenant at all',
    `/nowhere/adminconsent?client_id=${UNKNOWN}`,
    "AADSTS900023: Specified tenant identifier 'nowhere'",
  ],
  ['no client', '/contoso.example/adminconsent', 'AADSTS900144'],
  [
    'an unknown client',
    `/contoso.example/adminconsent?client_id=${UNKNOWN}`,
    `AADSTS700016: Application with identifier '${UNKNOWN}'`,
  ],
  [
    'the single-tenant application of another tenant',
    `/contoso.example/adminconsent?client_id=${SINGLE}`,
    'AADSTS700016',
  ],
  ['two clients', `/contoso.example/adminconsent?client_id=${SINGLE}&client_id=${MULTIPLE}`, 'AADSTS9002313'],
] as const) {
  test(`Consent for ${what} is refused with a page that says why`, async () => {
    const { status, text, headers } = await house.browser().get(path)
    assert.equal(status, 400)
    assert.ok(text.includes(message), text)
    assert.match(text, /Trace ID [0-9a-f-]{36} Correlation ID [0-9a-f-]{36}/)
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
  })
}

test('A multi-tenant application of another tenant is shown as unverified and can be granted', async () => {
  const browser = await administrator()
  const page = await browser.get(consentUrl(MULTIPLE))
  assert.match(
    page.text,
    /Publisher Fabrikam, fabrikam\.example, unverified publisher in another tenant \( 33333333/,
  )
  const seen = hiddenField(page.body, 'seen')
  const answer = await browser.submit(consentUrl(MULTIPLE), { decision: 'grant', seen })
  assert.match(answer.text, /Fabrikam reports was granted this in Contoso/)
  assert.deepEqual(await rolesOf(MULTIPLE), [GRAPH_ROLES['User.Read.All'].id])
  const overview = await browser.get('/portal')
  assert.match(overview.text, /Fabrikam reports Registered in another tenant, by an unverified publisher\./)
})

test('A tenant without Graph is told that nothing of Graph can be granted there', async () => {
  const { text } = await (await administrator()).get(consentUrl(SINGLE, 'fabrikam.example'))
  assert.match(text, /cannot be granted: Microsoft Graph has no service principal in this tenant/)
})

test('An application’s name is text on the consent pages and never markup', async () => {
  const { appId } = await register('<script>alert(1)</script>', 'User.Read.All')
  const browser = await administrator()
  const page = await browser.get(consentUrl(appId))
  const seen = hiddenField(page.body, 'seen')
  const refused = await browser.submit(consentUrl(appId), { decision: 'refuse' })
  const granted = await browser.submit(consentUrl(appId), { decision: 'grant', seen })
  const failed = await browser.get(`/%3Cscript%3E/adminconsent?client_id=${appId}`)
  for (const { body } of [page, refused, granted, failed]) {
    assert.doesNotMatch(body, /<script/)
    assert.match(body, /&lt;script&gt;/)
  }
})

const RETURN = 'https://reports.fabrikam.example/consented?from=tomte'

async function registerWithReturn(displayName: string): Promise<string> {
  const web = { redirectUris: [RETURN] }
  const { appId } = await house.graph('POST', '/applications', { displayName, web, ...asks('User.Read.All') })
  return String(appId)
}

const returning = (appId: string) =>
  `${consentUrl(appId)}&redirect_uri=${encodeURIComponent(RETURN)}&state=a%20state`

test('After consent the administrator is sent to the registered address, with tenant and state', async () => {
  const browser = await administrator()
  const url = returning(await registerWithReturn('Returns'))
  const question = await browser.get(url)
  assert.match(
    String(question.headers['content-security-policy']),
    /form-action 'self' https:\/\/reports\.fabrikam\.example;/,
  )
  const answer = await browser.submit(url, { decision: 'grant', seen: hiddenField(question.body, 'seen') })
  assert.equal(answer.status, 302)
  const target = new URL(String(answer.headers['location']))
  assert.equal(target.origin + target.pathname, 'https://reports.fabrikam.example/consented')
  const { tenant, ...others } = Object.fromEntries(target.searchParams)
  assert.deepEqual(others, { from: 'tomte', state: 'a state', admin_consent: 'True' })
  assert.match(String(tenant), /^[0-9a-f-]{36}$/)
})

test('After a refusal the administrator is sent back with the error', async () => {
  const browser = await administrator()
  const answer = await browser.submit(returning(await registerWithReturn('Refused')), { decision: 'refuse' })
  assert.equal(answer.status, 302)
  assert.deepEqual(Object.fromEntries(new URL(String(answer.headers['location'])).searchParams), {
    from: 'tomte',
    error: 'permission_denied',
    error_description: 'The admin canceled the request',
    state: 'a state',
  })
})

test('An address that differs in one letter from the registered one is refused', async () => {
  const browser = await administrator()
  const appId = await registerWithReturn('Exact')
  for (const uri of [`${RETURN}/`, RETURN.replace('https', 'http'), RETURN.toUpperCase()]) {
    const answer = await browser.get(`${consentUrl(appId)}&redirect_uri=${encodeURIComponent(uri)}`)
    assert.equal(answer.status, 400)
    assert.match(answer.text, /AADSTS50011/)
  }
})
