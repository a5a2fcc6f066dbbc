import { setTimeout as sleep } from 'node:timers/promises'

/** How the calls of a load fared. */
export interface Fared {
  readonly calls: number
  readonly failed: number
  readonly longestWaitMs: number
  /** What the first failed call failed with, for whoever has to find out why. */
  readonly firstError: unknown
}

export interface Load {
  /** Starts no more calls, and resolves when the last is back. */
  stop(): Promise<Fared>
}

/** Calls at a steady rate, whether or not earlier calls are back; `call` is told its number, from 0. */
export function steadyLoad(callsPerSecond: number, call: (number: number) => Promise<unknown>): Load {
  const ended = new AbortController()
  const under: Promise<void>[] = []
  const errors: unknown[] = []
  let longestWaitMs = 0
  const one = async (number: number) => {
    const startMs = performance.now()
    try {
      await call(number)
    } catch (error) {
      errors.push(error)
    }
    longestWaitMs = Math.max(longestWaitMs, performance.now() - startMs)
  }
  const run = async () => {
    const startMs = performance.now()
    while (!ended.signal.aborted) {
      under.push(one(under.length))
      const dueMs = startMs + (under.length * 1000) / callsPerSecond
      await sleep(Math.max(0, dueMs - performance.now()), undefined, { signal: ended.signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    stop: async () => {
      ended.abort()
      await running
      await Promise.all(under)
      return { calls: under.length, failed: errors.length, longestWaitMs, firstError: errors[0] }
    },
  }
}

/** The numbers of a row; what the first failed call failed with goes to standard error. */
export function report(what: string, { firstError, ...numbers }: Fared): Omit<Fared, 'firstError'> {
  if (firstError instanceof Error)
    process.stderr.write(`${what}: the first call that failed: ${firstError.message}\n`)
  return numbers
}
