import { ProtocolError } from '../errors.ts'

/** One page of a collection. */
export interface Page {
  readonly items: readonly unknown[]
  /** Where the next page is: what to keep so as to go on after this one. Absent of the last page. */
  readonly next: string | undefined
}

type GetPage = (path: string, signal: AbortSignal) => Promise<unknown>

/**
 * A Graph collection: read item by item, or page by page where the place is to be kept (wire.md §13.5). A page may be empty
 * and still have a next one.
 *
 * @example
 * ```ts
 * import type { Api } from '@tomte/client'
 * declare const directory: Api
 * declare const kept: { link?: string | undefined }
 * for await (const { items, next } of directory.pages(kept.link ?? '/users?$select=id').byPage()) {
 *   console.log(items.length)
 *   kept.link = next
 * }
 * ```
 */
export class Pages implements AsyncIterable<unknown> {
  readonly #get: GetPage
  readonly #path: string
  readonly #signal: AbortSignal | undefined

  /** @internal */
  constructor(get: GetPage, path: string, signal: AbortSignal | undefined) {
    this.#get = get
    this.#path = path
    this.#signal = signal
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    for await (const { items } of this.byPage()) yield* items
  }

  /** The pages, each with the link to the next one. The next page is asked for while this one is read. */
  async *byPage(): AsyncGenerator<Page> {
    const stop = new AbortController()
    const signal = this.#signal ? AbortSignal.any([this.#signal, stop.signal]) : stop.signal
    const circle = new CircleDetector()
    const read = async (path: string) => readPage(await this.#get(path, signal))
    try {
      let coming: Promise<Page> | undefined = read(this.#path)
      while (coming !== undefined) {
        const page: Page = await coming
        if (page.next !== undefined && circle.closes(page.next))
          throw malformed('a next link that was followed before')
        coming = page.next === undefined ? undefined : read(page.next)
        // Whoever reads on sees the error; whoever stops here must not be ended by it.
        coming?.catch(() => {})
        yield page
      }
    } finally {
      stop.abort()
    }
  }
}

/**
 * Finds out that links lead in a circle with one link in memory, however many there are (Brent's algorithm): a million users
 * are ten thousand links.
 */
export class CircleDetector {
  #kept: string | undefined
  #steps = 0
  #stepsMax = 1

  closes(link: string): boolean {
    if (link === this.#kept) return true
    this.#steps += 1
    if (this.#steps === this.#stepsMax) {
      this.#kept = link
      this.#steps = 0
      this.#stepsMax *= 2
    }
    return false
  }
}

/** Reads the parts of a page that mean something in every collection. @throws ProtocolError if it is none. */
export function readPage(body: unknown): Page {
  if (typeof body !== 'object' || body === null || !('value' in body) || !Array.isArray(body.value))
    throw malformed('no "value" list')
  return { items: body.value, next: linkOf(body, 'next') }
}

/** A link of a page, if it has it. @throws ProtocolError if it is no text. */
export function linkOf(body: object, kind: 'next' | 'delta'): string | undefined {
  const link = (body as Readonly<Record<string, unknown>>)[`@odata.${kind}Link`]
  if (link !== undefined && typeof link !== 'string') throw malformed(`a ${kind} link that is no text`)
  return link
}

/** A page that is none. */
export function malformed(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot read the page, as a collection with "value" and "@odata.nextLink" is needed: found ${found}`,
    { code: 'page_malformed' },
  )
}
