import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { configured, hasStack, IMPORTS, temporaryFolder, tomte } from './test-support.ts'

// It saves three pieces and then waits to be stopped; when it is resumed it does the other three.
const DAEMON = `${IMPORTS}
import { once } from 'node:events'
const work = defineJob({
  input: z.object({}),
  async run({ step, log, signal }) {
    return {
      from: await step('pieces', async (cursor) => {
        const from = cursor.value ?? 0
        for (let piece = from; piece < 6; piece += 1) {
          if (piece === 3 && from === 0) {
            log('waiting')
            const alive = setInterval(() => {}, 1000)
            await once(signal, 'abort')
            clearInterval(alive)
          }
          signal.throwIfAborted()
          await cursor.save(piece + 1)
        }
        return from
      }),
    }
  },
})
export default defineDaemon({ apis: {}, jobs: { work } })
`
const STOPPED = 'Stopped at a checkpoint: the next run goes on from there\n'
const skip = process.platform === 'win32' && 'Windows has no signals'

describe('a run that is told to stop', { skip }, () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`by ${signal} ends at a checkpoint with ${code}, and the next run goes on there`, async (t) => {
      const cwd = await configured(t, DAEMON)
      const running = tomte(t, ['run', 'work'], { cwd })
      await running.prints(/^waiting$/m)
      running.child.kill(signal)
      assert.deepEqual(await running.ended, { code, signal: null, stdout: `waiting\n${STOPPED}`, stderr: '' })

      const next = await tomte(t, ['run', 'work', '--json'], { cwd }).ended
      assert.deepEqual(
        [next.code, next.stderr],
        [0, 'Resuming the run that was interrupted, from its last checkpoint\n'],
      )
      assert.equal(JSON.parse(next.stdout).from, 3)
    })
  }

  it('with --json says so on standard error and prints no document', async (t) => {
    const cwd = await configured(t, DAEMON)
    const running = tomte(t, ['run', 'work', '--json'], { cwd })
    await running.prints(/^waiting$/m)
    running.child.kill('SIGTERM')
    assert.deepEqual(await running.ended, {
      code: 143,
      signal: null,
      stdout: '',
      stderr: `waiting\n${STOPPED}`,
    })
  })

  it('is killed by the second Ctrl-C if it does not heed the first, and resumes all the same', async (t) => {
    const deaf = DAEMON.replace(
      "await once(signal, 'abort')",
      "signal.onabort = () => log('deaf'); await new Promise(() => {})",
    )
    const cwd = await configured(t, deaf)
    const running = tomte(t, ['run', 'work'], { cwd })
    await running.prints(/^waiting$/m)
    running.child.kill('SIGINT')
    await running.prints(/^deaf$/m)
    running.child.kill('SIGINT')
    const { code, signal } = await running.ended
    assert.deepEqual({ code, signal }, { code: null, signal: 'SIGINT' })
    assert.equal(JSON.parse((await tomte(t, ['run', 'work', '--json'], { cwd }).ended).stdout).from, 3)
  })
})

/** Whether a platform's document names what it should, and nothing else. */
async function isWhole(document: Readonly<Record<string, string>>): Promise<void> {
  const { login = '', ca = '', operatorCertificate = '', tenantId = '', operatorClientId = '' } = document
  assert.match(login, /^https:\/\/localhost:\d+$/)
  assert.deepEqual(document, {
    login,
    graph: `${login}/graph/v1.0`,
    portal: `${login}/portal`,
    ca,
    tenantId,
    tenantDomain: 'contoso.example',
    operatorClientId,
    operatorCertificate,
  })
  for (const id of [tenantId, operatorClientId]) assert.match(id, /^[0-9a-f-]{36}$/)
  assert.match(await readFile(ca, 'utf8'), /^-----BEGIN CERTIFICATE-----\n/)
  assert.ok((await stat(operatorCertificate)).isFile())
}

describe('tomte platform', () => {
  const free = async (port: number) => {
    const server = createServer().listen(port, 'localhost')
    await once(server, 'listening')
    server.close()
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`prints what a program needs to know of it, ends with 0 on ${signal}, and its port is free afterwards`, {
      skip,
    }, async (t) => {
      const data = join(await temporaryFolder(t), 'platform')
      const running = tomte(t, ['platform', '--port', '0', '--data', data, '--json'])
      await running.prints(/\}\n/)
      const document = JSON.parse(running.printed.stdout) as Record<string, string>
      await isWhole(document)
      const port = Number(new URL(document['login'] ?? '').port)
      await assert.rejects(free(port), { code: 'EADDRINUSE' })
      running.child.kill(signal)
      const ended = await running.ended
      assert.deepEqual([ended.code, ended.signal, ended.stderr], [0, null, ''])
      await free(port)
    })
  }

  it('tells a person where it is, whom to trust, and which files hold a secret', async (t) => {
    const data = join(await temporaryFolder(t), 'platform')
    const running = tomte(t, ['platform', '--port', '0', '--data', data])
    await running.prints(/Ctrl-C ends it\.\n/)
    const { stdout } = running.printed
    assert.match(stdout, /^The identity platform is ready at https:\/\/localhost:\d+\n {2}portal /)
    assert.match(stdout, /\n {2}trust {11}NODE_EXTRA_CA_CERTS=\S+\n/)
    assert.match(stdout, /\n {2}key file {8}\S+ \(.+\)\n/)
    running.child.kill('SIGKILL')
    await running.ended
  })

  it('ends with 1 and one message when the port is in use', async (t) => {
    const other = createServer().listen(0, 'localhost')
    t.after(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const data = join(await temporaryFolder(t), 'platform')
    const ended = await tomte(t, ['platform', '--port', String(port), '--data', data, '--json']).ended
    assert.equal(ended.code, 1)
    const message = `Cannot listen on port ${port} of localhost, as the port must be free: another program listens there`
    const hint = 'Stop the other program, or choose another port with --port'
    assert.equal(ended.stdout, `${JSON.stringify({ error: { code: 'port_unavailable', message, hint } })}\n`)
    assert.equal(ended.stderr, `${message}\nNext: ${hint}\n`)
    assert.equal(hasStack(ended), false)
  })
})
