import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { CredentialExpiring, IdentityEvent } from '../events.ts'
import { identityAt, manualClock, scriptedServer, tokenAnswer } from '../test-support.ts'
import { certificate } from './certificate.ts'
import { daysLeft, ExpiryNotices } from './expiry.ts'
import { keyPem, makeCertificate, newRsaKey } from './test-support.ts'

const DAY_MS = 86_400_000
const START_MS = Date.UTC(2026, 8, 21)
const SCOPE = 'api://orders/.default'
const keys = newRsaKey()

function pemUntil(ms: number): string {
  const notAfter = new Date(ms).toISOString().replace('.000', '')
  const facts = { name: 'daemon', notBefore: '2026-01-01T00:00:00Z', notAfter }
  const { certificate: pem, key } = makeCertificate(keys, facts)
  return pem + keyPem(key)
}

describe('daysLeft', () => {
  const CASES: readonly (readonly [days: number, reached: number | undefined])[] = [
    [31, undefined],
    [30.001, undefined],
    [30, 30],
    [7.001, 30],
    [7, 7],
    [1.001, 7],
    [1, 1],
    [0.001, 1],
    [0, 0],
    [-5, 0],
  ]
  for (const [days, reached] of CASES)
    it(`is ${reached} when an end is ${days} days away`, () => {
      assert.equal(daysLeft(START_MS + days * DAY_MS, START_MS), reached)
    })
})

describe('ExpiryNotices', () => {
  it('tells each threshold of each end once, and skips those that nobody was there for', () => {
    const notices = new ExpiryNotices<string>()
    const told = [40, 30, 29, 2, 1, 1, -1, -2].map((days) =>
      notices.due('a', START_MS, START_MS - days * DAY_MS),
    )
    assert.deepEqual(told, [undefined, 30, undefined, 7, 1, undefined, 0, undefined])
    assert.equal(notices.due('b', START_MS, START_MS), 0)
    assert.equal(notices.due('a', START_MS + DAY_MS, START_MS), 1)
  })

  it('forgets what is not kept', () => {
    const notices = new ExpiryNotices<string>()
    for (const key of ['a', 'b']) assert.equal(notices.due(key, START_MS, START_MS), 0)
    notices.keep(['b'])
    assert.deepEqual(
      ['a', 'b'].map((key) => notices.due(key, START_MS, START_MS)),
      [0, undefined],
    )
  })
})

describe('AppIdentity with a certificate that ends', () => {
  it('tells of it when tokens are asked for, once for each threshold, and anew for a replaced file', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tomte-expiry-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'daemon.pem')
    const endMs = START_MS + 40 * DAY_MS
    writeFileSync(file, pemUntil(endMs))
    const clock = manualClock(START_MS)
    const heard: CredentialExpiring[] = []
    const onEvent = (event: IdentityEvent) => {
      if (event.type === 'credential_expiring') heard.push(event)
    }
    const server = await scriptedServer(t, () => tokenAnswer('token'))
    // The first knows no end, so the place in the list shows.
    const credential = [Object.assign(() => {}, { expiresAtMs: () => undefined }), certificate({ file })]
    const identity = identityAt(server, { clock, onEvent, credential: credential.toReversed() })
    const ask = () => identity.getToken(SCOPE, { forceRefresh: true })
    const after = async (days: number) => {
      clock.pass(days * DAY_MS)
      heard.length = 0
      await ask()
      await ask()
      return heard.map(({ daysLeft: days_, credential: index, expiresAtMs }) => [days_, index, expiresAtMs])
    }
    assert.deepEqual(await after(0), [])
    assert.deepEqual(await after(10), [[30, 0, endMs]])
    assert.deepEqual(await after(15), [])
    assert.deepEqual(await after(9), [[7, 0, endMs]])
    assert.deepEqual(await after(5.5), [[1, 0, endMs]])
    const next = clock.now() + 20 * DAY_MS
    writeFileSync(file, pemUntil(next))
    assert.deepEqual(await after(0), [[30, 0, next]])
  })

  it('tells that it is over when no token is got with it', async (t) => {
    const heard: CredentialExpiring[] = []
    const onEvent = (event: IdentityEvent) => {
      if (event.type === 'credential_expiring') heard.push(event)
    }
    const server = await scriptedServer(t, () => tokenAnswer('token'))
    const credential = certificate({ pem: pemUntil(START_MS - DAY_MS) })
    const identity = identityAt(server, { clock: manualClock(START_MS), onEvent, credential })
    await assert.rejects(identity.getToken(SCOPE), { code: 'certificate_expired' })
    assert.deepEqual(heard, [
      { type: 'credential_expiring', credential: 0, expiresAtMs: START_MS - DAY_MS, daysLeft: 0 },
    ])
  })

  it('is not looked at while a cached token is served', async (t) => {
    let looks = 0
    const server = await scriptedServer(t, () => tokenAnswer('token'))
    const credential = Object.assign(() => {}, { expiresAtMs: () => (looks += 1) })
    const identity = identityAt(server, { clock: manualClock(START_MS), credential })
    await identity.getToken(SCOPE)
    const once = looks
    for (let asked = 0; asked < 10; asked += 1) await identity.getToken(SCOPE)
    assert.deepEqual([once, looks], [1, 1])
  })
})

describe('AppIdentity.withCredential', () => {
  it('tries another credential in the same tenant, with a cache of its own and nobody who is told', async (t) => {
    const server = await scriptedServer(t, ({ path, body }) =>
      tokenAnswer(`${path.split('/')[1]} ${new URLSearchParams(body).get('client_secret')}`),
    )
    const events: IdentityEvent[] = []
    const other = '11111111-aaaa-4aaa-8aaa-000000000002'
    const first = identityAt(server, {
      credential: ({ body }) => body.set('client_secret', 'one'),
      onEvent: (event) => events.push(event),
    }).forTenant(other)
    const second = first.withCredential(({ body }) => body.set('client_secret', 'two'))
    assert.equal((await first.getToken(SCOPE)).token, `${other} one`)
    assert.equal((await second.getToken(SCOPE)).token, `${other} two`)
    assert.equal((await first.getToken(SCOPE)).token, `${other} one`)
    assert.deepEqual([events.length, first.tokenRequests, second.tokenRequests], [1, 1, 1])
  })
})
