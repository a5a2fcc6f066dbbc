import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock, scriptedServer } from '../test-support.ts'
import { identityAcquirer } from './acquire.ts'
import { imds } from './imds.ts'
import type { Source } from './source.ts'
import { deadOrigin, identityAnswer, inAnHour, plainServer, VAULT } from './test-support.ts'

const REQUEST = { tenant: 'managed_identity', scope: VAULT }
const silent = { tell: () => {}, sent: () => {}, selection: undefined, timeoutMs: 30_000 }

/** What remains on a machine where no variable names a source, at an address that a test can have. */
const guessedAt = (origin: string): Source => ({ ...imds({}), endpoint: new URL(origin) })

describe('identityAcquirer', () => {
  it('concludes after five attempts that a host which nothing names is not there', async () => {
    const origin = await deadOrigin()
    const acquire = identityAcquirer({ ...silent, clock: manualClock(), source: guessedAt(origin) })
    for (let attempt = 1; attempt < 5; attempt += 1)
      await assert.rejects(acquire(REQUEST), { code: 'identity_endpoint_unreachable' })
    const absent = {
      name: 'ConfigurationError',
      code: 'identity_absent',
      message: `Cannot get a managed identity's token, as this program must run on a host that has one: no variable names a source, and the instance metadata service is not at ${origin}: connect ECONNREFUSED ${origin.slice(7)}`,
      hint: 'Run it on an Azure host with a managed identity, or give it an AppIdentity with a credential of its own',
    }
    await assert.rejects(acquire(REQUEST), absent)
    await assert.rejects(acquire(REQUEST), absent)
  })

  it('never concludes that once the host has answered', async (t) => {
    const clock = manualClock()
    const dead = await deadOrigin()
    const { origin } = await plainServer(t, () => identityAnswer('a-token', inAnHour(clock)))
    const source = { ...guessedAt(origin) }
    const moved: Source = {
      ...source,
      get endpoint() {
        return new URL(alive ? origin : dead)
      },
    }
    let alive = true
    const acquire = identityAcquirer({ ...silent, clock, source: moved })
    assert.equal((await acquire(REQUEST)).accessToken, 'a-token')
    alive = false
    for (let attempt = 1; attempt < 9; attempt += 1)
      await assert.rejects(acquire(REQUEST), { code: 'identity_endpoint_unreachable' })
  })

  it('says at once that a certificate is not trusted', async (t) => {
    const { origin, received } = await scriptedServer(t, () => ({}))
    const source = { ...guessedAt(origin), guessed: false }
    await assert.rejects(identityAcquirer({ ...silent, clock: manualClock(), source })(REQUEST), {
      name: 'ConfigurationError',
      code: 'identity_endpoint_untrusted',
      // How Node goes on depends on its version.
      message: new RegExp(
        `^Cannot get a managed identity's token, as the certificate of the instance metadata service at ${origin} must be trusted: self-signed certificate`,
      ),
      hint: `Set NODE_EXTRA_CA_CERTS to the PEM file of the certificate authority that ${origin} uses, before the program starts`,
    })
    assert.deepEqual(received, [])
  })

  it('gives up on an answer that takes too long', async (t) => {
    const clock = manualClock()
    const { origin } = await plainServer(t, () => () => clock.pass(30_000))
    const acquire = identityAcquirer({ ...silent, clock, source: { ...guessedAt(origin), guessed: false } })
    await assert.rejects(acquire(REQUEST), {
      name: 'UnavailableError',
      code: 'identity_endpoint_unreachable',
      message: `Cannot get a managed identity's token, as the instance metadata service must be reachable at ${origin}: no answer within 30000 ms`,
    })
  })

  it('stops reading an answer that is no token', async (t) => {
    const { origin } = await plainServer(t, () => (response) => {
      response.writeHead(200)
      response.write('x'.repeat(64 * 1024 + 1))
    })
    const source = { ...guessedAt(origin), guessed: false }
    await assert.rejects(identityAcquirer({ ...silent, clock: manualClock(), source })(REQUEST), {
      code: 'identity_endpoint_unreachable',
      message: `Cannot get a managed identity's token, as the instance metadata service must be reachable at ${origin}: the answer is longer than 65536 bytes`,
    })
  })

  it('gives up on a connection that does not come about', async (t) => {
    const clock = manualClock()
    const { origin } = await plainServer(t, () => ({}))
    const source = { ...guessedAt(origin), guessed: false }
    // Time is over before the machine can have connected.
    const hasty = {
      ...clock,
      after: (ms: number, end: () => void) => (ms === 3_000 ? (end(), () => {}) : clock.after(ms, end)),
    }
    await assert.rejects(identityAcquirer({ ...silent, connectMs: 3_000, clock: hasty, source })(REQUEST), {
      code: 'identity_endpoint_unreachable',
      message: `Cannot get a managed identity's token, as the instance metadata service must be reachable at ${origin}: no connection within 3000 ms`,
    })
  })
})
