// That an administrative change is on the disk before its answer is on the wire, by what the system saw of the process.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppIdentity, certificate } from '@tomte/client'
import { startPlatform } from '@tomte/platform'
import { ask, spawned } from './replica.ts'

const CHANGES = 12
const CALLS = 'trace=pwrite64,write,writev,sendmsg,sendto,fsync,fdatasync'
// As the very tool can be there and not be allowed to watch anybody.
const skip =
  spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0 && 'no strace that may trace is installed'

/** What the lines of a trace say of writes to the log of SQLite, of its syncs, and of writes to sockets. */
function readTrace(text: string) {
  const syncing = new Map<string, boolean>()
  let [isDirty, syncs, answers, tooEarly] = [false, 0, 0, 0]
  for (const line of text.split('\n')) {
    const [, thread = '', call = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    if (/^pwrite64\(\d+<[^>]*-wal>/.test(call)) isDirty = true
    const isSync = /^f(?:data)?sync\(\d+<[^>]*-wal>/.test(call)
    if (isSync && call.includes('<unfinished')) syncing.set(thread, true)
    if (
      (isSync && call.endsWith('= 0')) ||
      (/^<\.\.\. f(?:data)?sync resumed>.*= 0$/.test(call) && syncing.delete(thread))
    ) {
      isDirty = false
      syncs += 1
    }
    if (!/^(?:write|writev|sendmsg|sendto)\(\d+<TCP/.test(call)) continue
    answers += 1
    if (isDirty) tooEarly += 1
  }
  return { syncs, answers, tooEarly }
}

/** A token of the operator, from a life of the platform whose sign-in log is closed: that log is not synced. */
async function operatorToken(dataFolder: string): Promise<string> {
  const platform = await startPlatform({ dataFolder, port: 0 })
  const { operator, origin, ca } = platform
  const credential = certificate({ file: operator.certificateFile })
  const identity = new AppIdentity({ ...operator, credential, authorityHost: origin, ca })
  const { token } = await identity.getToken('https://graph.microsoft.com/.default')
  await platform.close()
  return token
}

describe('an administrative change on SQLite', { skip }, () => {
  it('is synced before its answer is written, each one', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tomte-synced-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const token = await operatorToken(folder)
    const trace = join(folder, 'trace')
    const strace = ['strace', '-f', '-yy', '-s', '0', '-e', CALLS, '-o', trace, process.execPath]
    const { child, gone, ready } = await spawned(folder, undefined, strace)
    const agent = new Agent({ ca: ready.ca, keepAlive: true })
    t.after(() => agent.destroy())
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    for (let change = 0; change < CHANGES; change++) {
      const content = JSON.stringify({ displayName: `synced ${randomUUID()}` })
      const { status } = await ask(`${ready.graphUrl}/applications`, {
        agent,
        method: 'POST',
        headers,
        content,
      })
      assert.equal(status, 201)
    }
    child.stdin.end()
    await gone
    const { syncs, answers, tooEarly } = readTrace(await readFile(trace, 'utf8'))
    assert.equal(tooEarly, 0)
    assert.ok(syncs >= CHANGES, `${syncs} syncs for ${CHANGES} changes`)
    assert.ok(answers >= CHANGES, `${answers} writes to sockets for ${CHANGES} answers`)
  })

  it('would be seen if it were not', () => {
    const wal = '5</data/platform.db-wal>'
    const early = [
      `1 pwrite64(${wal}, "", 9, 0) = 9`,
      `1 writev(7<TCP:[1->2]>, [], 1) = 1`,
      `1 fdatasync(${wal}) = 0`,
    ]
    assert.deepEqual(readTrace(early.join('\n')), { syncs: 1, answers: 1, tooEarly: 1 })
    const unfinished = [
      `1 pwrite64(${wal}, "", 9, 0) = 9`,
      `1 fdatasync(${wal} <unfinished ...>`,
      `1 <... fdatasync resumed>) = 0`,
      `1 write(7<TCPv6:[1->2]>, "", 1) = 1`,
    ]
    assert.deepEqual(readTrace(unfinished.join('\n')), { syncs: 1, answers: 1, tooEarly: 0 })
  })
})
