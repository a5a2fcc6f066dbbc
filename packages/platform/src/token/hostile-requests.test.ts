// What no honest client sends to the token endpoint: always a refusal in Entra's envelope, never a failure.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, assertRefused, makeKey, World } from '../test-support.ts'
import type { RefusalNumber } from './refusals.ts'

let world: World
let app: App

before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

const tokenPath = () => `/${world.tenantId}/oauth2/v2.0/token`

describe('a hostile token request', () => {
  const MALFORMED = 'Invalid request. Request is malformed or invalid.'
  const NO_GRANT = "The request body must contain the following parameter: 'grant_type'."
  const form = 'application/x-www-form-urlencoded'
  const proper = () => new URLSearchParams(world.form(app)).toString()
  const POSTS: readonly (readonly [string, () => string | undefined, string, RefusalNumber, string])[] = [
    ['without a body', () => undefined, form, 900144, NO_GRANT],
    ['with an empty body', () => '', form, 900144, NO_GRANT],
    ['with JSON', () => JSON.stringify(world.form(app)), 'application/json', 900144, NO_GRANT],
    ['with a NUL', () => `${proper()}&x=%00`, form, 9002313, MALFORMED],
    ['with a value of 70 kB', () => `${proper()}&x=${'a'.repeat(70_000)}`, form, 9002313, MALFORMED],
    ['with a value of 1 MB', () => `${proper()}&x=${'a'.repeat(1_000_000)}`, form, 9002313, MALFORMED],
    ['with 1 MB of JSON', () => `"${'a'.repeat(1_000_000)}"`, 'application/json', 9002313, MALFORMED],
    ['with __proto__ twice', () => `${proper()}&__proto__=1&__proto__=2`, form, 9002313, MALFORMED],
  ]
  for (const [what, body, type, aadsts, text] of POSTS) {
    it(`${what} is AADSTS${aadsts}`, async () => {
      const sent = body()
      const headers = { 'content-type': type }
      const answer = await world.send(
        tokenPath(),
        sent === undefined ? { method: 'POST', headers } : { method: 'POST', headers, body: sent },
      )
      assertRefused(world, answer, aadsts, text)
    })
  }

  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
    it(`by ${method} is AADSTS900561, with a body or without`, async () => {
      const text = `The endpoint only accepts POST requests. Received a ${method} request.`
      assertRefused(world, await world.send(tokenPath(), { method }), 900561, text)
      if (method !== 'GET')
        assertRefused(world, await world.send(tokenPath(), { method, body: proper() }), 900561, text)
    })
  }

  it('takes a scope of lone surrogates and broken UTF-8 for unknown, never for its own failure', async () => {
    for (const value of ['%ED%A0%80', '%FF%FE', '%F0%9F', '\u{1f600}'.repeat(200)]) {
      const answer = await world.send(tokenPath(), {
        method: 'POST',
        headers: { 'content-type': form },
        body: new URLSearchParams(world.form(app, { scope: 'x' }))
          .toString()
          .replace('scope=x', `scope=${value}/.default`),
      })
      assert.deepEqual([answer.status, answer.body['error_codes']], [400, [500011]], value.slice(0, 20))
    }
  })

  it('quotes at most 300 characters of what was sent, and no control characters', async () => {
    const { body } = await world.postForm(world.form(app, { grant_type: `a\r\nb${'c'.repeat(500)}` }))
    assert.equal(
      String(body['error_description']).split(' Trace ID')[0],
      `AADSTS70003: The app requested an unsupported grant type 'a  b${'c'.repeat(296)}'.`,
    )
  })
})
