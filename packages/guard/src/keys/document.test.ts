import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { documentGetter } from './document.ts'
import { manualClock, scriptedServer } from './server-test-support.ts'

describe('documentGetter', () => {
  it('gets a document over TLS that it trusts', async (t) => {
    const { origin, ca } = await scriptedServer(t, () => 'a document')
    assert.equal(await documentGetter({ ca })(`${origin}/a?b=c`), 'a document')
  })

  it('gets nothing from a server that it does not trust', async (t) => {
    const { origin, asked } = await scriptedServer(t, () => 'a document')
    await assert.rejects(documentGetter({})(`${origin}/a`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    assert.deepEqual(asked, [])
  })

  for (const status of [201, 204, 301, 302, 307, 400, 404, 429, 500, 503]) {
    it(`takes no answer of status ${status}, and follows it nowhere`, async (t) => {
      const { origin, ca, asked } = await scriptedServer(t, () => (response) => {
        response.writeHead(status, { location: '/elsewhere' }).end()
      })
      await assert.rejects(documentGetter({ ca })(`${origin}/a`), new Error(`status ${status}`))
      assert.deepEqual(asked, ['/a'])
    })
  }

  it('takes up to 512 kB', async (t) => {
    const { origin, ca } = await scriptedServer(t, (path) => 'a'.repeat(512 * 1024 + Number(path.slice(1))))
    assert.equal((await documentGetter({ ca })(`${origin}/0`)).length, 512 * 1024)
    await assert.rejects(documentGetter({ ca })(`${origin}/1`), new Error('more than 524288 bytes'))
  })

  it('stops reading what never ends', async (t) => {
    const { origin, ca } = await scriptedServer(t, () => (response) => {
      const more = () => {
        while (!response.destroyed && response.write('a'.repeat(64 * 1024)));
        response.once('drain', more)
      }
      more()
    })
    await assert.rejects(documentGetter({ ca })(`${origin}/a`), new Error('more than 524288 bytes'))
  })

  it('waits no longer than its time, whether nothing comes or only the beginning', async (t) => {
    for (const begun of [false, true]) {
      const { clock, pass, alarms } = manualClock()
      const { origin, ca } = await scriptedServer(t, () => (response) => {
        if (begun) response.write('a')
        pass(2000)
      })
      const got = documentGetter({ ca, clock, timeoutMs: 2000 })(`${origin}/a`)
      await assert.rejects(got, new Error('no answer within 2000 ms'))
      assert.equal(alarms.size, 0)
    }
  })

  it('leaves no alarm behind', async (t) => {
    const { clock, alarms } = manualClock()
    const { origin, ca } = await scriptedServer(t, () => 'a document')
    const get = documentGetter({ ca, clock })
    await get(`${origin}/a`)
    await assert.rejects(documentGetter({ clock })(`${origin}/a`))
    assert.equal(alarms.size, 0)
  })
})
