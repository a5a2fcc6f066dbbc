import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CredentialError } from '../errors.ts'
import type { Clock } from '../clock.ts'
import type { TokenRequest } from './acquire.ts'
import { TokenCache } from './cache.ts'
import { TokenKeeper } from './keeper.ts'
import { down, seeded, settled, virtualClock } from './test-support.ts'

const SEEDS = 60
const STEPS = 150
const ATTEMPT_MAX_MS = 8_000
const TENANTS = ['a', 'b', 'c']
const SCOPE = 'api://orders/.default'

function abortedAfter(clock: Clock, ms: number): AbortSignal {
  const controller = new AbortController()
  clock.after(ms, () => controller.abort(new Error('The caller has lost patience')))
  return controller.signal
}

/** Callers, aborts, refusals, outages and silence in an order that only the seed knows. */
async function run(seed: number): Promise<{ served: number; waited: number; failed: number }> {
  const random = seeded(seed)
  const upTo = (limit: number) => Math.floor(random() * limit)
  const clock = virtualClock()
  const cache = new TokenCache()
  const inTheAir = new Map<string, number>()
  const counts = { served: 0, waited: 0, failed: 0 }
  let open = 0
  let flightsMax = 0
  let issued = 0
  let outage = false

  const acquire = async ({ tenant }: TokenRequest) => {
    const flights = (inTheAir.get(tenant) ?? 0) + 1
    inTheAir.set(tenant, flights)
    flightsMax = Math.max(flightsMax, flights)
    await clock.sleep(upTo(ATTEMPT_MAX_MS))
    inTheAir.set(tenant, (inTheAir.get(tenant) ?? 0) - 1)
    if (outage) throw down(random() < 0.3 ? upTo(40_000) : undefined)
    if (random() < 0.1) throw new CredentialError('refused', { code: 'invalid_client' })
    issued += 1
    const lifeMs = 15_000 + upTo(105_000)
    const nowMs = clock.now()
    return {
      accessToken: `${tenant} ${issued}`,
      expiresAtMs: nowMs + lifeMs,
      refreshAtMs: nowMs + random() * lifeMs,
    }
  }
  const keeper = new TokenKeeper({ cache, clock, random, acquire, tell: () => {} })

  const call = async (tenant: string) => {
    const calledMs = clock.now()
    const answer = cache.find(tenant, SCOPE)?.answer
    const cached = answer !== undefined && answer.expiresOnTimestamp - calledMs > 10_000
    const timeoutMs = 1 + upTo(40_000)
    const signal = random() < 0.2 ? abortedAfter(clock, upTo(10_000)) : undefined
    const refused = cached && random() < 0.2 ? answer.token : undefined
    const ask = { timeoutMs, signal }
    open += 1
    const asking =
      refused === undefined
        ? keeper.token(tenant, SCOPE, ask)
        : keeper.tokenAfterRefusal(tenant, SCOPE, refused, ask)
    let settledMs: number | undefined
    const told = asking.then(
      ({ token, expiresOnTimestamp }) => {
        settledMs = clock.now()
        counts.served += 1
        assert.ok(token.startsWith(`${tenant} `), 'a token of its own tenant')
        assert.ok(expiresOnTimestamp - settledMs > 10_000, 'more than 10 s left')
      },
      () => {
        settledMs = clock.now()
        counts.failed += 1
      },
    )
    if (cached && refused === undefined) {
      await settled()
      assert.notEqual(settledMs, undefined, 'no wait while a token is cached')
    } else counts.waited += 1
    await told
    open -= 1
    const tookMs = (settledMs ?? Infinity) - calledMs
    assert.ok(tookMs <= timeoutMs + ATTEMPT_MAX_MS, `settled in time: ${tookMs} of ${timeoutMs}`)
  }

  const calls: Promise<void>[] = []
  for (let step = 0; step < STEPS; step += 1) {
    if (random() < 0.05) outage = !outage
    const tenant = TENANTS[upTo(TENANTS.length)] ?? 'a'
    for (let callers = upTo(4); callers > 0; callers -= 1) calls.push(call(tenant))
    await clock.advance(upTo(random() < 0.5 ? 500 : 20_000))
  }
  await clock.advance(60_000)
  assert.equal(flightsMax, 1, 'one flight for one key')
  assert.equal(open, 0, 'everybody has settled')
  await Promise.all(calls)
  return counts
}

describe('TokenKeeper on any schedule', () => {
  it('has one flight for a key, serves what works without a wait, and settles everybody in time', async () => {
    const total = { served: 0, waited: 0, failed: 0 }
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const counts = await run(seed).catch((cause: unknown) => {
        throw new Error(`The schedule of seed ${seed} fails`, { cause })
      })
      total.served += counts.served
      total.waited += counts.waited
      total.failed += counts.failed
    }
    // A schedule in which nothing happens would prove nothing.
    for (const count of Object.values(total)) assert.ok(count > SEEDS * 10, JSON.stringify(total))
  })
})
