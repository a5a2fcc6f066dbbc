import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { serversWanted, startServers } from './servers.ts'

describe('serversWanted', () => {
  const [postgres, redis] = ["process.env['DATABASE_URL']", 'process.env.REDIS_URL']

  it('names the servers that a test mentions and nobody has given', () => {
    assert.deepEqual(serversWanted([postgres, ''], {}), ['DATABASE_URL'])
    assert.deepEqual(serversWanted([redis, postgres], {}), ['DATABASE_URL', 'REDIS_URL'])
    assert.deepEqual(serversWanted([redis, postgres], { DATABASE_URL: 'postgres://given' }), ['REDIS_URL'])
    assert.deepEqual(serversWanted(['MY_DATABASE_URLS', 'redis'], {}), [])
  })
})

const reachable = (url: string) =>
  new Promise<boolean>((resolve) => {
    const { port, hostname } = new URL(url)
    const socket = connect(Number(port), hostname, () => resolve(true))
    socket.once('connect', () => socket.destroy()).once('error', () => resolve(false))
  })

describe('startServers', () => {
  it('starts what is asked for, and leaves nothing behind', async () => {
    const { env, stop } = await startServers(['DATABASE_URL', 'REDIS_URL'])
    const urls = Object.values(env)
    try {
      for (const url of urls) assert.equal(await reachable(url), true)
    } finally {
      await stop()
    }
    for (const url of urls) assert.equal(await reachable(url), false)
  })

  it('starts nothing when nothing is asked for', async () => {
    const { env, stop } = await startServers([])
    assert.deepEqual(env, {})
    await stop()
  })
})
