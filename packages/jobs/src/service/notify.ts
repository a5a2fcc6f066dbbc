import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Environment } from '@tomte/client'

/** Tells the service manager how the daemon is, by the protocol of sd_notify(3). Nothing that goes wrong is thrown. */
export interface ServiceNotifier {
  /** Half of the time after which the manager ends a daemon that it does not hear of, in ms; `undefined` without watchdog. */
  readonly watchdogEveryMs: number | undefined
  ready(status: string): Promise<void>
  reloading(): Promise<void>
  stopping(): Promise<void>
  watchdog(): Promise<void>
}

const TELL_WITHIN_MS = 10_000
const STATUS_MAX_CHARACTERS = 200
const tell = promisify(execFile)

/**
 * The notifier of the service manager that has started this process, by `NOTIFY_SOCKET` and `WATCHDOG_USEC`; one that does
 * nothing where there is none. Node cannot send to such a socket itself, so `systemd-notify` does, one message at a time.
 *
 * @param pid of this process; a watchdog that is meant for another one is not served.
 * @param onFault hears, in one line, of a message that could not be sent.
 */
export function serviceNotifier(
  environment: Environment,
  pid: number,
  onFault: (line: string) => void,
): ServiceNotifier {
  const socket = environment['NOTIFY_SOCKET']
  let last: Promise<void> = Promise.resolve()
  // The order of messages matters: READY=1 before RELOADING=1 is another story than after it.
  const send = (...words: readonly string[]) => {
    if (!socket) return Promise.resolve()
    last = last.then(async () => {
      const settings = { timeout: TELL_WITHIN_MS, env: { ...searchPath(environment), NOTIFY_SOCKET: socket } }
      await tell('systemd-notify', [...words], settings).catch((error: Error) =>
        onFault(`Cannot tell the service manager ${words[0]}: ${error.message.split('\n')[0]}`),
      )
    })
    return last
  }
  return {
    watchdogEveryMs: socket ? watchdogEveryMs(environment, pid) : undefined,
    ready: (status) => send('READY=1', `STATUS=${oneLine(status)}`),
    reloading: () => send('RELOADING=1', 'STATUS=Reading its configuration again'),
    stopping: () => send('STOPPING=1', 'STATUS=Ending its runs at their checkpoints'),
    watchdog: () => send('WATCHDOG=1'),
  }
}

const searchPath = ({ PATH }: Environment) => (PATH === undefined ? {} : { PATH })

function watchdogEveryMs(environment: Environment, pid: number): number | undefined {
  const { WATCHDOG_USEC: microseconds, WATCHDOG_PID: meant } = environment
  if (meant !== undefined && meant !== String(pid)) return undefined
  if (microseconds === undefined || !/^\d{1,15}$/.test(microseconds) || Number(microseconds) === 0)
    return undefined
  return Number(microseconds) / 2000
}

const oneLine = (text: string) => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, STATUS_MAX_CHARACTERS)
