// Some thousands of requests that no honest client sends: never a failure, never a token, never a stack trace.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, makeKey, World } from '../test-support.ts'
import { type Aim, fault, seeded, wildRequest } from './wild-requests-test-support.ts'

const REQUESTS = 3000
const AT_ONCE = 20

let world: World
let app: App
before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

describe('a wild request', () => {
  it('is refused in the envelope, whatever it is, and reaches every step before the token', async () => {
    const { tenantId, clock } = world
    const aim: Aim = { tenantId, origin: world.platform.origin, app, nowMs: clock.ms }
    const random = seeded(20_261_120)
    const seen = new Set<number>()
    for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
      const requests = Array.from({ length: AT_ONCE }, () => wildRequest(random, aim))
      const answers = await Promise.all(requests.map((request) => world.send(request.path, request)))
      for (const [index, answer] of answers.entries()) {
        const request = requests[index]
        if (!request) continue
        const found = fault(request, answer)
        assert.equal(
          found,
          undefined,
          `${JSON.stringify(request).slice(0, 2000)} ${answer.text.slice(0, 500)}`,
        )
        for (const code of (answer.body['error_codes'] ?? []) as number[]) seen.add(code)
      }
    }
    // The property would show little if all were refused at the first step.
    const steps = [
      900561, 900023, 90002, 9002313, 900144, 70003, 700016, 1002012, 7000216, 7000215, 50027, 700027,
    ]
    assert.deepEqual(
      steps.filter((code) => !seen.has(code)),
      [],
    )
    assert.equal((await world.postForm(world.form(app))).status, 200)
  })
})
