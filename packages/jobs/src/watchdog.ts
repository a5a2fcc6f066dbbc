import { extname } from 'node:path'
import { url as inspectorUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '@tomte/client'

/** What the watchdog's thread is given. */
export interface WatchdogData {
  /** One 32-bit number, which the event loop counts up. */
  readonly beats: SharedArrayBuffer
  /** How long it may stand still, in ms. */
  readonly limitMs: number
  /** What to say on standard error before the process is ended. */
  readonly message: string
}

/** A watch over the event loop of this process. */
export interface Watchdog {
  stop(): Promise<void>
}

/**
 * Ends this process (`SIGKILL`) when its event loop has been blocked for half a lease, after one line on standard error: no
 * heartbeat can be sent then, and another worker would take its runs while it may still be at work. A run that was under way counts
 * one death. With heartbeats at every third of a lease, that is before any lease can run out. Nothing is watched under a debugger,
 * which stops the event loop by design.
 *
 * @param leaseMs of the engine; 3 ms at least.
 */
export function startWatchdog(leaseMs: number, clock: Clock = systemClock): Watchdog {
  if (inspectorUrl() !== undefined) return { stop: async () => {} }
  const limitMs = Math.max(1, Math.floor(leaseMs / 2))
  const beats = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const message = `tomte: the event loop has been blocked for ${limitMs} ms; this process ends, so that its runs go on elsewhere before their leases run out\n`
  const data: WatchdogData = { beats, limitMs, message }
  const thread = new Worker(new URL(`./watchdog-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: data,
    // What the process was started with, such as a program text, is nothing to the thread.
    execArgv: [],
    name: 'tomte watchdog',
  })
  thread.unref()
  const count = new Int32Array(beats)
  let drop = () => {}
  const beat = () => {
    Atomics.add(count, 0, 1)
    Atomics.notify(count, 0)
    drop = clock.after(limitMs / 4, beat)
  }
  beat()
  return {
    async stop() {
      drop()
      await thread.terminate()
    },
  }
}
