import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineDaemon, defineJob } from '../daemon.ts'
import { EmbeddedEngine } from '../engine/embedded.ts'
import { temporaryFolder } from '../test-support.ts'
import { type DaemonAddress, newToken, readAddress, removeAddress, writeAddress } from './address-file.ts'
import { databaseCopier } from './database-copy.ts'
import { engineDesk } from './desk.ts'
import { readinessOf } from './health.ts'
import { isThere, remoteDesk } from './remote-desk.ts'
import { startStatusServer, type StatusServerOptions } from './status-server.ts'

const TOKEN = newToken()
const RUN = { job: 'provision', tenant: 'contoso.example', input: { file: 'people.csv' }, key: 'a' }

/** A status server on a real engine with one queued run. */
async function served(t: TestContext, changed: Partial<StatusServerOptions> = {}) {
  const dataFolder = await temporaryFolder(t)
  const engine = await EmbeddedEngine.open(join(dataFolder, 'jobs.db'))
  t.after(() => engine.close())
  const [{ id } = assert.fail('nothing was queued')] = await engine.enqueue([RUN])
  const input = z.object({ file: z.string() })
  const jobs = { provision: defineJob({ input, run: async () => ({}) }) }
  const daemon = defineDaemon({ name: 'nightly', apis: {}, jobs })
  const desk = engineDesk({
    engine,
    daemon: () => daemon,
    tenant: async () => 'contoso.example',
    next: () => [],
    ready: () => true,
    now: () => 5,
  })
  const facts = { engine, schedulerRuns: true, workerRuns: true, lastAnswerAtMs: 0, nowMs: 1 }
  const server = await startStatusServer({
    port: 0,
    token: TOKEN,
    desk,
    isAlive: () => true,
    readiness: () => readinessOf(facts, () => new Promise(() => {})),
    metrics: async () => 'tomte_ready 1\n',
    copy: databaseCopier(engine, dataFolder),
    ...changed,
  })
  t.after(() => server.close())
  const remote = remoteDesk({ origin: server.origin, token: TOKEN, pid: 1 })
  return { engine, id, server, remote }
}

/** One request with exactly these headers. */
async function ask(url: string, method = 'GET', headers: Record<string, string> = {}) {
  const outgoing = request(url, { method, headers, agent: false }).end()
  const [incoming] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage]
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  const type = incoming.headers['content-type'] ?? ''
  const body: unknown = type.startsWith('application/json') ? JSON.parse(text) : text
  return { status: incoming.statusCode, body, headers: incoming.headers }
}

const codeOf = (body: unknown) => (body as { error?: { code?: string } }).error?.code

describe('the status server', () => {
  it('tells health, metrics and the state of jobs without a token', async (t) => {
    const { server, id } = await served(t)
    assert.deepEqual((await ask(`${server.origin}/health/live`)).body, { live: true })
    const ready = await ask(`${server.origin}/health/ready`)
    assert.deepEqual(
      [ready.status, ready.body],
      [200, { ready: true, checks: { database: true, scheduler: true, worker: true }, lastAnswerMs: 1 }],
    )
    const metrics = await ask(`${server.origin}/metrics`)
    assert.deepEqual(
      [metrics.body, metrics.headers['content-type']],
      ['tomte_ready 1\n', 'text/plain; version=0.0.4; charset=utf-8'],
    )
    const status = (await ask(`${server.origin}/status`)).body
    assert.partialDeepStrictEqual(status, {
      daemon: 'nightly',
      ready: true,
      jobs: [{ job: 'provision', queued: 1, running: 0, paused: false }],
    })
    assert.doesNotMatch(JSON.stringify(status), /people\.csv|contoso/)
    assert.equal((await ask(`${server.origin}/runs/${id}`)).status, 401)
  })

  it('answers 503 when the database does not answer, and when the worker has not been answered', async (t) => {
    const { engine } = await served(t)
    const facts = { schedulerRuns: true, workerRuns: true, lastAnswerAtMs: 0, nowMs: 1 }
    const hanging = { leaseMs: 30_000, paused: () => new Promise<never>(() => {}) }
    const found = await readinessOf({ ...facts, engine: hanging }, async () => {})
    assert.deepEqual(found.checks, { database: false, scheduler: true, worker: true })
    const late = await readinessOf({ ...facts, engine, nowMs: 120_001 }, () => new Promise(() => {}))
    assert.deepEqual([late.ready, late.checks.worker], [false, false])
    const { server } = await served(t, { isAlive: () => false, readiness: async () => late })
    assert.equal((await ask(`${server.origin}/health/live`)).status, 503)
    assert.equal((await ask(`${server.origin}/health/ready`)).status, 503)
  })

  it('shows runs and changes them for whoever has the token', async (t) => {
    const { remote, id, engine } = await served(t)
    const [run] = await remote.runs({ limit: 10 })
    assert.partialDeepStrictEqual(run, { id, state: 'queued', input: RUN.input })
    assert.deepEqual(await remote.runs({ job: 'other', limit: 10 }), [])
    assert.deepEqual(await remote.runs({ states: ['finished'], limit: 10 }), [])
    assert.equal((await remote.cancel(id)).state, 'cancelled')
    assert.equal((await remote.retry(id)).state, 'queued')
    await remote.pause('provision', true)
    assert.deepEqual(await engine.paused(), ['provision'])
    await remote.pause('provision', false)
    assert.deepEqual(await engine.paused(), [])
    assert.equal((await remote.status()).daemon, 'nightly')
  })

  it('queues what whoever has the token asks for, and the same work once', async (t) => {
    const { remote, engine } = await served(t)
    const request = { job: 'provision', input: { file: 'more.csv' } }
    const run = await remote.start({ ...request, notBeforeMs: 9_999_999_999_999 })
    assert.partialDeepStrictEqual(await engine.run(run.id), {
      state: 'queued',
      input: request.input,
      tenant: 'contoso.example',
      notBeforeMs: 9_999_999_999_999,
    })
    assert.equal((await remote.start(request)).id, run.id)
    assert.equal((await remote.start({ ...request, tenant: 'fabrikam.example' })).tenant, 'fabrikam.example')
    await assert.rejects(remote.start({ ...request, job: 'other' }), { code: 'job_unknown' })
    await assert.rejects(remote.start({ ...request, input: { file: 1 } }), { code: 'job_input_invalid' })
    const long = { file: 'x'.repeat(2_000_000) }
    await assert.rejects(remote.start({ ...request, input: long }), { code: 'request_invalid' })
  })

  it('says by code what is not possible', async (t) => {
    const { remote, server, id } = await served(t)
    for (const act of [remote.run('99'), remote.retry('99'), remote.cancel("1' or '1")])
      await assert.rejects(act, { name: 'JobError', code: 'run_unknown' })
    await assert.rejects(remote.retry(id), { code: 'run_unfinished' })
    await assert.rejects(remote.runs({ limit: 5_000 }), { code: 'request_invalid' })
    assert.equal(codeOf((await ask(`${server.origin}/elsewhere`)).body), 'route_unknown')
  })

  it('refuses another token, a part of it and none, whatever is asked', async (t) => {
    const { server, id } = await served(t)
    const paths = [
      'GET /runs',
      `GET /runs/${id}`,
      `POST /runs/${id}/cancel`,
      'POST /jobs/provision/pause',
      'POST /backup',
      'POST /runs',
    ]
    for (const path of paths) {
      for (const authorization of [
        '',
        'Bearer',
        `Bearer ${TOKEN.slice(0, -1)}`,
        `Bearer ${newToken()}`,
        TOKEN,
      ]) {
        const [method = '', route = ''] = path.split(' ')
        const { status, body } = await ask(`${server.origin}${route}`, method, { authorization })
        assert.deepEqual([status, codeOf(body)], [401, 'token_needed'], `${path} ${authorization}`)
      }
    }
  })

  it('answers to names of this machine alone, so that no page of a browser reaches it by a name of its own', async (t) => {
    const { server } = await served(t)
    const { port } = new URL(server.origin)
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
      assert.equal((await ask(`${server.origin}/health/live`, 'GET', { host })).status, 200, host)
    for (const host of ['evil.example', `localhost.evil.example:${port}`, '10.0.0.7', 'x:1:2']) {
      const { status, body } = await ask(`${server.origin}/health/live`, 'GET', { host })
      assert.deepEqual([status, codeOf(body)], [403, 'host_refused'], host)
    }
  })

  it('listens for other machines only if that is said, and refuses a port that is taken', async (t) => {
    await assert.rejects(served(t, { host: '0.0.0.0' }), {
      name: 'JobError',
      code: 'status_exposure_refused',
      message:
        "Cannot tell the status on '0.0.0.0', as other machines may reach it only if that is wanted: exposeStatus is not set",
    })
    const { server } = await served(t)
    const port = Number(new URL(server.origin).port)
    await assert.rejects(served(t, { port }), { code: 'status_port_unavailable' })
  })

  const others = Object.values(networkInterfaces())
    .flat()
    .filter((one) => one !== undefined && !one.internal && one.family === 'IPv4')
  const skip = others.length === 0 && 'this machine has no address but its own'
  it('tells other machines health and metrics and nothing else', { skip }, async (t) => {
    // By the address of another interface this machine is a stranger to itself.
    const host = others[0]?.address ?? ''
    const { server } = await served(t, { host, exposeStatus: true, names: ['jobs.example'] })
    for (const path of ['/health/live', '/health/ready', '/metrics'])
      assert.equal((await ask(`${server.origin}${path}`)).status, 200, path)
    assert.equal((await ask(`${server.origin}/metrics`, 'GET', { host: 'jobs.example:80' })).status, 200)
    assert.equal((await ask(`${server.origin}/metrics`, 'GET', { host: 'evil.example' })).status, 403)
    const authorization = `Bearer ${TOKEN}`
    for (const path of ['/status', '/runs', '/metrics/', '/health/live/../../runs']) {
      const { status, body } = await ask(`${server.origin}${path}`, 'GET', { authorization })
      assert.deepEqual([status, codeOf(body)], [403, 'machine_refused'], path)
    }
  })
})

describe('the address of a daemon', () => {
  it('is a file for this account alone, which the daemon that wrote it removes and no other', async (t) => {
    const folder = join(await temporaryFolder(t), 'data')
    const address: DaemonAddress = { origin: 'http://127.0.0.1:1', token: newToken(), pid: 7 }
    await writeAddress(folder, address)
    assert.deepEqual(await readdir(folder), ['daemon.json'])
    if (process.platform !== 'win32')
      assert.equal((await stat(join(folder, 'daemon.json'))).mode & 0o777, 0o600)
    assert.deepEqual(await readAddress(folder), address)
    await removeAddress(folder, { ...address, token: newToken() })
    assert.deepEqual(await readAddress(folder), address)
    await removeAddress(folder, address)
    assert.equal(await readAddress(folder), undefined)
  })

  it('tells a daemon that is there from one that is gone', async (t) => {
    const { server } = await served(t)
    assert.equal(await isThere({ origin: server.origin, token: TOKEN, pid: 1 }), true)
    await server.close()
    assert.equal(await isThere({ origin: server.origin, token: TOKEN, pid: 1 }), false)
    await assert.rejects(remoteDesk({ origin: server.origin, token: TOKEN, pid: 1 }).status(), {
      code: 'daemon_unreachable',
    })
  })
})
