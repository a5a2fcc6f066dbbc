import type { KeySource, VerificationKey } from '@tomte/guard'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { OwnSigningKeys, type PreferredKey } from './own-signing-keys.ts'
import { seal, unseal } from './sealing.ts'
import { jwk, type SigningKey, signingKey } from './signing-key.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS

/** How long a key signs before the next one does. */
const SIGNS_FOR_MS = 90 * DAY_MS

/** How long a key of the schedule is in the keys document before it signs: APIs read that once a day (wire.md §7). */
export const KEYS_PUBLISHED_BEFORE_USE_MS = DAY_MS

// The longest token lives a day (wire.md §12); the hour is for clocks that differ.
export const TOKENS_OUTLIVE_KEY_MS = DAY_MS + HOUR_MS

/** How the keys are opened, and by which clock they change. */
export interface SigningKeyStore {
  readonly db: Database
  readonly sealingKey: Buffer
  readonly now: Now
}

/**
 * The platform's signing keys: one signs, the next is published a day before it does, and an old one stays published until the
 * last token that it signed has ended. A guard finds their public halves here.
 */
export class SigningKeys implements KeySource {
  /** Those that sign for one API alone. */
  readonly own: OwnSigningKeys
  readonly #store: SigningKeyStore
  /** By the time at which they begin to sign, the latest first. */
  #keys: readonly SigningKey[] = []

  private constructor(store: SigningKeyStore) {
    this.#store = store
    this.own = new OwnSigningKeys(store)
  }

  /** Opens the stored keys, making the first one if there is none. */
  static async load(db: Database, sealingKey: Buffer, now: Now): Promise<SigningKeys> {
    const keys = new SigningKeys({ db, sealingKey, now })
    await keys.reload()
    if (keys.#keys.length === 0) await keys.rotate()
    await keys.keepSchedule()
    return keys
  }

  /** Reads the keys anew, as after a change by another process; those that are known are not opened again. */
  async reload(): Promise<void> {
    const { db, sealingKey } = this.#store
    const rows = await db.selectFrom('signing_key').selectAll().orderBy('signs_from_ms', 'desc').execute()
    const known = new Map(this.#keys.map((key) => [key.kid, key]))
    this.#keys = rows.map(
      ({ kid, certificate, sealed_private_key: sealed, signs_from_ms: signsFromMs }) =>
        known.get(kid) ?? signingKey(certificate, unseal(sealed, kid, sealingKey), Number(signsFromMs)),
    )
  }

  /** Makes a key that signs from now on; the old one stays published for as long as its tokens live. Returns the new `kid`. */
  async rotate(): Promise<string> {
    const { kid } = await this.makeNext(this.#store.db)
    await this.reload()
    return kid
  }

  /** Writes the key that signs from now on, in the caller's transaction: it is used once the keys are reloaded. */
  async makeNext(db: Database): Promise<{ readonly kid: string; readonly signsFromMs: number }> {
    let signsFromMs = this.#store.now()
    // Two keys of one moment would have no order.
    while (this.#keys.some((key) => key.signsFromMs === signsFromMs)) signsFromMs += 1
    return { kid: await this.#make(signsFromMs, db), signsFromMs }
  }

  /** Makes the next key when its time comes, and deletes those whose tokens have all ended. Call it from time to time. */
  async keepSchedule(): Promise<void> {
    const { db, now } = this.#store
    // Another process may have done it already.
    await this.reload()
    const nowMs = now()
    const latestMs = this.#keys[0]?.signsFromMs ?? 0
    const dueMs = latestMs + SIGNS_FOR_MS
    if (nowMs >= dueMs - KEYS_PUBLISHED_BEFORE_USE_MS) {
      await this.#make(Math.max(dueMs, nowMs + KEYS_PUBLISHED_BEFORE_USE_MS), db)
      await this.reload()
    }
    const ended = this.#keys.filter((key) => !this.#isPublished(key, nowMs)).map(({ kid }) => kid)
    if (ended.length === 0) return
    await db.deleteFrom('signing_key').where('kid', 'in', ended).execute()
    await this.reload()
  }

  /** The key that signs new tokens. */
  get current(): SigningKey {
    const nowMs = this.#store.now()
    // A clock that was set back may be before all of them.
    const current = this.#keys.find(({ signsFromMs }) => signsFromMs <= nowMs) ?? this.#keys.at(-1)
    if (!current) throw new RangeError('Cannot sign, as one signing key is needed: found none')
    return current
  }

  /** The key that signs tokens for a resource: the one that it prefers, or that of all. */
  async signing(preferred: PreferredKey | undefined): Promise<SigningKey> {
    return (await this.own.preferred(preferred)) ?? this.current
  }

  find(kid: string): VerificationKey | undefined {
    const nowMs = this.#store.now()
    const key = this.#keys.find((one) => one.kid === kid && this.#isPublished(one, nowMs))
    return key && { key: key.publicKey }
  }

  /** The public keys as the keys document lists them; v2 names the issuer of each (wire.md §7). */
  jwks(issuer: string | undefined): readonly object[] {
    const nowMs = this.#store.now()
    return this.#keys.filter((key) => this.#isPublished(key, nowMs)).map((key) => jwk(key, issuer))
  }

  /** Whether a key signs, is about to, or has signed a token that may not have ended. */
  #isPublished(key: SigningKey, nowMs: number): boolean {
    const successor = this.#keys[this.#keys.indexOf(key) - 1]
    return !successor || nowMs <= successor.signsFromMs + TOKENS_OUTLIVE_KEY_MS
  }

  async #make(signsFromMs: number, db: Database): Promise<string> {
    const { sealingKey, now } = this.#store
    const notBeforeMs = now()
    const made = await makeSelfSigned('tomte token signing', {
      notBeforeMs,
      notAfterMs: notBeforeMs + 5 * YEAR_MS,
    })
    const { kid } = signingKey(made.certificate, made.privateKey, signsFromMs)
    const { certificate } = made
    const sealed = seal(made.privateKey, kid, sealingKey)
    await db
      .insertInto('signing_key')
      .values({
        kid,
        certificate,
        sealed_private_key: sealed,
        created_at_ms: notBeforeMs,
        signs_from_ms: signsFromMs,
      })
      .execute()
    return kid
  }
}
