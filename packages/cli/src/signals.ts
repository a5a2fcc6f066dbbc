/** The person, or the service manager, asked the program to stop. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly code = 'stopped'
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('Stopped at a checkpoint: the next run goes on from there')
    this.exitCode = signal === 'SIGINT' ? 130 : 143
  }
}

/** An abort signal that Ctrl-C and SIGTERM raise. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort(new Stopped(signal)))
  return controller.signal
}
