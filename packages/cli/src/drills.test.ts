// The platform's faults on demand as our own client meets them: what it repeats, how long it waits, and how it gives up.
import assert from 'node:assert/strict'
import { Agent, request } from 'node:https'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { type Api, AppIdentity, certificate, type Clock, graph, systemClock } from '@tomte/client'
import { type Platform, startPlatform } from '@tomte/platform'

const SCOPE = 'https://graph.microsoft.com/.default'

let folder: string
let platform: Platform
let agent: Agent
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tomte-drills-'))
  platform = await startPlatform({ dataFolder: folder, port: 0, drills: true })
  agent = new Agent({ ca: platform.ca, keepAlive: true })
})
after(async () => {
  agent.destroy()
  await platform.close()
  await rm(folder, { recursive: true, force: true })
})
afterEach(() => drill('DELETE', '/faults'))

interface Report {
  readonly requests: Readonly<Record<string, number>>
  readonly waiting: number
}

function drill(method: string, path = '', body?: object): Promise<Report> {
  const headers = body ? { 'content-type': 'application/json' } : {}
  return new Promise((resolve, reject) => {
    const outgoing = request(`${platform.drillsUrl}${path}`, { method, agent, headers }, (incoming) => {
      let text = ''
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()))
      incoming.on('end', () => resolve((text === '' ? {} : JSON.parse(text)) as Report))
    })
    outgoing.on('error', reject)
    outgoing.end(body && JSON.stringify(body))
  })
}

const received = async (target: string) => (await drill('GET')).requests[target] ?? 0

/** A client whose waits pass at once and are written down, and whose shortest time limit passes when a test says so. */
function client() {
  const slept: number[] = []
  const limits = new Map<() => void, number>()
  let aheadMs = 0
  const clock: Clock = {
    now: () => systemClock.now() + aheadMs,
    sleep: async (ms) => {
      slept.push(ms)
      aheadMs += ms
    },
    after: (ms, end) => {
      limits.set(end, ms)
      return () => void limits.delete(end)
    },
  }
  const passLimit = () => {
    const [shortest] = [...limits].sort(([, a], [, b]) => a - b)
    shortest?.[0]()
  }
  const { operator, origin, graphUrl, ca } = platform
  const identity = new AppIdentity({
    tenantId: operator.tenantId,
    clientId: operator.clientId,
    credential: certificate({ file: operator.certificateFile }),
    authorityHost: origin,
    ca,
    clock,
    random: () => 0,
    // Less than what a caller waits, so that one request is given up and not the caller.
    timeoutMs: 5_000,
  })
  const api: Api = graph(identity, { baseUrl: graphUrl, ca, clock, random: () => 0 })
  return { identity, api, slept, passLimit }
}

describe('the token endpoint in a drill', () => {
  it('that is throttled twice is asked again after the wait it names', async () => {
    const { identity, slept } = client()
    const before = await received('token')
    await drill('POST', '/faults', {
      target: 'token',
      kind: 'status',
      status: 429,
      retryAfterSeconds: 2,
      times: 2,
    })
    assert.match((await identity.getToken(SCOPE)).token, /^ey/)
    assert.deepEqual([slept, (await received('token')) - before], [[2000, 2000], 3])
  })

  it('that fails or cuts is asked again after a moment', async () => {
    for (const harm of [{ kind: 'status', status: 503 }, { kind: 'cut' }]) {
      const { identity, slept } = client()
      await drill('POST', '/faults', { target: 'token', times: 1, ...harm })
      assert.match((await identity.getToken(SCOPE)).token, /^ey/)
      assert.deepEqual(slept, [125], harm.kind)
    }
  })

  it('that stays broken is given up, and what it said is told', async () => {
    const { identity } = client()
    await drill('POST', '/faults', { target: 'token', kind: 'status', status: 503 })
    await assert.rejects(identity.getToken(SCOPE), (error: Error & { code?: string; aadsts?: unknown }) => {
      assert.deepEqual([error.name, error.aadsts], ['UnavailableError', [90033]])
      return true
    })
  })

  it('that hangs is left when the time limit passes, and asked again', async () => {
    const { identity, passLimit } = client()
    await drill('POST', '/faults', { target: 'token', kind: 'hang', times: 1 })
    const asked = identity.getToken(SCOPE)
    while ((await drill('GET')).waiting !== 1);
    passLimit()
    assert.match((await asked).token, /^ey/)
  })

  it('that is slow is waited for', async () => {
    const { identity, slept } = client()
    await drill('POST', '/faults', { target: 'token', kind: 'slow', delayMs: 600_000, times: 1 })
    const asked = identity.getToken(SCOPE)
    while ((await drill('GET')).waiting !== 1);
    await drill('DELETE', '/faults')
    assert.match((await asked).token, /^ey/)
    assert.deepEqual(slept, [])
  })

  it('that is broken is not missed while the token lasts', async () => {
    const { identity, api } = client()
    const { token } = await identity.getToken(SCOPE)
    await drill('POST', '/faults', { target: 'token', kind: 'hang' })
    assert.equal((await identity.getToken(SCOPE)).token, token)
    await api.get('/organization')
  })
})

describe('the directory in a drill', () => {
  it('that is throttled is asked again after the wait it names', async () => {
    const { api, slept } = client()
    await drill('POST', '/faults', {
      target: 'directory',
      kind: 'status',
      status: 429,
      retryAfterSeconds: 7,
      times: 2,
    })
    await api.get('/organization')
    assert.deepEqual([slept, api.retries], [[7000, 7000], 2])
  })

  it('that throttles items of a batch is sent those alone again', async () => {
    const { api, slept } = client()
    await drill('POST', '/faults', {
      target: 'batch-item',
      kind: 'status',
      status: 429,
      retryAfterSeconds: 3,
      rate: 0.5,
      times: 1,
    })
    const before = await received('batch-item')
    const requests = ['a', 'b', 'c'].map(() => ({ method: 'GET', url: '/organization' }) as const)
    const answers = await api.batch(requests)
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    )
    assert.deepEqual([slept, (await received('batch-item')) - before], [[3000], 4])
  })

  it('that cuts after processing is not asked a second time to create', async () => {
    const { api } = client()
    await api.get('/organization')
    await drill('POST', '/faults', { target: 'directory', kind: 'cut', times: 1 })
    const before = await received('directory')
    await assert.rejects(api.post('/applications', { displayName: 'once' }))
    assert.equal((await received('directory')) - before, 1)
    const filter = encodeURIComponent("displayName eq 'once'")
    const { value } = (await api.get(`/applications?$filter=${filter}`)) as { value: unknown[] }
    assert.equal(value.length, 1)
  })
})
