import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { temporaryFolder } from '../test-support.ts'
import { serviceNotifier } from './notify.ts'

const LISTEN = `
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print('ready', flush=True)
while True:
    message = listener.recv(4096).decode()
    if message != 'BARRIER=1': print(message.replace('\\n', '|'), flush=True)
`
const absent = ['python3', 'systemd-notify'].find((program) => spawnSync(program, ['--version']).status !== 0)
const skip = absent !== undefined && `${absent} is not installed`

/** A service manager's end of the protocol: a real datagram socket, which Node cannot open itself. */
async function manager(t: TestContext) {
  const socket = join(await temporaryFolder(t), 'notify')
  const child = spawn('python3', ['-u', '-c', LISTEN, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let heard = ''
  child.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  const until = async (lines: number) => {
    while (heard.split('\n').length <= lines) await once(child.stdout, 'data')
    return heard.split('\n').slice(1, lines)
  }
  await until(1)
  return { socket, messages: (count: number) => until(count + 1) }
}

describe('serviceNotifier', () => {
  it('tells the manager, in order, what becomes of the daemon', { skip }, async (t) => {
    const { socket, messages } = await manager(t)
    const faults: string[] = []
    const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000' }
    const notifier = serviceNotifier(environment, process.pid, (line) => faults.push(line))
    assert.equal(notifier.watchdogEveryMs, 30_000)
    void notifier.ready('2 jobs\nat work')
    void notifier.reloading()
    void notifier.ready('3 jobs')
    void notifier.watchdog()
    await notifier.stopping()
    assert.deepEqual(await messages(5), [
      'READY=1|STATUS=2 jobs at work',
      'RELOADING=1|STATUS=Reading its configuration again',
      'READY=1|STATUS=3 jobs',
      'WATCHDOG=1',
      'STOPPING=1|STATUS=Ending its runs at their checkpoints',
    ])
    assert.deepEqual(faults, [])
  })

  it('goes on without a manager that does not listen, and says so in one line', { skip }, async (t) => {
    const faults: string[] = []
    const socket = join(await temporaryFolder(t), 'nobody')
    const notifier = serviceNotifier({ ...process.env, NOTIFY_SOCKET: socket }, 1, (line) =>
      faults.push(line),
    )
    await notifier.ready('x')
    assert.equal(faults.length, 1)
    assert.match(faults[0] ?? '', /^Cannot tell the service manager READY=1: /)
  })

  it('says nothing where no manager has started the daemon', async () => {
    const notifier = serviceNotifier({ WATCHDOG_USEC: '60000000' }, 1, assert.fail)
    assert.equal(notifier.watchdogEveryMs, undefined)
    await notifier.ready('x')
  })

  it('serves no watchdog that is meant for another process, or is no number', () => {
    const every = (variables: object) =>
      serviceNotifier({ NOTIFY_SOCKET: '/x', ...variables }, 7, assert.fail).watchdogEveryMs
    assert.equal(every({ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '7' }), 10_000)
    assert.equal(every({ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '8' }), undefined)
    for (const value of ['', '0', '-1', 'soon']) assert.equal(every({ WATCHDOG_USEC: value }), undefined)
  })
})
