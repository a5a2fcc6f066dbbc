import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import type { Acquire, TokenRequest } from '../token/acquire.ts'
import type { Token } from '../token/token.ts'
import { StoreCircuit, type StoreLimits, type StoreWarning } from './circuit.ts'
import { entryBytes, type FoundToken, readEntry } from './entry.ts'
import type { EntrySealer, TokenPlace } from './sealing.ts'
import { ENTRY_MAX_BYTES, type TokenStore } from './store.ts'

export interface SharedTokensOptions {
  readonly store: TokenStore
  readonly sealer: EntrySealer
  readonly limits: StoreLimits
  /** What names the authority of a tenant, the same in every process: its token endpoint or its issuer. */
  readonly authorityOf: (tenant: string) => string
  readonly clientId: string
  /** Asks the authority. */
  readonly acquire: Acquire
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  readonly tell: (warning: StoreWarning) => void
}

// Five times what a slow token request takes. When a process dies with a lease, the others wait this long.
const LEASE_MS = 5_000
const FIRST_LOOK_MS = 50
const LOOK_MAX_MS = 500
// What ends sooner than this is not given out any more (token/keeper.ts), and not put either.
const REST_MIN_MS = 10_000
// Through an outage an old token of the fleet serves a process that has none, and the authority is asked again after this.
const OUTAGE_PAUSE_MS = 30_000
const MARKS_MAX = 10_000

/** What a look into the store brought. */
interface Look {
  /** A token that serves the caller. */
  readonly usable?: Token
  /** One that is due for renewal and still works, for a caller whom the authority does not answer. */
  readonly old?: Token
}

/**
 * Gets tokens from a store that a fleet shares, and from the authority what is not there. Whoever asks the authority takes
 * a lease, and the others wait for what it brings; none of them longer than the lease lasts.
 */
export class SharedTokens {
  readonly #options: SharedTokensOptions
  readonly #circuit: StoreCircuit
  /** What was put before these moments is not taken: by tenant that was forgotten, by name that could not be put. */
  readonly #marks = new Map<string, number>()

  constructor(options: SharedTokensOptions) {
    this.#options = options
    this.#circuit = new StoreCircuit({ ...options.limits, clock: options.clock, tell: options.tell })
  }

  /** Nothing that is in the store now serves this tenant's callers in this process any more. */
  forget(tenant: string): void {
    this.#mark(`tenant ${tenant}`)
  }

  /** Gets a token. @throws TomteError what asking the authority throws; never for a fault of the store. */
  readonly acquire: Acquire = async (request) => {
    const { authorityOf, clientId, clock, sealer } = this.#options
    const { tenant, scope, claims } = request
    const place: TokenPlace = { authority: authorityOf(tenant), clientId, tenant, scope, claims }
    const [name] = sealer.names(place)
    const look = await this.#look(place, request)
    if (look.usable) return look.usable
    const holder = randomUUID()
    const untilMs = clock.now() + LEASE_MS
    for (let looks = 1; ; looks += 1) {
      const lease = await this.#circuit.run('take a lease in', (signal) =>
        this.#options.store.lease(name, holder, LEASE_MS, signal),
      )
      if (lease?.result) return this.#underLease(place, request, holder)
      if (!lease || clock.now() >= untilMs) return this.#ask(place, request, look)
      await clock.sleep(this.#pauseMs(looks))
      const { usable } = await this.#look(place, request)
      if (usable) return usable
    }
  }

  async #underLease(place: TokenPlace, request: TokenRequest, holder: string): Promise<Token> {
    const [name] = this.#options.sealer.names(place)
    try {
      // Between the last look and the lease another holder may have put what it got.
      const look = await this.#look(place, request)
      return look.usable ?? (await this.#ask(place, request, look))
    } finally {
      await this.#circuit.run('release a lease in', (signal) =>
        this.#options.store.release(name, holder, signal),
      )
    }
  }

  async #ask(place: TokenPlace, request: TokenRequest, { old }: Look): Promise<Token> {
    const { acquire, clock } = this.#options
    try {
      const token = await acquire(request)
      await this.#put(place, token)
      return token
    } catch (error) {
      if (!old || !(error instanceof UnavailableError)) throw error
      const pauseMs = Math.max(error.retryAfterMs ?? 0, OUTAGE_PAUSE_MS)
      return { ...old, refreshAtMs: Math.min(clock.now() + pauseMs, old.expiresAtMs) }
    }
  }

  async #look(place: TokenPlace, { notToken }: TokenRequest): Promise<Look> {
    let old: Token | undefined
    for (const name of this.#options.sealer.names(place)) {
      const found = await this.#read(name, place)
      if (!found || found.accessToken === notToken || this.#isOutdated(found, name, place)) continue
      const { accessToken, expiresAtMs, refreshAtMs } = found
      const nowMs = this.#options.clock.now()
      const token = { accessToken, expiresAtMs, refreshAtMs }
      if (expiresAtMs - REST_MIN_MS <= nowMs) continue
      if (refreshAtMs > nowMs) return { usable: token }
      old ??= token
    }
    return old ? { old } : {}
  }

  async #read(name: string, place: TokenPlace): Promise<FoundToken | undefined> {
    const { store, sealer, clock } = this.#options
    const entry = (await this.#circuit.run('read', (signal) => store.get(name, signal)))?.result
    if (!entry) return undefined
    const opened =
      entry.value.length > ENTRY_MAX_BYTES
        ? { unreadable: `${entry.value.length} bytes are more than ${ENTRY_MAX_BYTES}` }
        : sealer.open(place, entry.value)
    const found = 'content' in opened ? readEntry(opened.content, entry, clock.now()) : undefined
    if (!found) this.#warnOfEntry('unreadable' in opened ? opened.unreadable : 'it holds no token')
    return found
  }

  #warnOfEntry(found: string): void {
    this.#options.tell({
      type: 'store_warning',
      code: 'store_entry_unreadable',
      message: `Cannot use an entry of the shared store, as one that this fleet has sealed is needed: ${found}`,
      hint: 'It is replaced now; if this goes on, something else writes to the store, or processes have different keys',
    })
  }

  async #put(place: TokenPlace, token: Token): Promise<void> {
    const { store, sealer, clock, tell } = this.#options
    const lifetimeMs = Math.floor(token.expiresAtMs - clock.now())
    const [name] = sealer.names(place)
    if (!(lifetimeMs > REST_MIN_MS)) return
    const value = sealer.seal(place, entryBytes(token, lifetimeMs))
    if (value.length > ENTRY_MAX_BYTES) {
      this.#mark(name)
      return tell({
        type: 'store_warning',
        code: 'store_entry_too_large',
        message: `Cannot share a token, as an entry of at most ${ENTRY_MAX_BYTES} bytes is needed: it has ${value.length}`,
        hint: 'Each process asks for this token itself; ask for fewer optional claims in it',
      })
    }
    const put = await this.#circuit.run('write to', (signal) => store.put(name, value, lifetimeMs, signal))
    if (put) this.#marks.delete(name)
    else this.#mark(name)
  }

  #isOutdated({ putAtMs }: FoundToken, name: string, { tenant }: TokenPlace): boolean {
    const markMs = Math.max(
      this.#marks.get(name) ?? -Infinity,
      this.#marks.get(`tenant ${tenant}`) ?? -Infinity,
    )
    return putAtMs <= markMs
  }

  #mark(what: string): void {
    this.#marks.delete(what)
    const [oldest] = this.#marks.keys()
    if (oldest !== undefined && this.#marks.size >= MARKS_MAX) this.#marks.delete(oldest)
    this.#marks.set(what, this.#options.clock.now())
  }

  /** Longer from look to look, and a half of it by chance, so that waiters do not come together. */
  #pauseMs(looks: number): number {
    const ceiling = Math.min(FIRST_LOOK_MS * 1.5 ** looks, LOOK_MAX_MS)
    return ceiling / 2 + (this.#options.random() * ceiling) / 2
  }
}
