/** The person, or the service manager, asked the program to stop. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly code = 'stopped'
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM', message: string) {
    super(message)
    this.exitCode = signal === 'SIGINT' ? 130 : 143
  }
}

const AT_CHECKPOINT = 'Stopped at a checkpoint: the next run goes on from there'

/** An abort signal that Ctrl-C and SIGTERM raise; the message says how things stand then. */
export function stopSignal(message = AT_CHECKPOINT): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort(new Stopped(signal, message)))
  return controller.signal
}
