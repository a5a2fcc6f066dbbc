import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { systemClock } from '@tomte/client'
import type { JobEvent } from '../events.ts'
import { failureWebhook, type WebhookOptions } from './webhook.ts'

const NOW = Date.UTC(2026, 0, 31, 2)
const SECRET = 'a secret of more than 24 characters'
const DEAD: JobEvent = {
  type: 'run_dead',
  runId: '7',
  job: 'provision',
  tenant: 'contoso.example',
  durationMs: 10,
  error: { code: 'api_refused', message: 'Cannot call: client_secret=hush' },
  failures: 10,
  deaths: 0,
}
const NEVER = new AbortController().signal

interface Received {
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

/** A receiver that answers with these statuses in turn, `0` by cutting the connection, and then with 200. */
async function receiver(t: TestContext, statuses: readonly number[] = []) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      const status = statuses[received.length - 1] ?? 200
      if (status === 0) request.socket.destroy()
      else response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

function webhookTo(url: string, changed: Partial<WebhookOptions> = {}) {
  const slept: number[] = []
  const faults: string[] = []
  const clock = {
    ...systemClock,
    now: () => NOW,
    sleep: async (ms: number) => void slept.push(ms),
  }
  const webhook = failureWebhook({
    url,
    daemon: 'nightly',
    clock,
    secret: SECRET,
    random: () => 0.5,
    newId: () => 'id',
    onFault: (line) => faults.push(line),
    ...changed,
  })
  return { webhook, slept, faults }
}

describe('a webhook for failures', () => {
  it('is told of a dead run, signed by the rules of Standard Webhooks, and of nothing that went well', async (t) => {
    const { received, url } = await receiver(t)
    const { webhook, faults } = webhookTo(url)
    webhook.hear({ type: 'run_cancelled', runId: '7', job: 'provision', tenant: 'x' })
    webhook.hear(DEAD)
    await webhook.settle(NEVER)
    const [{ headers, body } = assert.fail('nothing came')] = received
    assert.equal(received.length, 1)
    assert.deepEqual(JSON.parse(body), {
      type: 'run_dead',
      timestamp: '2026-01-31T02:00:00.000Z',
      data: {
        daemon: 'nightly',
        runId: '7',
        job: 'provision',
        tenant: 'contoso.example',
        durationMs: 10,
        error: { code: 'api_refused', message: 'Cannot call: client_secret=[secret]' },
        failures: 10,
        deaths: 0,
      },
    })
    const signed = createHmac('sha256', SECRET)
      .update(`msg_id.${NOW / 1000}.${body}`)
      .digest('base64')
    assert.partialDeepStrictEqual(headers, {
      'content-type': 'application/json',
      'webhook-id': 'msg_id',
      'webhook-timestamp': String(NOW / 1000),
      'webhook-signature': `v1,${signed}`,
    })
    assert.deepEqual(faults, [])
  })

  it('takes a secret as its generators write it', async (t) => {
    const { received, url } = await receiver(t)
    const key = Buffer.from('0123456789abcdef01234567')
    const { webhook } = webhookTo(url, { secret: `whsec_${key.toString('base64')}` })
    webhook.hear(DEAD)
    await webhook.settle(NEVER)
    const [{ headers, body } = assert.fail('nothing came')] = received
    const signed = createHmac('sha256', key)
      .update(`msg_id.${NOW / 1000}.${body}`)
      .digest('base64')
    assert.equal(headers['webhook-signature'], `v1,${signed}`)
  })

  it('is tried again, as the same message, until it takes it', async (t) => {
    const { received, url } = await receiver(t, [503, 0, 302])
    const { webhook, slept, faults } = webhookTo(url)
    webhook.hear(DEAD)
    await webhook.settle(NEVER)
    assert.deepEqual(
      received.map(({ headers }) => headers['webhook-id']),
      ['msg_id', 'msg_id', 'msg_id', 'msg_id'],
    )
    assert.deepEqual(slept, [2_000, 10_000, 60_000])
    assert.deepEqual(faults, [])
  })

  it('is given up after five attempts, or when it says that it is gone, and the next message goes', async (t) => {
    const { received, url } = await receiver(t, [500, 500, 500, 500, 500, 410])
    const { webhook, faults } = webhookTo(url)
    for (let message = 0; message < 3; message += 1) webhook.hear(DEAD)
    await webhook.settle(NEVER)
    assert.equal(received.length, 7)
    assert.deepEqual(faults, [
      'Cannot tell the webhook of a failure: it answered with status 500, at attempt 5',
      'Cannot tell the webhook of a failure: it answered with status 410, at attempt 1',
    ])
  })

  it('keeps nobody waiting when the daemon stops', async (t) => {
    const { url } = await receiver(t, [500])
    const stop = new AbortController()
    const { webhook, faults } = webhookTo(url, {
      clock: {
        ...systemClock,
        sleep: (ms, signal) => {
          stop.abort()
          return systemClock.sleep(ms, signal)
        },
      },
    })
    webhook.hear(DEAD)
    webhook.hear(DEAD)
    await webhook.settle(stop.signal)
    assert.deepEqual(faults, [
      'Cannot tell the webhook of a failure: it answered with status 500, and the daemon stops',
    ])
  })

  const refused: readonly (readonly [string, string, string | undefined])[] = [
    ['http to another machine', 'http://hooks.example/x', SECRET],
    ['a name that only looks like this machine', 'http://127.0.0.1.example/x', SECRET],
    ['another protocol', 'file:///etc/passwd', SECRET],
    ['a password in the address', 'https://a:hush@hooks.example/', SECRET],
    ['no address', 'hooks', SECRET],
    ['a short secret', 'https://hooks.example/', 'short'],
  ]
  for (const [what, url, secret] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => webhookTo(url, { secret }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'webhook_unusable')
          assert.match(error.message, /^Cannot tell a webhook of failures, as its .*: found /)
          assert.doesNotMatch(error.message, /hush|short$/)
          return true
        },
      )
    })
  }
})
