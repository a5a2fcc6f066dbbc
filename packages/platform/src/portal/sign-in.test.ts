import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Answer, ask, type House, openHouse } from './test-support.ts'

let house: House
before(async () => {
  house = await openHouse()
})
after(async () => house[Symbol.asyncDispose]())

const leadsTo = (answer: Answer, location: string) => {
  assert.deepEqual([answer.status, answer.headers.location], [303, location])
}

test('The overview sends whoever is not signed in to sign in and back', async () => {
  leadsTo(await house.browser().get('/portal'), '/portal/sign-in?return=%2Fportal')
})

test('The root and a slash too many lead to the overview', async () => {
  for (const path of ['/', '/portal/']) {
    const answer = await house.browser().get(path)
    assert.deepEqual([answer.status, answer.headers.location], [302, '/portal'])
  }
})

test('An unknown address below the portal is a page, with the way out for whoever is signed in', async () => {
  const browser = house.browser()
  const stranger = await browser.get('/portal/nowhere')
  assert.deepEqual([stranger.status, stranger.headers['content-type']], [404, 'text/html; charset=utf-8'])
  assert.match(stranger.text, /tomte There is no such page .* Go to the overview/)
  await browser.signIn()
  for (const answer of [
    await browser.get('/portal/sign-out'),
    await browser.get(`/portal/a/${'b'.repeat(2000)}?c=%3Cscript%3E`),
    await browser.submit('/portal/logs', {}),
  ]) {
    assert.equal(answer.status, 404)
    assert.match(answer.text, /Sign out There is no such page/)
  }
})

test('Every page forbids scripts, frames, foreign content and caching', async () => {
  for (const path of ['/portal/sign-in', '/portal/nowhere', '/contoso.example/adminconsent']) {
    const { headers, body } = await house.browser().get(path)
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'same-origin')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
    assert.doesNotMatch(body, /<script|style=|onclick|https?:/)
  }
})

test('The stylesheet is served as one and loads nothing from elsewhere', async () => {
  const { status, headers, body } = await house.browser().get('/portal/style.css')
  assert.deepEqual([status, headers['content-type']], [200, 'text/css; charset=utf-8'])
  assert.doesNotMatch(body, /url\(|@import/)
})

test('The right password opens a session in a cookie that only this host can read', async () => {
  const browser = house.browser()
  const answer = await browser.signIn()
  leadsTo(answer, '/portal')
  assert.match(
    answer.headers['set-cookie']?.[0] ?? '',
    /^__Host-tomte=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=28800$/,
  )
  assert.equal((await browser.get('/portal')).status, 200)
})

test('A password that was copied with its line break opens a session too', async () => {
  leadsTo(await house.browser().submit('/portal/sign-in', { password: `${house.password}\n` }), '/portal')
})

test('A session id that was planted before sign-in opens nothing after it', async () => {
  const browser = house.browser()
  const planted = { cookie: '__Host-tomte=planted' }
  await browser.submit('/portal/sign-in', { password: house.password }, planted)
  const answer = await ask(house.platform, { method: 'GET', path: '/portal', headers: planted })
  assert.equal(answer.status, 303)
})

test('A wrong password is told so and opens no session', async () => {
  const answer = await house.browser().submit('/portal/sign-in', { password: 'wrong' })
  assert.equal(answer.status, 401)
  assert.match(answer.text, /That is not the administrator’s password\./)
  assert.equal(answer.headers['set-cookie'], undefined)
  house.pass(60_000)
})

test('After five wrong passwords within a minute even the right one has to wait', async () => {
  const browser = house.browser()
  for (let guess = 1; guess <= 5; guess++) {
    assert.equal((await browser.submit('/portal/sign-in', { password: `wrong ${guess}` })).status, 401)
  }
  const refused = await browser.signIn()
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers['retry-after']) > 50)
  assert.match(refused.text, /Too many wrong passwords\. Wait \d+ seconds and try again\./)
  assert.equal(refused.headers['set-cookie'], undefined)
  house.pass(60_000)
  leadsTo(await browser.signIn(), '/portal')
})

test('Sign-in leads on to the page that was asked for', async () => {
  const path = '/contoso.example/adminconsent?client_id=x'
  const browser = house.browser()
  const page = await browser.get(`/portal/sign-in?return=${encodeURIComponent(path)}`)
  assert.match(page.body, /name="return" value="\/contoso\.example\/adminconsent\?client_id=x"/)
  const answer = await browser.submit('/portal/sign-in', { password: house.password, return: path })
  leadsTo(answer, path)
})

test('Sign-in leads to no other host', async () => {
  for (const path of ['https://evil.example/', '//evil.example', '/\\evil.example', '/.//evil.example']) {
    const answer = await house.browser().submit('/portal/sign-in', { password: house.password, return: path })
    leadsTo(answer, '/portal')
  }
})

test('A return path cannot write markup into the sign-in page', async () => {
  const sent = encodeURIComponent('/portal?"><script>alert(1)</script>')
  const { body } = await house.browser().get(`/portal/sign-in?return=${sent}`)
  assert.doesNotMatch(body, /<script/)
})

test('A form from another origin, or from none, is refused before its password is looked at', async () => {
  for (const origin of ['https://evil.example', 'null', '']) {
    const answer = await house.browser().submit('/portal/sign-in', { password: house.password }, { origin })
    assert.equal(answer.status, 403)
    assert.match(answer.text, /This form did not come from https:\/\/localhost:\d+, so nothing was changed\./)
    assert.equal(answer.headers['set-cookie'], undefined)
  }
})

test('A form that is too long or of another content type is refused with a page', async () => {
  const browser = house.browser()
  const long = await browser.submit('/portal/sign-in', { password: 'x'.repeat(17_000) })
  const typed = await browser.submit('/portal/sign-in', {}, { 'content-type': 'application/json' })
  assert.deepEqual([long.status, typed.status], [413, 415])
  assert.match(long.text, /That did not work/)
})

test('Sign-out ends the session for whoever still has its cookie', async () => {
  const browser = house.browser()
  const cookie = (await browser.signIn()).headers['set-cookie']?.[0]?.split(';')[0] ?? ''
  const answer = await browser.submit('/portal/sign-out', {})
  leadsTo(answer, '/portal/sign-in')
  assert.match(answer.headers['set-cookie']?.[0] ?? '', /^__Host-tomte=; .*Max-Age=0$/)
  const again = await ask(house.platform, { method: 'GET', path: '/portal', headers: { cookie } })
  assert.equal(again.status, 303)
})

test('A session ends after eight hours', async () => {
  const browser = house.browser()
  await browser.signIn()
  house.pass(8 * 60 * 60 * 1000)
  assert.equal((await browser.get('/portal')).status, 303)
})
