import assert from 'node:assert/strict'
import { ENTRY_MAX_BYTES, type TokenStore } from './store.ts'

/** A store to be tried. */
export interface StoreSubject {
  readonly store: TokenStore
  /** The same store as another process sees it, with a connection of its own where there are connections. */
  readonly other: TokenStore
  /** Lets time pass for the store; a real one has to wait. */
  readonly pass: (ms: number) => Promise<void>
}

/** One thing that every store has to do. */
export interface StoreRule {
  /** A sentence about a store. */
  readonly name: string
  /** @throws AssertionError if the store does otherwise. */
  readonly holds: (subject: StoreSubject) => Promise<void>
}

// Long enough that no slow machine gets past it by chance, and short enough to be waited for.
const SHORT_MS = 300
const LONG_MS = 60_000
const BINARY = Uint8Array.from({ length: 256 }, (_, byte) => byte)
const signal = new AbortController().signal

let names = 0
/** A name as ours are, and new. */
const newName = () => `${crypto.randomUUID()}_${String((names += 1)).padStart(6, '0')}`

const rule = (name: string, holds: (subject: StoreSubject) => Promise<void>): StoreRule => ({ name, holds })

/**
 * What every {@link TokenStore} has to do, for a test of each with any test runner. A store has the folder, table or
 * prefix of its own, where nothing else writes.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'
 * import { fileStore, storeRules } from '@tomte/client/store'
 *
 * const [store, other] = [fileStore({ folder: 'tokens' }), fileStore({ folder: 'tokens' })]
 * const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
 * describe('my store', () => {
 *   for (const { name, holds } of storeRules) it(name, () => holds({ store, other, pass }))
 * })
 * ```
 */
export const storeRules: readonly StoreRule[] = [
  rule('gives what was put, byte by byte, to every process', async ({ store, other }) => {
    const name = newName()
    await store.put(name, BINARY, LONG_MS, signal)
    for (const each of [store, other]) {
      const entry = await each.get(name, signal)
      assert.deepEqual(Buffer.from(entry?.value ?? []), Buffer.from(BINARY))
    }
  }),
  rule('gives nothing under a name that nothing was put under', async ({ store }) => {
    await store.put(newName(), BINARY, LONG_MS, signal)
    assert.equal(await store.get(newName(), signal), undefined)
  }),
  rule('says how much of the lifetime is left', async ({ store, other, pass }) => {
    const name = newName()
    await store.put(name, BINARY, LONG_MS, signal)
    await pass(SHORT_MS)
    const restMs = (await other.get(name, signal))?.restMs ?? 0
    assert.ok(restMs <= LONG_MS - SHORT_MS / 2 && restMs > LONG_MS / 2, `${restMs} ms are left of ${LONG_MS}`)
  }),
  rule('gives nothing once the lifetime is over', async ({ store, other, pass }) => {
    const name = newName()
    await store.put(name, BINARY, SHORT_MS, signal)
    await pass(2 * SHORT_MS)
    assert.equal(await other.get(name, signal), undefined)
  }),
  rule('replaces an entry and its lifetime', async ({ store, other, pass }) => {
    const name = newName()
    await store.put(name, BINARY, SHORT_MS, signal)
    await other.put(name, Buffer.from('new'), LONG_MS, signal)
    await pass(2 * SHORT_MS)
    assert.deepEqual(Buffer.from((await store.get(name, signal))?.value ?? []), Buffer.from('new'))
  }),
  rule('keeps the largest entry that there is', async ({ store, other }) => {
    const name = newName()
    const largest = new Uint8Array(ENTRY_MAX_BYTES).fill(0xff)
    await store.put(name, largest, LONG_MS, signal)
    assert.deepEqual(Buffer.from((await other.get(name, signal))?.value ?? []), Buffer.from(largest))
  }),
  rule('gives nothing of an entry that is too large', async ({ store, other }) => {
    const name = newName()
    // Whether it is refused or kept is the store's business.
    await store.put(name, new Uint8Array(ENTRY_MAX_BYTES + 1), LONG_MS, signal).catch(() => {})
    assert.equal((await other.get(name, signal))?.value.length ?? 0, 0)
  }),
  rule('keeps one whole entry of several that are put at once', async ({ store, other }) => {
    const name = newName()
    const whole = (byte: number) => new Uint8Array(5_000).fill(byte)
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? store : other).put(name, whole(n), LONG_MS, signal)),
    )
    const { value = new Uint8Array() } = (await store.get(name, signal)) ?? {}
    assert.deepEqual(Buffer.from(value), Buffer.from(whole(value[0] ?? -1)))
  }),
  rule('gives a lease to one of all who ask at once', async ({ store, other }) => {
    const name = newName()
    const asked = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? store : other).lease(name, `holder-${n}`, LONG_MS, signal),
    )
    assert.deepEqual((await Promise.all(asked)).filter(Boolean), [true])
  }),
  rule('gives leases of other names freely', async ({ store }) => {
    assert.equal(await store.lease(newName(), 'one', LONG_MS, signal), true)
    assert.equal(await store.lease(newName(), 'two', LONG_MS, signal), true)
  }),
  rule('gives a lease again once it is released', async ({ store, other }) => {
    const name = newName()
    assert.equal(await store.lease(name, 'one', LONG_MS, signal), true)
    await store.release(name, 'one', signal)
    assert.equal(await other.lease(name, 'two', LONG_MS, signal), true)
  }),
  rule('releases a lease for its holder alone', async ({ store, other }) => {
    const name = newName()
    assert.equal(await store.lease(name, 'one', LONG_MS, signal), true)
    await other.release(name, 'two', signal)
    assert.equal(await other.lease(name, 'two', LONG_MS, signal), false)
  }),
  rule('gives a lease again, and to one alone, once its time is over', async ({ store, other, pass }) => {
    const name = newName()
    assert.equal(await store.lease(name, 'dead', SHORT_MS, signal), true)
    await pass(2 * SHORT_MS)
    const asked = Array.from({ length: 10 }, (_, n) =>
      (n % 2 ? store : other).lease(name, `holder-${n}`, LONG_MS, signal),
    )
    assert.deepEqual((await Promise.all(asked)).filter(Boolean), [true])
    await store.release(name, 'dead', signal)
    assert.equal(await store.lease(name, 'late', LONG_MS, signal), false)
  }),
  rule('takes the release of a lease that nobody has', async ({ store }) => {
    await store.release(newName(), 'nobody', signal)
  }),
  rule('keeps entry and lease of one name apart', async ({ store, other }) => {
    const name = newName()
    assert.equal(await store.lease(name, 'one', LONG_MS, signal), true)
    assert.equal(await other.get(name, signal), undefined)
    await other.put(name, BINARY, LONG_MS, signal)
    assert.equal(await other.lease(name, 'two', LONG_MS, signal), false)
    await store.release(name, 'one', signal)
    assert.equal((await other.get(name, signal))?.value.length, BINARY.length)
    assert.equal(await other.lease(name, 'two', LONG_MS, signal), true)
  }),
]
