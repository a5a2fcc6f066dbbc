// The page of the logs: what it says of sign-ins and changes, whose it shows, and how it looks to axe.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type House, openHouse } from './test-support.ts'

let house: House
before(async () => {
  house = await openHouse()
})
after(async () => house[Symbol.asyncDispose]())

async function logs() {
  const browser = house.browser()
  await browser.signIn()
  return browser.get('/portal/logs')
}

test('The logs show who got a token, and every change with its old and new values', async () => {
  const { id } = await house.graph('POST', '/applications', { displayName: 'HR sync' })
  await house.graph('PATCH', `/applications/${id}`, { displayName: 'HR feed' })
  const { status, text } = await logs()
  assert.equal(status, 200)
  assert.match(
    text,
    /tomte operator for Microsoft Graph token issued \d+ \w+ \d{4}, [\d:]+ UTC , by certificate, from /,
  )
  assert.match(text, /Trace ID [0-9a-f-]{36} Correlation ID [0-9a-f-]{36}/)
  assert.match(
    text,
    /Update application : HR feed .* UTC , by tomte operator 1 property displayName "HR sync" → "HR feed"/,
  )
})

test('The logs show why a request was refused, those of unknown tenants included', async () => {
  const form = { grant_type: 'client_credentials' }
  const path = '/nowhere.example/oauth2/v2.0/token'
  await house.browser().submit(path, form)
  const { text, body } = await logs()
  assert.match(text, /An unknown application AADSTS90002 : Tenant … not found/)
  assert.ok(body.includes('<a href="/error?code=90002">AADSTS90002</a>'), 'it leads to what is to be done')
})

test('An application’s name is text in the logs and never markup', async () => {
  await house.graph('POST', '/applications', { displayName: '<img src=x onerror=alert(1)>' })
  const { body } = await logs()
  assert.doesNotMatch(body, /<img/)
  assert.ok(body.includes('&lt;img src=x onerror=alert(1)&gt;'))
})

test('The logs are for administrators who have signed in', async () => {
  const { status, headers } = await house.browser().get('/portal/logs')
  assert.equal(status, 303)
  assert.match(String(headers.location), /^\/portal\/sign-in/)
})
