import type { TomteError } from '../errors.ts'
import { headerOf, jsonOrText, readJson } from './answer.ts'
import type { Answered, Call, CallOptions } from './caller.ts'
import { errorOf } from './errors.ts'
import { CircleDetector, linkOf, malformed, readPage } from './pages.ts'

/** Where to go on, beside what every call may say. */
export interface DeltaOptions extends CallOptions {
  /** The link of the last page that was seen to. Default: from the beginning. */
  readonly link?: string | undefined
}

/** One object that has changed, or is gone. */
export interface DeltaChange {
  readonly id: string
  /** `deleted` for good, `changed` where it can be restored; `undefined` of an object that is there. */
  readonly removed: 'changed' | 'deleted' | undefined
  /** The properties that Graph sent: all of them the first time, later those that have changed. */
  readonly item: Readonly<Record<string, unknown>>
}

/** One page of changes. */
export interface DeltaPage {
  /** Each object once, as it was last told. The same object may be on a later page again. */
  readonly changes: readonly DeltaChange[]
  /** What to keep so as to go on after this page, now or another day. */
  readonly link: string
  /** Whether this page is the last for now. */
  readonly complete: boolean
  /**
   * Whether the link that was kept had expired, so that everything is told anew from this page on: whoever is not named in
   * the pages that follow is gone.
   */
  readonly resync: boolean
}

interface DeltaSource {
  readonly ask: (path: string) => Promise<{ readonly answered: Answered; readonly call: Call }>
  readonly refuse: (call: Call, answered: Answered) => TomteError
  readonly baseUrl: string
  readonly path: string
  readonly link: string | undefined
}

// Graph says so by 410, or by 400 with one of these (wire.md §13.5).
const EXPIRED = new Set(['syncStateNotFound', 'resyncRequired', 'syncStateInvalid'])

/** What has changed, page by page; see {@link Api.delta}. */
export class Delta implements AsyncIterable<DeltaPage> {
  readonly #source: DeltaSource

  /** @internal */
  constructor(source: DeltaSource) {
    this.#source = source
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DeltaPage> {
    const { path, link } = this.#source
    let resync = false
    let circle = new CircleDetector()
    for (let next: string | undefined = link ?? path; next !== undefined; ) {
      const asked: string = next
      const found: unknown = await this.#page(asked, !resync && (link !== undefined || asked !== path))
      if (found instanceof Restart) {
        resync = true
        circle = new CircleDetector()
        next = found.path
        continue
      }
      const page = readDelta(found, resync)
      if (!page.complete && circle.closes(page.link)) throw malformed('a next link that was followed before')
      next = page.complete ? undefined : page.link
      yield page
    }
  }

  /** The JSON of a page, or where to begin anew. */
  async #page(asked: string, mayRestart: boolean): Promise<unknown> {
    const { answered, call } = await this.#source.ask(asked)
    const { incoming } = answered
    const { status, text } = incoming
    if (status >= 200 && status < 300) return readJson(call.method, call.target.pathname, incoming)
    const expired =
      status === 410 || (status >= 400 && status < 500 && EXPIRED.has(errorOf(jsonOrText(text)).code ?? ''))
    if (!expired || !mayRestart) throw this.#source.refuse(call, answered)
    // Where it leads is checked like any other link.
    const location = headerOf(incoming, 'location')
    const { baseUrl, path } = this.#source
    if (location === undefined) return new Restart(path)
    return new Restart(URL.canParse(location, baseUrl) ? new URL(location, baseUrl).href : location)
  }
}

class Restart {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }
}

function readDelta(body: unknown, resync: boolean): DeltaPage {
  const { items, next } = readPage(body)
  const deltaLink = linkOf(body as object, 'delta')
  const link = next ?? deltaLink
  if (link === undefined) throw malformed('neither a next link nor a delta link')
  const changes = new Map<string, DeltaChange>()
  for (const item of items) {
    const change = readChange(item)
    // What is told last is what holds, and comes after what was told of others.
    changes.delete(change.id)
    changes.set(change.id, change)
  }
  return { changes: [...changes.values()], link, complete: next === undefined, resync }
}

function readChange(item: unknown): DeltaChange {
  if (typeof item !== 'object' || item === null || !('id' in item) || typeof item.id !== 'string')
    throw malformed('a change without "id"')
  const properties = item as Readonly<Record<string, unknown>>
  const removed = properties['@removed']
  if (removed === undefined) return { id: item.id, removed: undefined, item: properties }
  const reason =
    typeof removed === 'object' && removed !== null && 'reason' in removed ? removed.reason : undefined
  return { id: item.id, removed: reason === 'deleted' ? 'deleted' : 'changed', item: properties }
}
