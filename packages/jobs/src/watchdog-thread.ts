// The thread of the watchdog: it shares one number with the event loop, and nothing that could block it too.
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { WatchdogData } from './watchdog.ts'

const { beats, limitMs, message } = workerData as WatchdogData
const count = new Int32Array(beats)
const STANDARD_ERROR = 2

for (let seen = Atomics.load(count, 0); ; ) {
  const waited = Atomics.wait(count, 0, seen, limitMs)
  const now = Atomics.load(count, 0)
  if (waited === 'timed-out' && now === seen) break
  seen = now
}
try {
  writeSync(STANDARD_ERROR, message)
} catch {
  // Nobody reads it any more; the process has to end all the same.
}
process.kill(process.pid, 'SIGKILL')
