// The page that `error_uri` of every refusal leads to, as a browser reads it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { REFUSALS } from '../token/refusals.ts'
import { type House, openHouse } from './test-support.ts'

let house: House
before(async () => {
  house = await openHouse()
})
after(() => house[Symbol.asyncDispose]())

const escaped = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')

describe('the look-up page', () => {
  it('says of every number what it means and what to do, to whoever asks', async () => {
    for (const [number, { text, remedy, error, status }] of Object.entries(REFUSALS)) {
      const answer = await house.browser().get(`/error?code=${number}`)
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8')
      for (const expected of [
        `<h1>AADSTS${number}</h1>`,
        text,
        remedy,
        `<code>${error}</code>`,
        `<dd>${status}</dd>`,
      ])
        assert.ok(
          answer.body.includes(expected.startsWith('<') ? expected : escaped(expected)),
          `${number}: ${expected}`,
        )
    }
  })

  it('takes the number as SDKs print it', async () => {
    for (const code of ['AADSTS7000215', 'aadsts7000215', '%20AADSTS7000215%20']) {
      const { status, body } = await house.browser().get(`/error?code=${code}`)
      assert.deepEqual([status, body.includes('<h1>AADSTS7000215</h1>')], [200, true], code)
    }
  })

  it('is where a refusal leads', async () => {
    const { origin } = house.platform
    const refused = await house.browser().get('/nobody.example/v2.0/.well-known/openid-configuration')
    const { error_uri: uri } = JSON.parse(refused.body) as { readonly error_uri: string }
    assert.equal(uri, `${origin}/error?code=90002`)
    const { status, body } = await house.browser().get(uri.slice(origin.length))
    assert.deepEqual([status, body.includes('<h1>AADSTS90002</h1>')], [200, true])
  })

  it('lists every number if none is asked for, or an unknown one, and repeats nothing as markup', async () => {
    const list = await house.browser().get('/error')
    assert.equal(list.status, 200)
    assert.match(list.text, /AADSTS90002 invalid_tenant Tenant … not found/)
    for (const number of Object.keys(REFUSALS))
      assert.ok(list.body.includes(`/error?code=${number}"`), number)
    for (const [code, shown] of [
      ['1', '‘1’'],
      ['__proto__', '‘__proto__’'],
      ['7000215.0', '‘7000215.0’'],
      ['<script>alert(1)</script>', '‘&lt;script&gt;alert(1)&lt;/script&gt;’'],
      ['"><b>', '‘&quot;&gt;&lt;b&gt;’'],
      ['x'.repeat(500), `‘${'x'.repeat(60)}’`],
    ] as const) {
      const { status, body } = await house.browser().get(`/error?code=${encodeURIComponent(code)}`)
      assert.equal(status, 404, code)
      assert.ok(
        body.includes(`<p class="notice">No error of this platform has the number ${shown}.</p>`),
        body,
      )
      assert.equal(body.includes('<script'), false)
    }
  })
})
