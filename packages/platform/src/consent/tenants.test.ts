// Several tenants, their administrators and other people, and the consent pages as each of them sees them.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readFile } from 'node:fs/promises'
import { type Browser, hiddenField, type House, openHouse } from '../portal/test-support.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'
import { makePassword } from '../portal/accounts.ts'

const PASSWORD = makePassword()
const RETURN = 'https://app.example/back'

let house: House
let appId: string
before(async () => {
  house = await openHouse(undefined, {
    tenants: [
      {
        domain: 'fabrikam.example',
        displayName: 'Fabrikam',
        domains: ['fabrikam.test'],
        accounts: [
          { userName: 'ada@fabrikam.example', administrator: true, password: PASSWORD },
          { userName: 'bo@fabrikam.example', password: PASSWORD },
          { userName: 'kept@fabrikam.test', administrator: true },
          { userName: 'locked@fabrikam.example', administrator: true, password: PASSWORD },
        ],
      },
    ],
  })
  const resourceAccess = [{ id: GRAPH_ROLES['User.Read.All'].id, type: 'Role' }]
  const made = await house.graph('POST', '/applications', {
    displayName: 'HR sync',
    signInAudience: 'AzureADMultipleOrgs',
    web: { redirectUris: [RETURN] },
    requiredResourceAccess: [{ resourceAppId: GRAPH_APP_ID, resourceAccess }],
  })
  appId = made.appId
})
after(async () => house[Symbol.asyncDispose]())

async function signedIn(username: string, password = PASSWORD): Promise<Browser> {
  const browser = house.browser()
  const answer = await browser.submit('/portal/sign-in', { username, password })
  assert.equal(answer.status, 303, answer.text)
  return browser
}

const v1 = (tenant: string, rest = '') => `/${tenant}/adminconsent?client_id=${appId}${rest}`
const DEFAULT = encodeURIComponent('https://graph.microsoft.com/.default')
const v2 = (tenant: string, rest = `&scope=${DEFAULT}`) =>
  `/${tenant}/v2.0/adminconsent?client_id=${appId}${rest}`
const redirect = `&redirect_uri=${encodeURIComponent(RETURN)}&state=a%20state%26more`

describe('consent by accounts', () => {
  it('is asked of an administrator of the tenant, and tells who publishes the application', async () => {
    const page = await (await signedIn('ADA@fabrikam.example')).get(v1('fabrikam.test'))
    assert.equal(page.status, 200)
    assert.match(page.text, /Publisher Contoso, contoso\.example, unverified publisher in another tenant/)
    assert.match(page.text, /For tenant Fabrikam \(fabrikam\.example\)/)
    assert.match(page.text, /Read all users’ full profiles/)
  })

  it('is not asked of anybody else, who is told to ask an administrator', async () => {
    const browser = await signedIn('bo@fabrikam.example')
    for (const path of [v1('fabrikam.example'), v2('organizations')]) {
      const page = await browser.get(path)
      assert.equal(page.status, 403)
      assert.match(
        page.text,
        /An administrator is needed HR sync asks for permissions in Fabrikam \(fabrikam\.example\)/,
      )
      assert.match(
        page.text,
        /You are signed in as bo@fabrikam\.example, who is not an administrator of Fabrikam\. Nothing was changed\./,
      )
      assert.ok(page.text.includes(`${house.platform.origin}${path}`))
    }
    const grant = await browser.submit(v1('fabrikam.example'), { decision: 'grant', seen: '' })
    assert.equal(grant.status, 403)
    const overview = await browser.get('/portal')
    assert.deepEqual([overview.status, (await browser.get('/portal/logs')).status], [403, 403])
    assert.match(
      overview.text,
      /Sign out An administrator is needed You are signed in as bo@fabrikam\.example, who is not an administrator/,
    )
    assert.doesNotMatch(overview.body, /overview/)
  })

  it('is not asked of the administrator of another tenant', async () => {
    const browser = await signedIn('ada@fabrikam.example')
    for (const path of [v1(house.tenant), v2(house.tenant)])
      assert.equal((await browser.get(path)).status, 403)
    const own = await browser.get('/portal')
    assert.match(own.text, /fabrikam\.example/)
    assert.doesNotMatch(own.text, /contoso\.example/)
  })

  it('is for the tenant of whoever signs in if the link says common or organizations', async () => {
    for (const name of ['common', 'organizations', 'COMMON'])
      for (const path of [v1(name), v2(name)]) {
        const browser = house.browser()
        const first = await browser.get(path)
        assert.equal(first.headers.location, `/portal/sign-in?return=${encodeURIComponent(path)}`)
        const page = await (await signedIn('ada@fabrikam.example')).get(path)
        assert.match(page.text, /For tenant Fabrikam/)
      }
    const page = await (await signedIn('', house.password)).get(v1('common'))
    assert.match(page.text, /For tenant Contoso/)
  })

  it('knows no personal accounts, and no scope that names a permission', async () => {
    const browser = await signedIn('ada@fabrikam.example')
    for (const [path, number] of [
      [v1('consumers'), 900023],
      [v2('fabrikam.example', '&scope=User.Read.All'), 70011],
      [v2('fabrikam.example', `&scope=${DEFAULT}%20User.Read.All`), 70011],
      [v2('fabrikam.example', ''), 900144],
      [v1('fabrikam.example', '&redirect_uri=https%3A%2F%2Fapp.example%2Fback%2F'), 50011],
      [v2('fabrikam.example', `&scope=${DEFAULT}&redirect_uri=https%3A%2F%2Fapp.example%2F`), 50011],
    ] as const) {
      const page = await browser.get(path)
      assert.equal(page.status, 400, path)
      assert.ok(page.text.includes(`AADSTS${number}: `), page.text)
    }
  })

  it('comes back refused, in the way of each endpoint, with the state as it was', async () => {
    const browser = await signedIn('ada@fabrikam.example')
    const first = await browser.submit(v1('fabrikam.example', redirect), { decision: 'refuse' })
    assert.deepEqual(Object.fromEntries(new URL(String(first.headers.location)).searchParams), {
      error: 'permission_denied',
      error_description: 'The admin canceled the request',
      state: 'a state&more',
    })
    const second = await browser.submit(v2('fabrikam.example', `&scope=${DEFAULT}${redirect}`), {
      decision: 'refuse',
    })
    const { error_description: description, ...rest } = Object.fromEntries(
      new URL(String(second.headers.location)).searchParams,
    )
    assert.deepEqual(rest, { admin_consent: 'True', error: 'consent_required', state: 'a state&more' })
    assert.match(
      String(description),
      /^AADSTS65004: User declined to consent to access the app\.\r\nTrace ID: [0-9a-f-]{36}\r\nCorrelation ID: [0-9a-f-]{36}\r\nTimestamp: [\d-]{10} [\d:]{8}Z$/,
    )
  })

  it('adds the application to the tenant, and comes back granted with what it may do', async () => {
    const browser = await signedIn('ada@fabrikam.example')
    const path = v2('fabrikam.example', `&scope=${DEFAULT}${redirect}`)
    const page = await browser.get(path)
    const answer = await browser.submit(path, { decision: 'grant', seen: hiddenField(page.body, 'seen') })
    const { tenant, ...rest } = Object.fromEntries(new URL(String(answer.headers.location)).searchParams)
    assert.deepEqual(rest, {
      admin_consent: 'True',
      scope: 'https://graph.microsoft.com/User.Read.All',
      state: 'a state&more',
    })
    assert.match(String(tenant), /^[0-9a-f-]{36}$/)
    assert.match((await browser.get(path)).text, /There is nothing left to grant\./)
  })
})

describe('accounts of the portal', () => {
  it('whose password no seed states have it in a key file, listed with its purpose', async () => {
    const file = house.platform.keyFiles.list.find(({ file: path }) =>
      path.endsWith('portal-kept@fabrikam.test'),
    )
    assert.equal(file?.purpose, 'password of kept@fabrikam.test for the portal')
    await signedIn('kept@fabrikam.test', (await readFile(String(file?.file), 'utf8')).trim())
    const stated = house.platform.keyFiles.list.filter(({ file: path }) => path.includes('ada@'))
    assert.deepEqual(stated, [])
  })

  it('are told the same for a wrong name and a wrong password, and locked after ten failures in a row', async () => {
    const browser = house.browser()
    const guess = (username: string, password = 'wrong') =>
      browser.submit('/portal/sign-in', { username, password })
    for (const name of ['locked@fabrikam.example', 'nobody@fabrikam.example']) {
      for (let failures = 0; failures < 10; failures++) {
        if (failures === 5) house.pass(61_000)
        const answer = await guess(name)
        assert.equal(answer.status, 401)
        assert.match(answer.text, /That is not the name and the password of an account of this portal\./)
      }
      house.pass(61_000)
      const locked = await guess(name, PASSWORD)
      assert.equal(locked.status, 429)
      assert.equal(locked.headers['retry-after'], String(15 * 60 - 61))
    }
    await signedIn('ada@fabrikam.example')
    house.pass(15 * 60_000)
    await signedIn('locked@fabrikam.example')
  })

  it('end with the user: who is deleted or disabled is signed out at once', async () => {
    const browser = await signedIn('locked@fabrikam.example')
    assert.equal((await browser.get('/portal')).status, 200)
    const token = await house.token('fabrikam.example')
    const call = (method: string, body?: object) =>
      house.graph(method, '/users/locked@fabrikam.example', body, token)
    await call('PATCH', { accountEnabled: false })
    assert.equal((await browser.get('/portal')).status, 303)
    await call('PATCH', { accountEnabled: true })
    assert.equal((await browser.get('/portal')).status, 200)
    await call('DELETE')
    assert.equal((await browser.get('/portal')).status, 303)
    const answer = await browser.submit('/portal/sign-in', {
      username: 'locked@fabrikam.example',
      password: PASSWORD,
    })
    assert.equal(answer.status, 401)
  })
})
