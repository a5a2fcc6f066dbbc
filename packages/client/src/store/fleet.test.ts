// Twenty processes of one application, on each of the stores, at an authority that counts.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import { scriptedServer } from '../test-support.ts'
import type { Orders, Told } from './fleet-process-test-support.ts'
import { newKey, REQUEST } from './store-test-support.ts'

const SCOPE = REQUEST.scope
const PROCESSES = 20
const REQUEST_MS = 100
const HALF_HOUR_MS = 1_800_000
const PROGRAM = fileURLToPath(new URL('fleet-process-test-support.ts', import.meta.url))

const postgres = process.env['DATABASE_URL'] ?? ''
const redis = process.env['REDIS_URL'] ?? ''

describe('a fleet of twenty processes', () => {
  let fleet: readonly ChildProcess[] = []
  let folder = ''

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-fleet-'))
    fleet = Array.from({ length: PROCESSES }, () =>
      fork(PROGRAM, { execArgv: ['--conditions=@tomte/source'] }),
    )
    await Promise.all(fleet.map((each) => once(each, 'message')))
  })
  after(async () => {
    for (const each of fleet) each.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  /** Tells all processes the same at the same moment; gives their tokens. */
  const tell = async (told: Told, processes = fleet) => {
    const answers = processes.map(async (each) => {
      const answer = once(each, 'message')
      each.send(told)
      const [{ token, warnings }] = (await answer) as [{ token: string; warnings: readonly string[] }]
      assert.deepEqual(warnings, [])
      return token
    })
    return new Set(await Promise.all(answers))
  }

  for (const [store, place, missing] of [
    ['file', () => join(folder, 'tokens'), false],
    ['redis', () => redis, redis === '' && 'no Redis: run by `npm test`, or set REDIS_URL'],
    ['postgres', () => postgres, postgres === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'],
  ] as const) {
    it(`asks the authority once to start and once to renew, by ${store}`, { skip: missing }, async (t) => {
      const server = await scriptedServer(t, ({ body }) => (response) => {
        const name = new URLSearchParams(body).get('scope') === SCOPE ? `token-${requests()}` : 'own'
        const token = { token_type: 'Bearer', expires_in: 3600, access_token: name }
        void systemClock.sleep(REQUEST_MS).then(() => response.end(JSON.stringify(token)))
      })
      const orders: Orders = {
        store,
        place: store === 'postgres' ? await ownDatabase(t, place()) : place(),
        prefix: `test:${crypto.randomUUID()}:`,
        key: newKey().toString('base64'),
        authorityHost: server.origin,
        ca: server.ca,
      }
      const requests = () =>
        server.received.filter(({ body }) => new URLSearchParams(body).get('scope') === SCOPE).length
      await tell({ become: orders })
      // Loads and connects what each needs, so that what is counted is not how long twenty processes take for that.
      await tell('own token')
      assert.deepEqual(await tell('token'), new Set(['token-1']))
      assert.equal(requests(), 1)

      await tell({ passMs: HALF_HOUR_MS })
      assert.deepEqual(await tell('token'), new Set(['token-1']))
      assert.deepEqual(await tell('next token'), new Set(['token-2']))
      assert.equal(requests(), 2)

      await tell({ become: orders }, fleet.slice(0, 5))
      await tell({ passMs: HALF_HOUR_MS }, fleet.slice(0, 5))
      assert.deepEqual(await tell('token', fleet.slice(0, 5)), new Set(['token-2']))
      assert.equal(requests(), 2)
    })
  }
})

async function ownDatabase(t: { after(end: () => Promise<void>): void }, address: string): Promise<string> {
  const name = `tomte_${crypto.randomUUID().replaceAll('-', '')}`
  const run = async (text: string) => {
    const client = new Client({ connectionString: address })
    await client.connect()
    await client.query(text)
    await client.end()
  }
  await run(`create database ${name}`)
  t.after(() => run(`drop database ${name} with (force)`))
  const own = new URL(address)
  own.pathname = `/${name}`
  return own.href
}
