/** A signal as the Azure SDKs pass it on (@azure/abort-controller): an `AbortSignal`, or something with less to it. */
export interface AbortSignalLike {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: (event: unknown) => void): void
  removeEventListener(type: 'abort', listener: (event: unknown) => void): void
}

/** The signal itself, or one that is aborted with it. */
export function abortSignalOf(signal: AbortSignalLike | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  if (signal.aborted) return AbortSignal.abort()
  const controller = new AbortController()
  const abort = () => {
    signal.removeEventListener('abort', abort)
    controller.abort()
  }
  signal.addEventListener('abort', abort)
  return controller.signal
}
