import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TokenCache } from './cache.ts'
import type { Flight, Slot } from './slot.ts'

const S = 'api://orders/.default'
const FLIGHT: Flight = { promise: new Promise(() => {}), number: 1, waitUntilMs: 0 }

/** A cache with one token for each tenant; each was used when its number says and lives to the end of time. */
function filled(tenants: readonly string[], tokensMax: number) {
  const cache = new TokenCache(tokensMax)
  const slots = tenants.map((tenant, index) => {
    const slot = cache.slot(tenant, S, index * 1000)
    slot.unusableAtMs = Infinity
    return slot
  })
  const has = () => tenants.filter((tenant) => cache.find(tenant, S) !== undefined)
  return { cache, slots, has }
}

describe('TokenCache', () => {
  it('makes one slot for a tenant and scope and finds it again', () => {
    const cache = new TokenCache()
    assert.equal(cache.find('a', S), undefined)
    const slot = cache.slot('a', S, 5000)
    assert.deepEqual([slot.tenant, slot.scope, slot.lastUsedSeconds, cache.size], ['a', S, 5, 1])
    assert.equal(cache.slot('a', S, 6), slot)
    assert.equal(cache.find('a', S), slot)
    assert.notEqual(cache.slot('b', S, 6), slot)
    assert.notEqual(cache.slot('a', 'api://b/.default', 6), slot)
    assert.equal(cache.size, 3)
  })

  it('forgets one tenant, or all', () => {
    const { cache, slots, has } = filled(['a', 'b', 'c'], 10)
    cache.slot('a', 'api://b/.default', 0)
    cache.clear('a')
    cache.clear('nobody')
    assert.deepEqual([has(), cache.size], [['b', 'c'], 2])
    cache.clear()
    assert.deepEqual([has(), cache.size], [[], 0])
    assert.ok(slots.every(({ dropped }) => dropped))
  })

  it('drops the least recently used when it is full', () => {
    const { cache, slots, has } = filled(['a', 'b', 'c'], 3)
    ;(slots[0] as Slot).lastUsedSeconds = 9
    cache.slot('d', S, 10)
    assert.deepEqual([has(), cache.size], [['a', 'c'], 3])
  })

  it('drops all that have expired before any that works', () => {
    const { cache, slots, has } = filled(['a', 'b', 'c', 'd'], 4)
    ;(slots[2] as Slot).unusableAtMs = 10
    ;(slots[3] as Slot).unusableAtMs = 9
    cache.slot('e', S, 10)
    assert.deepEqual([has(), cache.size], [['a', 'b'], 3])
  })

  it('keeps what somebody waits for', () => {
    const { cache, slots, has } = filled(['a', 'b', 'c'], 3)
    ;(slots[0] as Slot).flight = FLIGHT
    ;(slots[1] as Slot).challenged = new Map([['{}', FLIGHT]])
    cache.slot('d', S, 10)
    assert.deepEqual(has(), ['a', 'b'])
  })

  it('makes room for some at once and holds its bound, 100,000 unless told otherwise', () => {
    const cache = new TokenCache()
    for (let index = 0; index < 100_001; index += 1) cache.slot(`t${index}`, S, 0).unusableAtMs = index + 1e6
    assert.equal(cache.size, 100_000 - Math.floor(100_000 / 64) + 1)
    for (let index = 0; index < 5_000; index += 1) {
      cache.slot(`u${index}`, S, 1).unusableAtMs = 1e9
      assert.ok(cache.size <= 100_000)
    }
  })

  for (const tokensMax of [1, 0, -5, Number.NaN]) {
    it(`holds one when bounded by ${tokensMax}`, () => {
      const { cache, has } = filled(['a', 'b', 'c'], tokensMax)
      assert.deepEqual([has(), cache.size], [['c'], 1])
    })
  }
})
