import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'

export interface Patience {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** What is waited for, for the message. */
  readonly what: string
}

/**
 * Waits for a promise that others wait for too: this caller's signal and time limit end its own waiting and nothing else.
 *
 * @throws UnavailableError when the time is over; the signal's reason when it is aborted.
 */
export function waitFor<Result>(
  promise: Promise<Result>,
  { clock, signal, timeoutMs, what }: Patience,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const end = () => {
      forget()
      signal?.removeEventListener('abort', stop)
    }
    const stop = () => {
      end()
      reject(signal?.reason)
    }
    const forget = clock.after(timeoutMs, () => {
      end()
      reject(timedOut(what, timeoutMs))
    })
    signal?.addEventListener('abort', stop)
    promise.then(
      (result) => {
        end()
        resolve(result)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
}

function timedOut(what: string, timeoutMs: number): UnavailableError {
  return new UnavailableError(
    `Cannot get ${what}, as one is needed within ${timeoutMs} ms: the authority has not answered yet`,
    { code: 'token_timeout', hint: 'The request goes on: try again in a moment, or allow more time' },
  )
}
