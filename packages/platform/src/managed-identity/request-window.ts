// A virtual machine answers 20 requests for tokens in a second (wire.md §10.1).
const REQUESTS_MAX = 20
const WINDOW_MS = 1000

/** Counts the requests of each second. */
export class RequestWindow {
  #second = Number.NEGATIVE_INFINITY
  #count = 0

  /** Whether one more request may be answered in this second. */
  admits(nowMs: number): boolean {
    const second = Math.floor(nowMs / WINDOW_MS)
    if (second !== this.#second) {
      this.#second = second
      this.#count = 0
    }
    this.#count += 1
    return this.#count <= REQUESTS_MAX
  }
}
