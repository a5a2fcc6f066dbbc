import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CertificateStep, nextCertificateStep } from './certificate-steps.ts'

interface World {
  current: string
  next: string | undefined
  previous: string | undefined
  readonly registered: Set<string>
  readonly accepted: Set<string>
  due: boolean
}

const OUTDATED = 'outdated'

const stepIn = (world: World) =>
  nextCertificateStep({
    current: world.current,
    next: world.next,
    previous: world.previous,
    isRegistered: (thumbprint) => world.registered.has(thumbprint),
    isAccepted: (thumbprint) => world.accepted.has(thumbprint),
    isNextOutdated: world.next === OUTDATED,
    isDue: world.due,
  })

/** What each step does to the world; it fails where a step would do harm. */
const DO: Readonly<Record<CertificateStep, (world: World) => void>> = {
  make: (world) => {
    world.next = 'made'
  },
  add: ({ next, registered }) => void registered.add(next ?? assert.fail('nothing to add')),
  accept: ({ next, accepted, registered }) => {
    assert.ok(next !== undefined && registered.has(next), 'asked with a key that is not registered')
    accepted.add(next)
  },
  keep: (world) => {
    world.previous = world.current
  },
  promote: (world) => {
    const { next, accepted, previous, current } = world
    assert.ok(next !== undefined && accepted.has(next), 'put in place before it was accepted')
    assert.equal(previous, current, 'the old key would be lost')
    world.current = next
    world.due = false
  },
  unregisterPrevious: ({ previous, current, registered }) => {
    assert.notEqual(previous, current, 'the key in use would be removed')
    registered.delete(previous ?? '')
  },
  unregisterNext: ({ next, current, registered }) => {
    assert.notEqual(next, current, 'the key in use would be removed')
    registered.delete(next ?? '')
  },
  discardNext: (world) => {
    const { next, current, registered } = world
    assert.ok(next === current || !registered.has(next ?? ''), 'an orphan would be left')
    world.next = undefined
  },
  discardPrevious: (world) => {
    const { previous, current, registered } = world
    assert.ok(previous === current || !registered.has(previous ?? ''), 'an orphan would be left')
    world.previous = undefined
  },
}

function walk(world: World): CertificateStep[] {
  const steps: CertificateStep[] = []
  for (let step = stepIn(world); step !== undefined; step = stepIn(world)) {
    steps.push(step)
    assert.ok(steps.length < 20, `goes in a circle: ${steps.join(', ')}`)
    DO[step](world)
  }
  return steps
}

describe('nextCertificateStep', () => {
  it('walks from a certificate that is due to its successor, as its table says', () => {
    const world: World = {
      current: 'A',
      next: undefined,
      previous: undefined,
      registered: new Set(['A']),
      accepted: new Set(),
      due: true,
    }
    assert.deepEqual(walk(world), [
      'make',
      'add',
      'accept',
      'keep',
      'promote',
      'discardNext',
      'unregisterPrevious',
      'discardPrevious',
    ])
    assert.deepEqual([world.current, ...world.registered], ['made', 'made'])
  })

  it('ends well from every state, and does no harm on the way', () => {
    let states = 0
    for (const next of [undefined, 'A', 'B', OUTDATED])
      for (const previous of [undefined, 'A', 'C', 'B'])
        for (const others of [[], ['B'], ['C'], [OUTDATED], ['B', 'C', OUTDATED]])
          for (const due of [true, false]) {
            const registered = new Set(['A', 'stranger', ...others])
            const world: World = { current: 'A', next, previous, registered, accepted: new Set(), due }
            const handled = new Set([next, previous])
            walk(world)
            const left = [...registered].filter((key) => handled.has(key) && key !== world.current)
            const facts = JSON.stringify({ next, previous, others, due })
            assert.deepEqual([world.next, world.previous, left], [undefined, undefined, []], facts)
            assert.ok(registered.has(world.current) && registered.has('stranger'), facts)
            states += 1
          }
    assert.equal(states, 160)
  })
})
