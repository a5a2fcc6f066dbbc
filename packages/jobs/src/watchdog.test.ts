import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anotherProcess, temporaryFolder } from './test-support.ts'

const daemon = (work: string, lease: number) => `
  import { startWatchdog } from './watchdog.ts'
  const watchdog = startWatchdog(${lease})
  const until = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); }
  ${work}`

describe('the watchdog', () => {
  it('ends a process whose event loop is blocked for half a lease, and says so', async (t) => {
    const blocked = anotherProcess(
      t,
      daemon(`setTimeout(() => { console.log('blocks'); until(60_000) }, 100)`, 1_000),
      await temporaryFolder(t),
    )
    await blocked.printed(/blocks/)
    await blocked.ended
    assert.equal(blocked.child.signalCode, 'SIGKILL')
    assert.match(blocked.stderr(), /^tomte: the event loop has been blocked for 500 ms; this process ends/m)
  })

  it('leaves a process alone that is busy for shorter, and keeps no process alive', async (t) => {
    const busy = anotherProcess(
      t,
      daemon(
        `for (let turn = 0; turn < 4; turn += 1) {
        until(200)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      console.log('done')`,
        8_000,
      ),
      await temporaryFolder(t),
    )
    await busy.printed(/done/)
    await busy.ended
    assert.deepEqual([busy.child.exitCode, busy.child.signalCode], [0, null])
  })

  it('lets go when it is stopped', async (t) => {
    const stopped = anotherProcess(
      t,
      daemon(`await watchdog.stop(); until(600); console.log('free')`, 400),
      await temporaryFolder(t),
    )
    await stopped.printed(/free/)
    await stopped.ended
    assert.equal(stopped.child.signalCode, null)
  })
})
