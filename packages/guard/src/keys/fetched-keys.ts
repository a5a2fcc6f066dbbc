import { type Clock, systemClock } from '../clock.ts'
import { documentGetter, type DocumentOptions, type GetDocument } from './document.ts'
import { KeysUnavailableError } from './errors.ts'
import { type ExpectedMetadata, keysUrl, readKeys } from './metadata.ts'
import type { KeySource, VerificationKey } from './source.ts'

/** Where an issuer's keys are found. */
export interface FetchedKeysOptions extends ExpectedMetadata, DocumentOptions {
  /** The addresses where metadata may be; the first that has it counts. */
  readonly metadataUrls: readonly string[]
  /** Gets the documents. Default: over https, within the limits of `documentGetter`. */
  readonly get?: GetDocument | undefined
}

/** How often keys are read again, so that new ones are there before they sign (wire.md §7). */
export const REFRESH_MS = 24 * 60 * 60 * 1000
/** How soon after one request the next may follow, for an unknown `kid` or after a failure. */
export const PAUSE_MS = 30_000
/** How soon after a failure the next request may follow while there are no keys at all. */
export const FIRST_PAUSE_MS = 5000
/** How long keys count while the issuer cannot be asked; then no token is let in. */
export const STALE_LIMIT_MS = 3 * REFRESH_MS

interface Known {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly atMs: number
}

/**
 * An issuer's keys, read by discovery at the first question, once for all who ask meanwhile. They are read again each day and
 * for an unknown `kid`, but not within 30 s of the last time, so that a flood of made-up ids causes one request; through an
 * outage the last good ones count for 3 days.
 */
export class FetchedKeys implements KeySource {
  readonly #options: FetchedKeysOptions
  readonly #get: GetDocument
  readonly #clock: Clock
  #known: Known | undefined
  #keysUrl: { readonly url: string; readonly atMs: number } | undefined
  #failure: KeysUnavailableError | undefined
  #askedMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(options: FetchedKeysOptions) {
    this.#options = options
    this.#get = options.get ?? documentGetter(options)
    this.#clock = options.clock ?? systemClock
  }

  /** @throws KeysUnavailableError by its promise, if the key is not known and the issuer could not be asked. */
  find(kid: string): VerificationKey | undefined | Promise<VerificationKey | undefined> {
    const nowMs = this.#clock.now()
    const known = this.#fresh(nowMs)
    const key = known?.keys.get(kid)
    if (known && key) {
      // Whoever asks first after a day sets it going and does not wait: the old keys are good.
      if (isOver(nowMs, known.atMs, REFRESH_MS) && this.#mayAsk(nowMs)) void this.#ask(nowMs)
      return key
    }
    if (this.#asking || this.#mayAsk(nowMs)) return this.#ask(nowMs).then(() => this.#afterAsking(kid))
    return this.#failure ? Promise.reject(this.#failure) : undefined
  }

  #afterAsking(kid: string): VerificationKey | undefined {
    const key = this.#fresh(this.#clock.now())?.keys.get(kid)
    if (key === undefined && this.#failure) throw this.#failure
    return key
  }

  #fresh(nowMs: number): Known | undefined {
    return this.#known && !isOver(nowMs, this.#known.atMs, STALE_LIMIT_MS) ? this.#known : undefined
  }

  #mayAsk(nowMs: number): boolean {
    return isOver(nowMs, this.#askedMs, this.#known ? PAUSE_MS : FIRST_PAUSE_MS)
  }

  /** Asks the issuer, once for all callers; never rejects. */
  #ask(nowMs: number): Promise<void> {
    this.#asking ??= this.#refresh(nowMs).finally(() => {
      this.#askedMs = this.#clock.now()
      this.#asking = undefined
    })
    return this.#asking
  }

  async #refresh(nowMs: number): Promise<void> {
    try {
      const keys = readKeys(await this.#read(await this.#findKeysUrl(nowMs)))
      this.#known = { keys, atMs: this.#clock.now() }
      this.#failure = undefined
    } catch (error) {
      // Where the keys were may be the reason that they are not found.
      this.#keysUrl = undefined
      this.#failure = unavailable(this.#options.issuer, error, this.#known ? PAUSE_MS : FIRST_PAUSE_MS)
    }
  }

  async #findKeysUrl(nowMs: number): Promise<string> {
    if (this.#keysUrl && !isOver(nowMs, this.#keysUrl.atMs, REFRESH_MS)) return this.#keysUrl.url
    const found: string[] = []
    for (const metadataUrl of this.#options.metadataUrls) {
      try {
        const url = keysUrl(await this.#read(metadataUrl), this.#options)
        this.#keysUrl = { url, atMs: nowMs }
        return url
      } catch (error) {
        if (isUntrusted(error)) throw error
        found.push(error instanceof Unread ? error.message : `${metadataUrl}: ${messageOf(error)}`)
      }
    }
    throw new Unread(found.join('; '))
  }

  async #read(url: string): Promise<string> {
    try {
      return await this.#get(url)
    } catch (error) {
      throw new Unread(`${url}: ${messageOf(error)}`, { cause: error })
    }
  }
}

/** A document that did not come; the message names its address. */
class Unread extends Error {}

/** Whether `lifeMs` have passed; a clock that was set back counts as passed, or nothing would be asked until it is where it was. */
const isOver = (nowMs: number, sinceMs: number, lifeMs: number): boolean =>
  nowMs < sinceMs || nowMs - sinceMs >= lifeMs

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

function isUntrusted(error: unknown): boolean {
  const cause = error instanceof Unread ? error.cause : error
  return cause instanceof Error && 'code' in cause && UNTRUSTED.has(cause.code)
}

function unavailable(issuer: string, error: unknown, retryAfterMs: number): KeysUnavailableError {
  const found = `asked for '${issuer}', found ${messageOf(error)}`
  const cause = error instanceof Unread ? error.cause : error
  return isUntrusted(error)
    ? new KeysUnavailableError(found, {
        code: 'keys_untrusted',
        hint: "Check that this is the issuer's host, and trust its certificate authority by the option `ca`",
        retryAfterMs,
        cause,
      })
    : new KeysUnavailableError(found, {
        code: 'keys_unavailable',
        hint: "Check the issuer, its host, and this machine's way to it; the guard asks again by itself",
        retryAfterMs,
        cause,
      })
}
