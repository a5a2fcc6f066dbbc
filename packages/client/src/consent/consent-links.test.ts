import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { CLIENT, manualClock, TENANT } from '../test-support.ts'
import { ConsentLinks } from './consent-links.ts'

const REDIRECT = 'https://reports.example/consented'
const HOUR_MS = 3_600_000
const SESSION = { startedBy: 'session 7' }

function openLink(tenant: string = TENANT) {
  const clock = manualClock()
  const links = new ConsentLinks({ clientId: CLIENT, redirectUri: REDIRECT, clock })
  const url = new URL(links.start({ tenant, ...SESSION }))
  const state = url.searchParams.get('state') ?? ''
  const back = (parameters: Record<string, string>) =>
    `${REDIRECT}?${new URLSearchParams({ state, ...parameters }).toString()}`
  return { clock, links, url, state, back, granted: back({ tenant: TENANT, admin_consent: 'True' }) }
}

const untrusted = (found: string) => ({
  name: 'ProtocolError',
  code: 'consent_redirect_untrusted',
  message: `Cannot accept the consent redirect, as it must answer a link of ours: ${found}`,
})

describe('ConsentLinks', () => {
  it('makes a link to the tenant, with the redirect URI and a state that cannot be guessed', () => {
    const { url, state } = openLink('Contoso.example')
    assert.equal(url.origin + url.pathname, 'https://login.microsoftonline.com/contoso.example/adminconsent')
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      client_id: CLIENT,
      redirect_uri: REDIRECT,
      state,
    })
    assert.equal(Buffer.from(state, 'base64url').length, 32)
    assert.notEqual(openLink().state, openLink().state)
  })

  it('confirms a consent whose tenant is the one agreed beforehand', () => {
    const { links, granted } = openLink()
    assert.deepEqual(links.finish(granted, SESSION), { tenant: TENANT, tenantId: TENANT, confirmed: true })
  })

  it('takes the tenant of the redirect for a claim: another one is not confirmed', () => {
    const { links, back } = openLink()
    const other = '99999999-9999-4999-8999-999999999999'
    const consent = links.finish(back({ tenant: other, admin_consent: 'True' }), SESSION)
    assert.deepEqual(consent, { tenant: TENANT, tenantId: other, confirmed: false })
  })

  it('leaves it to a person to confirm the id of a tenant that was agreed on by its domain', () => {
    const { links, granted } = openLink('contoso.example')
    assert.equal(links.finish(granted, SESSION).confirmed, false)
  })

  it('accepts a link once', () => {
    const { links, granted } = openLink()
    links.finish(granted, SESSION)
    const found = 'its state belongs to no open link: it was used already, or is none of ours'
    assert.throws(() => links.finish(granted, SESSION), untrusted(found))
  })

  it('accepts a link from whoever started it, and uses it up when somebody else tries', () => {
    const { links, granted } = openLink()
    assert.throws(
      () => links.finish(granted, { startedBy: 'session 8' }),
      untrusted('its link was started by somebody else'),
    )
    assert.throws(() => links.finish(granted, SESSION), { code: 'consent_redirect_untrusted' })
  })

  it('accepts a link for an hour', () => {
    const { clock, links, granted } = openLink()
    clock.pass(HOUR_MS)
    assert.throws(() => links.finish(granted, SESSION), untrusted('its link is no longer valid'))
  })

  it('says who refused and why', () => {
    const { links, back } = openLink()
    const redirect = back({
      error: 'permission_denied',
      error_description: 'The admin canceled the request\r\nTrace ID: x',
    })
    assert.throws(() => links.finish(redirect, SESSION), {
      name: 'PermissionError',
      code: 'consent_refused',
      message: `Cannot work in tenant '${TENANT}', as its administrator has to consent: permission_denied: The admin canceled the request`,
    })
  })

  for (const [what, change] of [
    ['no state', (redirect: string) => redirect.replace(/state=[^&]*&?/, '')],
    ['a made-up state', (redirect: string) => redirect.replace(/state=[^&]*/, 'state=__proto__')],
    ['another origin', (redirect: string) => redirect.replace('reports.example', 'evil.example')],
    ['another path', (redirect: string) => redirect.replace('/consented', '/elsewhere')],
    ['no tenant', (redirect: string) => redirect.replace(/tenant=[^&]*/, '')],
    ['a tenant that is no id', (redirect: string) => redirect.replace(/tenant=[^&]*/, 'tenant=common')],
    ['no consent', (redirect: string) => redirect.replace('admin_consent=True', 'admin_consent=False')],
  ] as const) {
    it(`refuses a redirect with ${what}`, () => {
      const { links, granted } = openLink()
      assert.throws(() => links.finish(change(granted), SESSION), { code: 'consent_redirect_untrusted' })
    })
  }

  it('keeps the newest 10,000 links', () => {
    const { links, granted } = openLink()
    for (let number = 0; number < 10_000; number += 1) links.start({ tenant: TENANT, startedBy: `${number}` })
    assert.throws(() => links.finish(granted, SESSION), { code: 'consent_redirect_untrusted' })
    const last = new URL(links.start({ tenant: TENANT, ...SESSION })).searchParams.get('state') ?? ''
    const redirect = `${REDIRECT}?state=${last}&tenant=${TENANT}&admin_consent=True`
    assert.equal(links.finish(redirect, SESSION).confirmed, true)
  })

  it('shows no state when it is printed', () => {
    const { links, state } = openLink()
    assert.ok(!inspect(links, { depth: Infinity, showHidden: true }).includes(state))
  })

  for (const redirectUri of ['no uri', 'https://reports.example/#part']) {
    it(`is not made with the redirect URI '${redirectUri}'`, () => {
      assert.throws(() => new ConsentLinks({ clientId: CLIENT, redirectUri }), {
        code: 'redirect_uri_invalid',
      })
    })
  }
})
