// Requests that no honest client sends, as many as --seed's generator makes in a run, to a platform in this process: what is
// asked of it is no failure, no token, no stack trace, an honest request answered all along, and memory that does not grow.
import { makeKey, World } from '../packages/platform/src/test-support.ts'
import {
  type Aim,
  fault,
  seeded,
  wildRequest,
} from '../packages/platform/src/token/wild-requests-test-support.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'

export interface FuzzOptions extends DrillOptions {
  /** How many requests are sent. */
  readonly requests?: number | undefined
}

const REQUESTS = 100_000
const AT_ONCE = 32
/** One in so many requests is an honest one. */
const HONEST_EVERY = 100
const GROWTH_MAX_MB = 64

interface Counted {
  calls: number
  failed: number
  tokenRequests: number
  longestWaitMs: number
}

/** Sends the requests, and counts those whose answers are wrong. */
export async function drill({ seed, requests = REQUESTS }: FuzzOptions): Promise<DrillResult> {
  const world = await World.start()
  try {
    const app = await world.register(await makeKey(world.clock.ms))
    const aim: Aim = { tenantId: world.tenantId, origin: world.platform.origin, app, nowMs: world.clock.ms }
    const random = seeded(seed)
    const counted: Counted = { calls: 0, failed: 0, tokenRequests: 0, longestWaitMs: 0 }
    const warm = Math.floor(requests / 4)
    const honestFailed = await send(world, { aim, random, counted, until: warm })
    const before = megabytes()
    const honestLater = await send(world, { aim, random, counted, until: requests })
    const growth = Math.max(0, megabytes() - before)
    return { drill: 'fuzz', rows: [row(requests, counted, honestFailed + honestLater, growth)] }
  } finally {
    await world.remove()
  }
}

function row(requests: number, counted: Counted, honestFailed: number, growthMb: number): Row {
  return {
    what: `wild requests; memory grew by ${growthMb} MB, honest requests failed: ${honestFailed}`,
    ...counted,
    withoutRenewals: true,
    goal: `${requests} calls, 0 failed, 0 honest ones failed, <= ${GROWTH_MAX_MB} MB more`,
    met: counted.calls >= requests && counted.failed === 0 && honestFailed === 0 && growthMb <= GROWTH_MAX_MB,
  }
}

interface Sending {
  readonly aim: Aim
  readonly random: () => number
  readonly counted: Counted
  readonly until: number
}

/** Sends from the generator on until so many are counted; returns how many honest requests failed. */
async function send(world: World, { aim, random, counted, until }: Sending): Promise<number> {
  let honestFailed = 0
  const one = async () => {
    while (counted.calls < until) {
      counted.calls += 1
      if (counted.calls % HONEST_EVERY === 0) {
        const { status } = await world.postForm(world.form(aim.app))
        if (status !== 200) honestFailed += 1
        continue
      }
      const request = wildRequest(random, aim)
      if (request.forTokens) counted.tokenRequests += 1
      const startMs = performance.now()
      const answer = await world.send(request.path, request)
      counted.longestWaitMs = Math.max(counted.longestWaitMs, performance.now() - startMs)
      const found = fault(request, answer)
      if (found === undefined) continue
      counted.failed += 1
      if (counted.failed <= 5)
        process.stderr.write(
          `${found}: ${JSON.stringify(request).slice(0, 1000)} ${answer.text.slice(0, 300)}\n`,
        )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return honestFailed
}

const megabytes = () => Math.round(process.memoryUsage().rss / 1024 / 1024)
