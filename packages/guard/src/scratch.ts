const BYTES = 16_384

/**
 * Memory that is written anew each time, as long as a header may be. Fresh memory costs more than filling it, and a view of it as
 * much as decoding, so views are kept by their length.
 */
export class Scratch {
  readonly #bytes = Buffer.allocUnsafeSlow(BYTES)
  readonly #views: (Buffer | undefined)[] = Array.from({ length: BYTES + 1 }, () => undefined)

  /** Writes as much of a text as there is room for, and returns its bytes: they last until the next call. */
  write(text: string, encoding: 'latin1' | 'base64url'): Buffer {
    const length = this.#bytes.write(text, encoding)
    return (this.#views[length] ??= this.#bytes.subarray(0, length))
  }
}
