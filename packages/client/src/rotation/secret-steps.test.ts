import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RegisteredCredential } from './registration.ts'
import { nextSecretStep } from './secret-steps.ts'

const NAME = 'tomte rotation: here'
const SOON_MS = 1_000

interface World {
  current: string
  next: string | undefined
  previous: string | undefined
  registered: RegisteredCredential[]
  accepted: string | undefined
  due: boolean
}

const entry = (
  text: string,
  displayName: string | undefined,
  expiresAtMs = 2 * SOON_MS,
): RegisteredCredential => ({
  kind: 'secret',
  keyId: `id of ${text}`,
  displayName,
  thumbprint: undefined,
  hint: text.slice(0, 3),
  expiresAtMs,
})

const stepIn = ({ current, next, previous, registered, accepted, due }: World) =>
  nextSecretStep({
    current,
    next,
    previous,
    registered,
    displayName: NAME,
    isAccepted: next !== undefined && accepted === next,
    soonMs: SOON_MS,
    force: due,
    isDone: !due,
  })

/** Does what the steps say, fails where one would do harm, and lists them. */
function walk(world: World): string[] {
  const steps: string[] = []
  for (let step = stepIn(world); step !== undefined; step = stepIn(world)) {
    steps.push(step.kind)
    assert.ok(steps.length < 20, `goes in a circle: ${steps.join(', ')}`)
    if ('keyId' in step) {
      const { keyId } = step
      assert.notEqual(keyId, `id of ${world.current}`, 'the secret in use would be removed')
      world.registered = world.registered.filter((one) => one.keyId !== keyId)
    } else if (step.kind === 'make') {
      world.next = 'made'
      world.registered = [...world.registered, entry('made', NAME)]
    } else if (step.kind === 'accept') world.accepted = world.next
    else if (step.kind === 'keep') world.previous = world.current
    else if (step.kind === 'promote') {
      assert.ok(
        world.next !== undefined && world.accepted === world.next,
        'put in place before it was accepted',
      )
      assert.equal(world.previous, world.current, 'the old secret would be lost')
      world.current = world.next
      world.due = false
    } else world[step.kind === 'discardNext' ? 'next' : 'previous'] = undefined
  }
  return steps
}

const world = (facts: Partial<World>): World => ({
  current: 'aaa',
  next: undefined,
  previous: undefined,
  registered: [entry('aaa', 'by hand'), entry('zzz', 'by hand')],
  accepted: undefined,
  due: true,
  ...facts,
})

describe('nextSecretStep', () => {
  it('walks from a secret that is due to its successor', () => {
    const due = world({})
    assert.deepEqual(walk(due), [
      'make',
      'accept',
      'keep',
      'promote',
      'discardNext',
      'unregisterPrevious',
      'discardPrevious',
    ])
    assert.deepEqual(
      due.registered.map(({ keyId }) => keyId),
      ['id of zzz', 'id of made'],
    )
  })

  it('removes a secret that was made and never saved, known by its name', () => {
    const registered = [entry('aaa', NAME), entry('bbb', NAME), entry('ccc', 'tomte rotation: there')]
    const left = world({ registered, due: false })
    assert.deepEqual(walk(left), ['unregisterOrphan'])
    assert.deepEqual(
      left.registered.map(({ keyId }) => keyId),
      ['id of aaa', 'id of ccc'],
    )
  })

  it('removes nothing as long as it is not known which secret is in use', () => {
    assert.deepEqual(walk(world({ registered: [entry('bbb', NAME)], due: false })), [])
  })

  it('ends well from every state, and does no harm on the way', () => {
    let states = 0
    for (const next of [undefined, 'aaa', 'bbb', 'old'])
      for (const previous of [undefined, 'aaa', 'ccc', 'bbb'])
        for (const others of [[], ['bbb'], ['ccc'], ['old'], ['bbb', 'ccc', 'old']])
          for (const due of [true, false]) {
            const made = others.map((text) => entry(text, NAME, text === 'old' ? SOON_MS : 2 * SOON_MS))
            const state = world({ next, previous, due })
            state.registered = [...state.registered, ...made]
            walk(state)
            const facts = JSON.stringify({ next, previous, others, due })
            assert.deepEqual(
              [state.next, state.previous, state.registered.map(({ keyId }) => keyId).sort()],
              [undefined, undefined, [`id of ${state.current}`, 'id of zzz'].sort()],
              facts,
            )
            states += 1
          }
    assert.equal(states, 160)
  })
})
